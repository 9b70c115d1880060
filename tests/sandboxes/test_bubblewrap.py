"""The bubblewrap sandbox: what the conformance suite does not ask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import venv
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.interpreter import interpreter_view
from evolve.testing.sandboxes import available
from evolve.testing.sessions import Caller, Stopped
from evolve.types import Limits

ROOT = Path(__file__).parents[2]
LOOK = """
import os, sys

def listed(path):
    return sorted(os.listdir(path)) if os.path.isdir(path) else None

def prefix():
    return sys.prefix

def fork():
    os.wait() if os.fork() else os._exit(0)
    return True
"""

AS_USER = """
import json
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.testing.sessions import Caller
from evolve.types import Limits

sandbox = BubblewrapSandbox()
caller = Caller(sandbox.open("candidate", Limits()), "import os\\ndef who(): return [os.getuid(), os.listdir('/')]")
print(json.dumps([*caller.call("who"), caller.end().head["unclean"]]))
sandbox.close()
"""


@pytest.fixture
def sandbox() -> Iterator[BubblewrapSandbox]:
    """With a control group if there is one."""
    made = available(BubblewrapSandbox)
    yield made
    made.close()


def test_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without bwrap on PATH, how to install it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap"):
        BubblewrapSandbox()


def test_an_old_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 0.7 it could not bound a tmpfs."""
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho bubblewrap 0.6.1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxUnavailable, match=r"0\.6\.1"):
        BubblewrapSandbox()


def test_one_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of bwrap, and what to do about the usual causes."""
    bwrap = tmp_path / "bwrap"
    words = "bwrap: Creating new namespace failed: Operation not permitted"
    bwrap.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0 || {{ echo "{words}" >&2; exit 1; }}\n')
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sandbox = BubblewrapSandbox(bounded=False)
    try:
        with pytest.raises(SandboxUnavailable, match=f"{words}.*docker sandbox"):
            sandbox.open("candidate", Limits())
    finally:
        sandbox.close()


def test_the_package_and_hidden_folders_are_not_seen(tmp_path: Path) -> None:
    """Where `evolve` is installed there are evaluators, and their hidden data."""
    place = tmp_path / "env"
    venv.create(place, symlinks=True, with_pip=False)
    (place / "task").mkdir()
    (place / "task" / "evaluate.py").write_text("SECRET = 1\n")
    python = str(place / "bin" / "python")
    sandbox = available(partial(BubblewrapSandbox, python=python, hidden=[place / "task"]))
    try:
        caller = Caller(sandbox.open("candidate", Limits()), LOOK)
        assert caller.call("prefix") == str(place)
        assert caller.call("listed", str(place / "task")) == []
        assert "bin" in caller.call("listed", str(place))
        assert caller.call("listed", str(tmp_path)) == ["env"]
    finally:
        sandbox.close()


def test_an_interpreter_right_below_the_root_is_refused(tmp_path: Path) -> None:
    """To show its folder would be to show all that lies beside it."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho \'["/home", "/home", "/home", "/home"]\'\n')
    python.chmod(0o755)
    with pytest.raises(SandboxUnavailable, match="would show too much"):
        list(interpreter_view(str(python), []))


def test_sessions_open_on_many_threads(sandbox: BubblewrapSandbox) -> None:
    """At once, and each works."""

    def work(number: int) -> int:
        session = sandbox.open("candidate", Limits())
        try:
            answer: int = Caller(session, "def f(x): return x * x").call("f", number)
            return answer
        finally:
            session.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == [number * number for number in range(8)]


def test_without_a_control_group_a_candidate_is_alone() -> None:
    """Since memory is then bounded for a process only, there is one; and the weakness is named."""
    sandbox = available(partial(BubblewrapSandbox, bounded=False))
    try:
        assert "no process and no thread" in " ".join(sandbox.weaknesses)
        with pytest.raises(Stopped, match="Resource temporarily unavailable"):
            Caller(sandbox.open("candidate", Limits()), LOOK).call("fork")
    finally:
        sandbox.close()


def test_with_a_control_group_it_is_not(sandbox: BubblewrapSandbox) -> None:
    """Processes and threads are counted by the kernel and bounded together."""
    if not sandbox.bounded:
        pytest.skip("no control group can be made here")
    assert Caller(sandbox.open("candidate", Limits()), LOOK).call("fork")


def test_it_works_for_an_ordinary_user() -> None:
    """In a user namespace; nothing of it needs root."""
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if os.getuid() != 0:
        pytest.skip("these tests run as an ordinary user already")
    recent = [str(python), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if python is None or subprocess.run(recent, check=False).returncode:
        pytest.skip("there is no Python 3.11 that every user can run")
    available(BubblewrapSandbox).close()
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        Path(place).chmod(0o777)
        for folder in ("evolve", "sandbox"):
            shutil.copytree(ROOT / folder, Path(place, folder), ignore=shutil.ignore_patterns("__pycache__"))
        ended = subprocess.run(
            ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups", python, "-B", "-c", AS_USER],
            env={"PATH": os.environ["PATH"], "TMPDIR": place, "PYTHONPATH": place},
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    user, root, unclean = json.loads(ended.stdout)
    assert user == 65534
    assert "home" not in root
    assert "a session for each program" in unclean  # the next one would be the same user
