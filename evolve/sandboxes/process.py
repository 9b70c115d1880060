"""The process sandbox: no isolation, but limits, a clean environment, and nothing that outlives its evaluation."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.sandboxes import harness
from evolve.sandboxes.openings import Openings
from evolve.sandboxes.session import PipeSession
from evolve.types import Limits, Role

__all__ = ["ProcessSandbox"]

_SPARE = 1024  # tasks that the user's other programs may start before a candidate's fork fails for them


class ProcessSandbox:
    """Runs candidates as ordinary processes of the user: for programs one would run anyway. Linux only."""

    name = "process"
    weaknesses: tuple[str, ...] = (
        "A program reads every file that you can read, keys and the evaluator's hidden data included.",
        "A program writes and deletes every file that you can write.",
        "A program reaches the network.",
        "A program can stop or kill your other processes.",
        "Memory is limited for each process, and for all of a program's together only by looking every 50 ms.",
        "Disk space is limited for each file and not for all of them together.",
    )

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._sessions: Openings[PipeSession] = Openings()

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> PipeSession:
        """Start a harness. Raises `SandboxUnavailable` where this is not Linux, `SandboxFault` when it cannot start."""
        if sys.platform != "linux":
            raise SandboxUnavailable("the process sandbox needs Linux; use --sandbox docker")
        with self._sessions.opening():
            return self._start(role, limits, gateway)

    def _start(self, role: Role, limits: Limits, gateway: Path | None) -> PipeSession:
        scratch = tempfile.mkdtemp(prefix=f"{role}-", dir=harness.home())
        try:
            process = self._harness(role, limits, scratch, gateway)
        except BaseException:  # an interrupt, too, leaves no folder behind
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        session = PipeSession(process, limits, on_close=lambda: self._after(session, scratch))
        self._sessions.add(session)
        return session

    def _harness(self, role: Role, limits: Limits, scratch: str, gateway: Path | None) -> subprocess.Popen[bytes]:
        command = harness.argv(
            self._python,
            str(harness.directory()),
            role,
            limits,
            scratch=scratch,
            processes=_tasks_of_user() + _SPARE,
            abandoned=(str(harness.home()),),
            gateway=str(gateway) if gateway else None,
        )
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,  # a Ctrl-C at the terminal is the engine's to handle
            )
        except OSError as error:
            raise SandboxFault(f"cannot start {self._python}: {error.strerror}") from error

    def close(self) -> None:
        """Close what sessions are left. May be called twice; nothing can be opened afterwards."""
        self._sessions.close()

    def _after(self, session: PipeSession, scratch: str) -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        self._sessions.discard(session)


def _tasks_of_user() -> int:
    """How many processes and threads the user has now, the count that RLIMIT_NPROC is held against."""
    mine, count = os.getuid(), 0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and process.stat().st_uid == mine:
                count += sum(1 for _ in (process / "task").iterdir())
    return count
