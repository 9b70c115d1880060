"""The strongest sandbox that works is taken, and untrusted code never runs without isolation by accident."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from evolve.errors import SandboxUnavailable, TaskError, UnsafeRefused
from evolve.sandboxes.choose import NAMES, choose, consider, probe, require_safe
from evolve.sandboxes.guarantees import Guarantee
from evolve.sandboxes.process import ProcessSandbox
from evolve.sandboxes.recipe import Recipe, Surroundings
from evolve.types import Limits, Role, Session


class Plain:
    """A sandbox that says nothing of what it guarantees."""

    name = "plain"
    weaknesses: tuple[str, ...] = ()

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        raise SandboxUnavailable("nothing to open")

    def close(self) -> None:
        pass


class Isolating(Plain):
    """One that says that it isolates."""

    missing = frozenset({Guarantee.KERNEL, Guarantee.DISK})


@pytest.fixture
def no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without an engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.fixture
def no_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which bwrap cannot make a namespace."""
    bwrap = tmp_path / "bwrap"
    bwrap.write_text('#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0 || { echo refused >&2; exit 1; }\n')
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def test_each_is_tried_and_says_something() -> None:
    """What works names its weaknesses; what does not says why."""
    probes = probe()
    assert [found.name for found in probes] == list(NAMES)
    assert all(found.reason for found in probes)
    assert all(found.weaknesses for found in probes if found.works)


@pytest.mark.usefixtures("no_docker", "no_bubblewrap")
def test_auto_takes_what_is_left() -> None:
    """With the reasons why nothing stronger was taken."""
    choice = consider("auto")
    choice.sandbox.close()
    assert choice.sandbox.name == "process"
    assert [passed.name for passed in choice.passed_over] == ["docker", "bubblewrap"]
    assert "no Docker engine" in choice.passed_over[0].reason
    assert "refused" in choice.passed_over[1].reason


@pytest.mark.usefixtures("no_docker")
def test_auto_is_quick_without_docker() -> None:
    """Nobody waits for what is not there."""
    start = time.monotonic()
    consider("auto").sandbox.close()
    assert time.monotonic() - start < 50


def test_auto_does_not_wait_for_a_stuck_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and never answers."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "docker.sock"))
        server.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        start = time.monotonic()
        choice = consider("auto")
        choice.sandbox.close()
    assert choice.passed_over[0].name == "docker"
    assert time.monotonic() - start < 50


@pytest.mark.usefixtures("no_docker")
def test_one_that_is_asked_for_is_not_replaced() -> None:
    """Who asks for docker gets docker or an error."""
    with pytest.raises(SandboxUnavailable):
        choose("docker")


def test_one_of_ones_own() -> None:
    """By module and attribute; what is neither is named in the error."""
    sandbox = choose("evolve.sandboxes.process:ProcessSandbox")
    assert isinstance(sandbox, ProcessSandbox)
    for name in ("vault", "evolve.nowhere:Sandbox", "evolve.types:nothing"):
        with pytest.raises(TaskError, match=name):
            choose(name)


def test_untrusted_code_needs_isolation_or_a_word() -> None:
    """A sandbox that does not say that it isolates does not."""
    for sandbox in (ProcessSandbox(), Plain()):
        with pytest.raises(UnsafeRefused, match=f"{sandbox.name} sandbox.*--allow-unsafe"):
            require_safe(sandbox, untrusted=True, allow_unsafe=False)
        require_safe(sandbox, untrusted=True, allow_unsafe=True)
        require_safe(sandbox, untrusted=False, allow_unsafe=False)
    require_safe(Isolating(), untrusted=True, allow_unsafe=False)


def test_what_only_docker_has_is_an_error_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing that a task asks for is ignored, and "auto" does not fall back on a sandbox without it."""
    asked = Surroundings(gpus=1, recipe=Recipe(requirements="six\n"))
    for name in ("bubblewrap", "process", "evolve.sandboxes.process:ProcessSandbox"):
        with pytest.raises(TaskError, match=r"gpus, requirements in \[sandbox\].*--sandbox docker"):
            choose(name, asked)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with pytest.raises(SandboxUnavailable, match="no Docker engine"):
        choose("auto", asked)
