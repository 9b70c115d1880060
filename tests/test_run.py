from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evolve.errors import RunDamaged, RunExists, RunLocked, RunNotFound, StorageError
from evolve.run import Run


def test_a_new_run_holds_its_config(tmp_path: Path) -> None:
    """What was resolved is read back as it was."""
    run = Run.create(tmp_path / "runs" / "a", {"seed": 1, "task": "x"})
    run.close()
    again = Run.open(tmp_path / "runs" / "a")
    assert again.config == {"seed": 1, "task": "x"}
    assert list(again.events()) == []
    again.close()


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    """A run never writes over another one, nor over anything else."""
    (tmp_path / "a").mkdir()
    with pytest.raises(RunExists, match="evolve resume"):
        Run.create(tmp_path / "a", {})


def test_a_run_is_open_once(tmp_path: Path) -> None:
    """A second process is told who holds it."""
    run = Run.create(tmp_path / "a", {})
    with pytest.raises(RunLocked, match=f"process {os.getpid()}"):
        Run.open(tmp_path / "a")
    run.close()
    run.close()
    Run.open(tmp_path / "a").close()


def test_the_lock_of_a_killed_process_is_waited_for(tmp_path: Path) -> None:
    """Its git process holds the lock for the moment that it takes to store what it was given."""
    run = Run.create(tmp_path / "a", {})
    run.close()
    script = (
        "import subprocess, sys; from pathlib import Path; from evolve.run import Run\n"
        "run = Run.open(Path(sys.argv[1]))\n"
        "subprocess.Popen(['sleep', '0.5'], pass_fds=(run.lock,))\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a")], check=True)
    Run.open(tmp_path / "a").close()


@pytest.mark.parametrize(
    ("make", "error"),
    [([], RunNotFound), (["a"], RunNotFound), (["a", "a/.evolve"], RunDamaged)],
    ids=["nothing", "no run", "stopped before it was set up"],
)
def test_what_is_no_run_is_said_to_be_none(tmp_path: Path, make: list[str], error: type[Exception]) -> None:
    """Each with its own words."""
    for name in make:
        (tmp_path / name).mkdir()
    with pytest.raises(error):
        Run.open(tmp_path / "a")


def test_a_config_that_is_damaged_names_its_copy(tmp_path: Path) -> None:
    """The ledger has one."""
    Run.create(tmp_path / "a", {}).close()
    (tmp_path / "a" / ".evolve" / "config.toml").write_text("= nonsense")
    with pytest.raises(RunDamaged, match=r"git .* show trials:config.toml"):
        Run.open(tmp_path / "a")


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot make the run directory"):
        Run.create(tmp_path / "file" / "a", {})
