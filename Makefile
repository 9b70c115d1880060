# Everything is done inside .venv, made on first use from requirements.lock. Nothing else has to be set up before.
#
#   make run     install, search for a better bin packing heuristic offline, show the result and its lineage
#   make test    install and run all tests
#   make check   format, lint, types, layers
#   make bench   run every benchmark
#   make lock    resolve the dependencies in pyproject.toml again and write requirements.lock

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= auto

# The first Python on PATH that is new enough; `make PYTHON=...` overrides it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: help run test check format bench lock clean

help:
	@sed -n 's/^#   make/make/p' Makefile

run: $(VENV)/installed
	@$(BIN)/evolve run bin_packing
	@latest=$$(ls -td runs/*/ | sed -n '1s:/$$::p'); \
	echo; echo "The lineage of the best program, as git tells it (git -C $$latest log --graph best):"; echo; \
	git -C "$$latest" --no-pager log --graph -20 best \
		--format='%h %(trailers:key=Score,valueonly,separator=%x20) %s' | cut -c 1-120

test: $(VENV)/installed
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

check: $(VENV)/installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(VENV)/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/installed
	@failed=; for benchmark in benchmarks/[a-z]*.py; do \
		echo "== $$benchmark"; $(BIN)/python "$$benchmark" || failed="$$failed $$benchmark"; \
	done; \
	if [ -n "$$failed" ]; then echo "Missed their figures:$$failed"; exit 1; fi

# One file for every supported Python and platform, with the hash of every package. It names no index: pip and uv take
# packages from wherever they are set up to.
lock: $(VENV)/installed
	@$(PIP) install 'uv>=0.5'
	@$(BIN)/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 --extra dev \
		--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
		--output-file requirements.lock pyproject.toml > /dev/null

clean:
	@rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# pip wants a hash for everything it is given, and a checkout has none: so dependencies first, the checkout after.
$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/pip
	@echo "Installing into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(VENV)/bin/pip:
	@.ci/venv "$(PYTHON)" $(VENV)
