"""One `git fast-import`, the process that writes a run's commits."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Any, cast

import git

from evolve.errors import LineageError, StorageError

__all__ = ["IDENTITY", "Importer"]

IDENTITY = "evolve <evolve@localhost>"
"""Author and committer of every commit that the engine makes."""

_TIP = "refs/evolve/tip"


class Importer:
    """One `git fast-import`. Raises `LineageError` or `StorageError` when it dies; `dead` says that it did."""

    def __init__(self, repository: git.Repo, hold: int | None) -> None:
        # its own session: Ctrl-C at the terminal is for the engine, which then ends git in good order
        # GitPython ends the process when this handle is collected, so it is kept
        name, address = IDENTITY.split(" <")
        self._handle = repository.git.execute(
            ["git", "fast-import", "--force", "--quiet", "--done", "--depth=20"],
            istream=subprocess.PIPE,
            as_process=True,
            start_new_session=True,
            # for the logs of branches; without it git asks the network for this machine's name
            env={"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address.rstrip(">")},
            pass_fds=() if hold is None else (hold,),
        )
        self._process = cast("subprocess.Popen[bytes]", cast("Any", self._handle).proc)
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        self._waits = 0
        self._marks: dict[str, int] = {}
        self._branches: list[str] = []
        self.dead = False

    def commit(self, commit: str, parents: Sequence[str], when: int, message: str, changes: Sequence[bytes]) -> None:
        """Write the commit with this id. `changes` are commands that turn the first parent's tree into its own."""
        mark = self._marks[commit] = len(self._marks) + 1
        data = message.encode()
        # one ref for all: a ref for each trial would make fast-import quadratic
        self.send(f"reset {_TIP}\ncommit {_TIP}\nmark :{mark}\ncommitter {IDENTITY} {when} +0000\n".encode())
        self.send(b"data %d\n%b" % (len(data), data))
        for i, parent in enumerate(parents):
            self.send(f"{'merge' if i else 'from'} {self._name(parent)}\n".encode())
        self.send(b"".join(changes) + b"\n")

    def point(self, branch: str, commit: str) -> None:
        """Make a branch name a commit, at the next checkpoint."""
        self.send(f"reset refs/heads/{branch}\nfrom {self._name(commit)}\n\n".encode())
        self._branches.append(branch)

    def checkpoint(self) -> None:
        """Have git store what was sent and move the branches that were pointed. Does not wait."""
        self.send(b"checkpoint\n")
        for branch in self._branches:
            # git forgets the branch; else each checkpoint would put it back there, whatever a person did since
            self.send(f"reset refs/heads/{branch}\n\n".encode())
        self._branches.clear()

    def _name(self, commit: str) -> str:
        # a commit of this process may not be in a finished pack yet, so it goes by its mark
        mark = self._marks.get(commit)
        return commit if mark is None else f":{mark}"

    def send(self, commands: bytes) -> None:
        if self.dead:
            raise LineageError("git fast-import died before; resume the run to write what is missing")
        try:
            self._stdin.write(commands)
        except OSError as error:
            raise self._failure() from error

    def wait(self) -> None:
        """Until git has done everything that was sent."""
        self._waits += 1
        self.send(f"progress {self._waits}\n".encode())
        try:
            self._stdin.flush()
        except OSError as error:
            raise self._failure() from error
        if self._stdout.readline() != f"progress {self._waits}\n".encode():
            raise self._failure()

    def close(self) -> None:
        """End it in good order: what was sent is stored. Does nothing when it died, which was said then."""
        if self.dead:
            return
        try:
            self._stdin.write(b"done\n")
            self._stdin.close()
        except OSError as error:
            raise self._failure() from error
        if self._process.wait() != 0:
            raise self._failure()
        self._end()

    def _failure(self) -> LineageError | StorageError:
        # it is dead or dying; a pipe that it can no longer read must not keep us waiting
        self.dead = True
        self._process.kill()
        said = cast("IO[bytes]", self._process.stderr).read().decode(errors="replace").strip()
        self._end()
        if "diskspace" in said or "No space left" in said:
            return StorageError("git found no space left on the disk; nothing recorded is lost: make room, then resume")
        return LineageError(f"git fast-import ended with status {self._process.returncode}: {said or 'no message'}")

    def _end(self) -> None:
        for stream in (self._stdin, self._stdout, self._process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()
