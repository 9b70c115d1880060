"""The harness as files and as a command line."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evolve.sandboxes import harness
from evolve.types import Limits, Role

ROOT = Path(__file__).parents[2]


def test_the_harness_is_standard_library_and_the_codec() -> None:
    """It runs where nothing is installed: with neither site-packages nor anything of `evolve`."""
    names = [name.removesuffix(".py") for name in harness.files()]
    assert {"main", "supervisor", "candidate", "evaluator", "frames"} <= set(names)
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import {', '.join(names)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(harness.directory())], capture_output=True, text=True, check=True
    )
    top = {name.partition(".")[0] for name in done.stdout.split()} - set(names)
    assert top - sys.stdlib_module_names <= {"__main__", "site"}


def test_the_folder_is_made_once_and_is_private() -> None:
    """All sessions of a process share it, and no other user can write to it."""
    folder = harness.directory()
    assert folder == harness.directory()
    assert {path.name: path.read_bytes() for path in folder.glob("*.py")} == harness.files()
    assert harness.home().stat().st_mode & 0o077 == 0
    assert folder.parent == harness.home()


def test_the_command_line_carries_the_settings() -> None:
    """As one argument of JSON."""
    command = harness.argv("python3", "/h", "candidate", Limits(processes=3), scratch="/s", processes=7)
    assert command[:5] == ["python3", "-I", "-u", "/h/main.py", "candidate"]
    settings = json.loads(command[5])
    assert settings["limits"]["processes"] == 3
    assert (settings["scratch"], settings["processes"], settings["abandoned"]) == ("/s", 7, [])


def _engine(temporary: Path, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from evolve.sandboxes import harness; print(harness.directory(), flush=True); {code}"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_left_at_exit(tmp_path: Path) -> None:
    """The folder goes with the process."""
    engine = _engine(tmp_path, "pass")
    told, _ = engine.communicate(timeout=300)
    assert str(tmp_path) in told
    assert list(tmp_path.iterdir()) == []


def test_the_next_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    """And leaves alone what belongs to one that lives."""
    living = _engine(tmp_path, "import time; time.sleep(600)")
    killed = _engine(tmp_path, "import time; time.sleep(600)")
    try:
        assert living.stdout is not None
        assert killed.stdout is not None
        stays, goes = (Path(each.stdout.readline().strip()).parent for each in (living, killed) if each.stdout)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        time.sleep(0.01)
        assert goes.exists()
        _engine(tmp_path, "pass").communicate(timeout=300)
        assert not goes.exists()
        assert (stays / "harness" / "main.py").exists()
    finally:
        for each in (living, killed):
            each.kill()
            each.communicate()


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("role", ["candidate", "evaluator"])
def test_an_orphaned_harness_removes_the_folder_of_a_dead_engine_only(tmp_path: Path, role: Role, held: bool) -> None:
    """One whose lock is held belongs to an engine that lives, whatever became of the channel."""
    place, scratch = tmp_path / "home", tmp_path / "scratch"
    place.mkdir()
    scratch.mkdir()
    with (place / "lock").open("w") as lock:
        if held:
            fcntl.flock(lock, fcntl.LOCK_EX)
        command = harness.argv(
            sys.executable, str(harness.directory()), role, Limits(), scratch=str(scratch), abandoned=(str(place),)
        )
        orphan = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert orphan.stdin is not None
        orphan.stdin.close()
        assert orphan.wait(120) == 0
        assert orphan.stdout is not None
        orphan.stdout.close()
    assert not scratch.exists()
    assert place.exists() == held
