"""What an engine that is killed leaves behind stops by itself, and is removed by the next one or by `prune`."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.cgroups import find_groups, left_groups
from evolve.sandboxes.containers import OWNER, left_containers, reap
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.harness import sweep
from evolve.testing.sandboxes import available
from evolve.testing.sessions import running, until

ENGINE = """
import signal, sys
from evolve.sandboxes.choose import choose
from evolve.sandboxes.canaries import LIMITS, ORDINARY
from evolve.sandboxes.caller import Caller
from evolve.sandboxes.harness import home
from evolve.sandboxes.owner import Owner

sandbox = choose(sys.argv[1])
callers = [Caller(sandbox.open("candidate", LIMITS), ORDINARY) for _ in range(2)]
for caller in callers:
    caller.call("daemon", sys.argv[2])
print(Owner.this(), home(), flush=True)
# in the middle of a call
callers[0].call("spin", timeout=300.0)
"""


def killed_engine(sandbox: str, marker: str) -> tuple[str, Path]:
    """An engine with two sessions in which something runs, killed: who it was, and its temporary folder."""
    command = [sys.executable, "-c", ENGINE, sandbox, marker]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        try:
            owner, folder = engine.stdout.readline().split()
            if not running(marker):
                pytest.skip("the sandbox runs on another machine, whose processes cannot be seen from here")
        finally:
            os.kill(engine.pid, signal.SIGKILL)
    return owner, Path(folder)


@pytest.mark.parametrize(("name", "make"), [("docker", DockerSandbox), ("bubblewrap", BubblewrapSandbox)])
def test_nothing_runs_after_the_engine_is_killed(
    name: str, make: Callable[[], DockerSandbox | BubblewrapSandbox]
) -> None:
    """Soon, daemons and loops included; what lies about is removed by whoever comes next."""
    available(make).close()
    marker = secrets.token_hex(8)
    owner, folder = killed_engine(name, marker)
    assert until(lambda: not running(marker), 60)
    sweep()
    assert not folder.exists()
    if name == "docker":
        with contextlib.closing(connect(60)) as client:
            reap(client)
            assert client.containers(all=True, filters={"label": f"{OWNER}={owner}"}) == []
    else:
        groups = find_groups()
        if groups is not None:
            groups.make(2**24, 8).remove()  # whoever makes a group, sweeps first
            left = [group for group in left_groups() if owner in group.name]
            # this process may have swept before, and a killed one may still be on its way out
            assert until(lambda: all(_removed(group) for group in left), 60)
            assert [group for group in left_groups() if owner in group.name] == []


def _removed(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


def test_what_lives_is_not_left_behind() -> None:
    """Only what certainly belongs to the dead is listed."""
    sandbox = available(DockerSandbox)
    try:
        sandbox.prepare()
        with contextlib.closing(connect(60)) as client:
            name = sandbox.prepare()
            made = client.create_container(name, command=["true"], labels={OWNER: "someone else"})["Id"]
            try:
                assert made not in left_containers(client)
            finally:
                client.remove_container(made, force=True)
    finally:
        sandbox.close()


def test_a_dry_run_removes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that was left is named, and is there until it is meant."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "evolve-left"
    left.mkdir()
    (left / "lock").touch()
    assert sweep(dry_run=True) == [left]
    assert left.exists()
    assert sweep() == [left]
    assert not left.exists()
