"""The folders that a candidate may write to: filled before it, emptied after it, and looked at whether they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence

import folder
from users import Users


class Ground:
    """`work` is the candidate's own folder, below `scratch`; `emptied` are others that it may write to.

    Where there are many users, all that lies there is its own, and is removed with no power but its own.
    """

    def __init__(self, users: Users | None, scratch: str, emptied: Iterable[str]) -> None:
        self.work = os.path.join(scratch, "work")
        self._users, self._scratch = users, scratch
        # what was there before any candidate stays: an interpreter may live there, on a mount of its own
        before = {place: set(os.listdir(place)) for place in emptied if os.path.isdir(place)}
        self._emptied = {place: names - {os.path.basename(scratch)} for place, names in before.items()}
        # whose mode a candidate may have changed, which is seen nowhere else
        self._owned = {place for place in self._emptied if os.stat(place).st_uid == os.geteuid()}

    def fill(self, files: Iterable[Sequence[object]], contents: Sequence[bytes]) -> None:
        """Make the folder and write the files. Raises `OSError` or `ValueError`."""
        with self._as_candidate():
            folder.wipe(self.work)
            folder.fill(self.work, files, contents)

    def clear(self) -> str:
        """Remove everything. Returns what stayed nevertheless, as text for people, or nothing."""
        try:
            full = [place for place in self._emptied if place in self._owned or self._left(place)]
            with self._as_candidate():
                for place in full:
                    folder.wipe(place, 0o1777, self._emptied[place])
                if os.path.lexists(self.work):
                    folder.wipe(self.work)
        except OSError as error:
            return f"a folder of the candidate cannot be emptied: {error}"
        for place in full:
            if left := self._left(place):
                return f"{len(left)} files are left in {place}, {min(left)!r} among them"
        return ""

    def _left(self, place: str) -> set[str]:
        return set(os.listdir(place)) - self._emptied[place]

    def _as_candidate(self) -> contextlib.AbstractContextManager[None]:
        return self._users.as_candidate() if self._users else contextlib.nullcontext()
