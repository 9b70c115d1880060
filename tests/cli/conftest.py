"""A small run for the verbs that read one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from evolve.cli.app import command

Invoke: TypeAlias = Callable[..., Result]


@pytest.fixture
def invoke() -> Invoke:
    """Run the command line in this process: `invoke("log", path, "--json")`."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)

    return call


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task folder that `evolve init` makes."""
    folder = tmp_path_factory.mktemp("tasks") / "sine"
    result = CliRunner().invoke(command, ["init", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def run(task: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 30 trials on that task."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ["run", str(task), "--trials", "30", "--workers", "1", "--sandbox", "process", "--runs", str(runs)]
    result = CliRunner().invoke(command, [*arguments, "--name", "one", "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return runs / "one"
