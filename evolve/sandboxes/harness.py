"""The harness: the small standard-library program that runs inside every sandbox, and how to start it.

A driver launches `argv(...)` in isolation, with `directory()` readable there (or `files()` copied there), and gives
back what the child reads and writes: frames on standard input and output, plain text on standard error.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import py_compile
import shutil
import tempfile
import threading
from dataclasses import asdict
from functools import cache
from pathlib import Path

from evolve import evaluator, frames
from evolve.resources import bundled
from evolve.types import Limits, Role

__all__ = ["CAPABILITIES", "GATEWAY", "argv", "directory", "files", "home", "sweep"]

CAPABILITIES = ("KILL", "SETGID", "SETPCAP", "SETUID")
"""What a harness with `separate` must have, and all that it may have: see `sandbox/harness/users.py`."""

GATEWAY = "/run/evolve/gateway.sock"
"""Where a candidate finds the gateway of its session, in sandboxes that have files of their own."""

_PREFIX = "evolve-"
_making = threading.Lock()


@cache
def files() -> dict[str, bytes]:
    """Every file of the harness: name -> content. `main.py` is the one to run."""
    found = {path.name: path.read_bytes() for path in sorted((bundled("sandbox") / "harness").glob("*.py"))}
    found["frames.py"] = Path(frames.__file__).read_bytes()
    found["contract.py"] = Path(evaluator.__file__).read_bytes()
    return found


def home() -> Path:
    """This process's private temporary folder, mode 700. Removed at exit; the next engine removes a killed one's."""
    with _making:
        return _home(os.getpid())


def directory() -> Path:
    """A folder that holds `files()`, made once per process under `home()`."""
    place = home()
    with _making:
        return _directory(place)


def argv(  # noqa: PLR0913 - what the harness is told, all but four optional
    python: str,
    folder: str,
    role: Role,
    limits: Limits,
    *,
    scratch: str | None = None,
    processes: int | None = None,
    abandoned: tuple[str, ...] = (),
    emptied: tuple[str, ...] = (),
    separate: bool = False,
    once: bool = False,
    counted: bool = False,
    gateway: str | None = None,
) -> list[str]:
    """The command line that runs the harness in `folder` with the interpreter `python`, both as the sandbox sees them.

    `scratch` is a folder that the harness owns and removes when it ends (without it, a new one under its `TMPDIR`).
    `processes` is the RLIMIT_NPROC of what the candidate starts; the kernel counts that per user id and not per
    sandbox, so it is the driver's to choose, and None leaves it alone. The limit on processes in `limits` is watched
    by the harness itself. `abandoned` are folders like `home()` to remove too when the engine died, their lock is free.
    `emptied` are folders to empty after each candidate: those that it may write to, and that are nobody else's.
    With `separate` the harness is started as root with `CAPABILITIES`, and gives each candidate a user id of its own.
    With `once` it asks to be replaced after each candidate: where they cannot be told apart by user.
    With `counted` what `/sys/fs/cgroup` shows inside is the control group of this session and of nothing else.
    `gateway` is the socket by which the session's candidates ask models, as they see it.
    """
    if gateway is not None and role != "candidate":
        raise ValueError("a gateway is for a candidate: what an evaluator needs of models it cannot have")
    settings = {
        "limits": asdict(limits),
        "scratch": scratch,
        "processes": processes,
        "abandoned": list(abandoned),
        "emptied": list(emptied),
        "separate": separate,
        # whoever can pass for another one could go on asking in the place of the next
        "once": once or (gateway is not None and not separate),
        "counted": counted,
        "gateway": gateway or "",
    }
    return [python, "-I", "-u", f"{folder}/main.py", role, json.dumps(settings)]


@cache
def _home(process: int) -> Path:
    sweep()
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    # The lock lives as long as this process does, however it ends. It is taken before the file has the name that a
    # sweep looks for, so that no folder is ever seen unlocked while its owner lives.
    lock = os.open(place / "lock.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    (place / "lock.new").rename(place / "lock")
    atexit.register(_remove, place, process)
    return place


def sweep(*, dry_run: bool = False) -> list[Path]:
    """Remove the folders of engines that are gone, or only look for them. Which ones."""
    found: list[Path] = []
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/lock"):
        try:
            held = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if lock.parent.stat().st_uid == os.getuid():
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(lock.parent)
                if not dry_run:
                    shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            pass  # its owner lives, or somebody else removed it first
        finally:
            os.close(held)
    return found


def _remove(place: Path, process: int) -> None:
    if os.getpid() == process:  # and not in a fork of it
        shutil.rmtree(place, ignore_errors=True)


@cache
def _directory(place: Path) -> Path:
    folder = place / "harness"
    folder.mkdir()
    for name, content in files().items():
        path = folder / name
        path.write_bytes(content)
        # compiled ahead, because a sandbox sees the folder read-only and would compile for each candidate
        py_compile.compile(str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    return folder
