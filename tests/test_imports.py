"""Nothing heavy is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "cma",
    "docker",
    "git",
    "matplotlib",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "requests",
    "scipy",
}

LIST = """
import sys
from evolve.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def imported_by(code: str, *arguments: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `code`."""
    end = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(end.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["list", "--help"], ["bench", "run", "--help"]]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """`evolve --help` and a verb's help load click and little else."""
    names = imported_by(LIST, *arguments)
    assert "click" in names
    assert names & HEAVY == set()


def test_a_search_without_models_imports_no_client() -> None:
    """The client of models takes as long to load as all the rest."""
    names = imported_by(
        "import sys, evolve.search; print(*{n.partition('.')[0] for n in sys.modules}, file=sys.stderr)"
    )
    assert "numpy" in names
    assert "openai" not in names


def test_the_package_imports_nothing_heavy() -> None:
    """`import evolve` costs nothing until `run` or `load` is used."""
    names = imported_by("import sys, evolve; print(*{n.partition('.')[0] for n in sys.modules}, file=sys.stderr)")
    assert "evolve" in names
    assert names & HEAVY == set()
