"""A run directory: an ordinary git repository, with the engine's state in `.evolve/`.

.evolve/lock           held while a process works on the run
.evolve/config.toml    everything resolved, written once
.evolve/journal.jsonl  what happened, in order
.evolve/artifacts/     files that evaluations of new bests left, by trial number
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import tomli_w

from evolve import journal
from evolve.errors import RunDamaged, RunExists, RunLocked, RunNotFound, StorageError
from evolve.types import path_problem

__all__ = ["Run", "check", "read_config"]

_PATIENCE = 30.0
"""Seconds to wait for what a killed session left running."""


class Run:
    """An open run: nobody else can open it before `close`. Made by `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = path / ".evolve"
        self.lock = _lock(self.state / "lock")
        try:
            self.config_text, self.config = read_config(path)
            self.journal = journal.Journal(self.state / "journal.jsonl")
        except BaseException:  # an interrupt, too, leaves nothing locked
            os.close(self.lock)
            raise

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> Run:
        """A new run directory at `path`.

        Raises `RunExists` when something is there, `StorageError` when it cannot be written.
        """
        if path.exists():
            raise RunExists(
                f"{path} exists; choose another --name, or continue it with: evolve resume {quote(str(path))}"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except OSError as error:
            raise StorageError(f"cannot make the run directory {path}: {error.strerror}") from error
        cls._write_config(path, tomli_w.dumps(config).encode())
        return cls(path)

    @classmethod
    def restore(cls, path: Path, config: bytes, events: Iterable[journal.Event]) -> None:
        """Make again what of `.evolve/` is missing: the journal with this history, the config.

        Raises `RunLocked` when another process works on it, `StorageError`.
        """
        state = path / ".evolve"
        try:
            state.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot write to {state}: {error.strerror}") from error
        lock = _lock(state / "lock")
        try:
            # a journal that is there knows more than the commits do
            if not (state / "journal.jsonl").exists():
                cls._write_journal(state / "journal.jsonl", events)
            if not (state / "config.toml").exists():
                cls._write_config(path, config)
        finally:
            os.close(lock)

    @staticmethod
    def _write_journal(file: Path, events: Iterable[journal.Event]) -> None:
        draft = file.with_suffix(".jsonl.draft")
        try:
            draft.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"cannot write to {draft.parent}: {error.strerror}") from error
        restored = journal.Journal(draft)
        try:
            for event in events:
                restored.append(event)
            restored.sync()
        finally:
            restored.close()
        draft.replace(file)

    @staticmethod
    def _write_config(path: Path, config: bytes) -> None:
        state = path / ".evolve"
        try:
            state.mkdir(exist_ok=True)
            draft = state / "config.toml.draft"
            with draft.open("wb") as file:
                file.write(config)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(state / "config.toml")
        except OSError as error:
            raise StorageError(f"cannot write to {state}: {error.strerror}") from error

    @classmethod
    def open(cls, path: Path) -> Run:
        """The run at `path`.

        Raises `RunNotFound`, `RunLocked` when another process works on it, `RunDamaged` when it was never set up.
        """
        check(path)
        return cls(path)

    def events(self, only: str = "") -> Iterator[journal.Event]:
        """What happened so far, or the events of one kind, in order. Raises `RunDamaged`."""
        return journal.read(self.state / "journal.jsonl", only)

    def unfinished(self) -> frozenset[int]:
        """The trials that were asked for and not told."""
        return journal.unfinished(self.state / "journal.jsonl")

    def keep(self, number: int, artifacts: Mapping[str, bytes]) -> None:
        """Write the artifacts of a trial to `.evolve/artifacts/<number>/`. Raises `StorageError`."""
        folder = self.state / "artifacts" / str(number)
        for name, content in artifacts.items():
            if path_problem(name):
                continue  # its name could lead anywhere; the evaluator was told
            try:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            except OSError as error:
                raise StorageError(f"cannot write the artifact {folder / name}: {error.strerror}") from error

    def discard(self) -> None:
        """Remove the whole directory, the config first: what a kill leaves behind is then no run."""
        (self.state / "config.toml").unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Let others open it. May be called twice."""
        self.journal.close()
        if self.lock >= 0:
            os.close(self.lock)
            self.lock = -1


def check(path: Path) -> None:
    """Raise `RunNotFound`, `RunDamaged` or `StorageError` unless `path` is a run directory."""
    try:
        there, state = path.is_dir(), (path / ".evolve").is_dir()
        config = (path / ".evolve" / "config.toml").exists()
    except OSError as error:
        raise StorageError(f"cannot read {error.filename}: {error.strerror}") from error
    if not there:
        raise RunNotFound(f"there is no run at {path}; `evolve list` shows those there are")
    if not state:
        raise RunNotFound(f"{path} is no run directory: it has no .evolve folder")
    if not config:
        raise RunDamaged(f"{path} was stopped before it was set up and holds nothing: delete it and start again")


def read_config(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The configuration of the run at `path`, as written and as it reads. Raises `StorageError`, `RunDamaged`."""
    file = path / ".evolve" / "config.toml"
    try:
        text = file.read_bytes()
        config = tomllib.loads(text.decode())
    except OSError as error:
        raise StorageError(f"cannot read {file}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RunDamaged(
            f"{file} cannot be read ({error}); the ledger has a copy: git -C {quote(str(path))} show trials:config.toml"
        ) from error
    return text, config


def _lock(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StorageError(f"cannot open {path}: {error.strerror}") from error
    try:
        _acquire(fd, path)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(fd)
        raise StorageError(f"cannot lock {path}: {error.strerror}") from error
    except RunLocked:
        os.close(fd)
        raise
    return fd


def _acquire(fd: int, path: Path) -> None:
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip()
            # the git process of a killed session keeps the lock until it has stored what it was given
            if holder.isdigit() and not Path(f"/proc/{holder}").exists() and time.monotonic() < patience:
                time.sleep(0.02)
                continue
            raise RunLocked(
                f"{path.parent.parent} is in use by process {holder or '?'}; wait until it ends, or stop it with: "
                f"kill -INT {holder or 'PID'}"
            ) from error
