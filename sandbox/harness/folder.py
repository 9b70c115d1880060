"""Folders that untrusted code has written to: filled and wiped without following anything it left there."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterable, Sequence

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def fill(folder: str, files: Iterable[Sequence[object]], contents: Sequence[bytes]) -> None:
    """Write `contents` to the paths in `files`: (path, executable, append). Raises `OSError` or `ValueError`."""
    made = {""}
    for (path, executable, append), content in zip(files, contents, strict=True):
        if not isinstance(path, str) or path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
            raise ValueError(f"{path!r} names no file below a folder")
        parent = path.rpartition("/")[0]
        if parent not in made:
            os.makedirs(os.path.join(folder, parent), mode=0o700, exist_ok=True)
            made.add(parent)
        flags = _FLAGS | (os.O_APPEND if append else os.O_EXCL)
        descriptor = os.open(os.path.join(folder, path), flags, 0o755 if executable else 0o644)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]


def wipe(folder: str, mode: int = 0o700, keep: Collection[str] = ()) -> None:
    """Remove what is in `folder`, and make it if it is not there or something else is. Raises `OSError` when something
    stays.

    No link is followed, and directories may be nested deeper than a path can name. `mode` is the folder's afterwards,
    unless it belongs to another user; `keep` are names in it to pass over.
    """
    try:
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        os.makedirs(folder, mode=mode)
        return
    except NotADirectoryError:  # a link or a file has taken its place
        os.unlink(folder)
        os.makedirs(folder, mode=mode)
        return
    try:
        inside = f"/proc/self/fd/{place}"  # this very folder, whatever its mode keeps us from
        if os.fstat(place).st_uid == os.geteuid():
            os.chmod(inside, mode)
        top = os.open(inside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)
    try:
        _empty(top, keep)
    finally:
        os.close(top)


def remove(folder: str) -> None:
    """Wipe the folder and remove it too. What cannot be removed stays, silently: there is nobody left to tell."""
    for pause in (0.0, 0.01, 0.05, 0.2, 0.5):
        time.sleep(pause)
        if not os.path.lexists(folder):
            return
        try:
            wipe(folder)
            os.rmdir(folder)
        except OSError:
            pass  # another harness of a dead engine may be removing it at the same time, and both stumble


def _empty(top: int, keep: Collection[str]) -> None:
    """Walk down by descriptor and up by "..", so that no path is ever spelled and one descriptor is open."""
    here = os.dup(top)
    left = [_remove_files(here, keep)]  # the directories that are still to go, of each directory on the way down
    above: list[tuple[str, int]] = []  # the name of each but the top, and the inode of its parent
    try:
        while True:
            if left[-1]:
                above.append((left[-1].pop(), os.fstat(here).st_ino))
                here = _step(here, above[-1][0])
                left.append(_remove_files(here))
            elif above:
                name, parent = above.pop()
                left.pop()
                here = _step(here, "..")
                if os.fstat(here).st_ino != parent:
                    raise OSError(f"{name!r} was moved while it was removed")
                os.rmdir(name, dir_fd=here)
            else:
                return
    finally:
        os.close(here)


def _remove_files(here: int, keep: Collection[str] = ()) -> list[str]:
    """Remove what is no directory. Returns the names of those."""
    directories = []
    for name in os.listdir(here):
        if name in keep:
            continue
        if _is_directory(here, name):
            directories.append(name)
        else:
            os.unlink(name, dir_fd=here)
    return directories


def _step(here: int, name: str) -> int:
    there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    os.close(here)
    return there


def _is_directory(folder: int, name: str) -> bool:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        return False
    if status.st_mode & 0o700 != 0o700:  # a mode that keeps us out; the entry is a directory and no link
        os.chmod(name, 0o700, dir_fd=folder)
    return True
