"""What all tests share: git without the user's settings, `evolve` as a command, and that they leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from evolve.sandboxes import harness
from evolve.testing.processes import settles

ROOT = Path(__file__).parent.parent

# Two cores shared by all workers make any deadline a coin toss; the examples are the same on every run.
settings.register_profile("evolve", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("evolve")

for name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[name]  # a hook's, which lead to its own repository
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
os.environ["PYTHONPATH"] = str(ROOT)
for name in ("SOURCE_DATE_EPOCH", "COLUMNS", "FORCE_COLOR", "OPENAI_BASE_URL"):
    os.environ.pop(name, None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"  # the services here are this machine's
os.umask(0o022)

# What a shell starts in the background or under nohup ignores signals, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)

_came: dict[str, str] = {}
"""What lies in the folder of this process's sandboxes: its name, and after which test it was seen first."""


def _there() -> set[str]:
    return {path.name for path in harness.home().iterdir()} - {"harness", "lock"}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A session that a file of tests leaves open is the error of that file, and not of whoever looks for his own."""
    yield
    _came.update((name, item.nodeid) for name in _there() - _came.keys())
    if nextitem is None or nextitem.path != item.path:
        settles(lambda: not _there(), 30)  # a thread of a search that was stopped may be about to close one
        left = {name: _came.get(name, item.nodeid) for name in _there()}
        _came.clear()
        assert not left, f"of sessions that were opened there is left, after which test: {left}"


@pytest.fixture(scope="session")
def evolve_on_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PATH on which `evolve` is this checkout's, whether or not it is installed."""
    script = tmp_path_factory.mktemp("bin") / "evolve"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evolve "$@"\n')
    script.chmod(0o755)
    return f"{script.parent}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
