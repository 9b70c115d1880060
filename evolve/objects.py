"""Git object ids, computed without git.

The id of an object is the SHA-1 of ``b"<kind> <length>\\0" + body`` (gitformat-pack(5), "git-hash-object").
Knowing the ids beforehand is what lets the engine name a commit before git has written it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

__all__ = ["MODE_EXECUTABLE", "MODE_FILE", "MODE_TREE", "blob_id", "commit_id", "object_id", "tree_id"]

MODE_FILE = "100644"
MODE_EXECUTABLE = "100755"
MODE_TREE = "40000"


def object_id(kind: str, body: bytes) -> str:
    """The 40 hexadecimal digits that git gives an object of this kind and body."""
    digest = hashlib.sha1(f"{kind} {len(body)}\0".encode(), usedforsecurity=False)
    digest.update(body)
    return digest.hexdigest()


def blob_id(content: bytes) -> str:
    """The id of a file's content."""
    return object_id("blob", content)


def commit_id(body: bytes) -> str:
    """The id of a commit, from its full body (headers, blank line, message)."""
    return object_id("commit", body)


def tree_id(entries: Mapping[str, tuple[str, str]]) -> str:
    """The id of the tree that holds `entries`: path with slashes -> (mode, blob id).

    Directories are made as the paths need them. Entries sort by name, a directory as if its name ended in a slash.
    """
    return _tree((path.split("/"), mode, blob) for path, (mode, blob) in entries.items())


def _tree(entries: Iterable[tuple[list[str], str, str]]) -> str:
    files: list[tuple[bytes, bytes]] = []
    directories: dict[str, list[tuple[list[str], str, str]]] = {}
    for parts, mode, blob in entries:
        if len(parts) > 1:
            directories.setdefault(parts[0], []).append((parts[1:], mode, blob))
        else:
            name = parts[0].encode()
            files.append((name, f"{mode} ".encode() + name + b"\0" + bytes.fromhex(blob)))
    for directory, inner in directories.items():
        name = directory.encode()
        files.append((name + b"/", f"{MODE_TREE} ".encode() + name + b"\0" + bytes.fromhex(_tree(inner))))
    return object_id("tree", b"".join(line for _, line in sorted(files)))
