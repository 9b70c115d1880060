"""What all tests share: git without the user's settings, and `evolve` as a command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Two cores shared by all workers make any deadline a coin toss; the examples are the same on every run.
settings.register_profile("evolve", deadline=None, derandomize=True)
settings.load_profile("evolve")

os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
os.environ["PYTHONPATH"] = str(ROOT)
os.environ.pop("SOURCE_DATE_EPOCH", None)


@pytest.fixture(scope="session")
def evolve_on_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `evolve` is this checkout's, whether or not it is installed."""
    script = tmp_path_factory.mktemp("bin") / "evolve"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evolve "$@"\n')
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
