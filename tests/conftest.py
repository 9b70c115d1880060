"""What all tests share: git without the user's settings, and `evolve` as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings

Command: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
"""`evolve("list", "--json", cwd=folder)` runs the command line in a process of its own."""

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

# Two cores shared by all workers make any deadline a coin toss; the examples are the same on every run.
settings.register_profile("evolve", deadline=None, derandomize=True)
settings.load_profile("evolve")

os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
os.environ.pop("SOURCE_DATE_EPOCH", None)


@pytest.fixture
def evolve(tmp_path: Path) -> Command:
    """Run `evolve` with these arguments, in `cwd` (a fresh folder unless told), and return what it said."""

    def command(*arguments: str, cwd: Path = tmp_path, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "evolve", *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return command
