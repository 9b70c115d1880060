"""What of the host a sandbox has to show so that a Python interpreter runs in it, and nothing more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from evolve.errors import SandboxUnavailable

__all__ = ["directories", "interpreter_view"]

_ASK = "import json, sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]))"


def interpreter_view(python: str, hidden: Iterable[Path]) -> Iterator[str]:
    """Binds that show the interpreter with its libraries, and nothing else of the folders around them."""
    try:
        said = subprocess.run([python, "-I", "-c", _ASK], capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailable(f"the interpreter {python} cannot be asked where it lives: {error}") from None
    shown = [Path("/usr")]
    # each folder by the name that is used and by the name behind the links in it, outer folders first
    for path in sorted({version for name in json.loads(said) for version in (Path(name), Path(name).resolve())}):
        if not any(path.is_relative_to(folder) for folder in shown):
            if len(path.parts) < 3:
                raise SandboxUnavailable(
                    f"{python} lives right in {path}, which would show too much; use one in a folder of its own"
                )
            shown.append(path)
            yield from (*directories(str(path.parent)), "--ro-bind", str(path), str(path))
    for link in _links(Path(python)):
        if not any(link.is_relative_to(folder) for folder in shown):
            yield from (*directories(str(link.parent)), "--symlink", str(link.readlink()), str(link))
    for path in hidden:
        if path.is_dir() and any(path.is_relative_to(folder) for folder in shown):
            yield from ("--perms", "0755", "--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path))


def _links(path: Path) -> Iterator[Path]:
    """The links that lead from `path` to a file, in order."""
    for _ in range(40):
        if not path.is_symlink():
            return
        yield path
        path = path.parent / path.readlink()


def directories(path: str) -> list[str]:
    """Make the folder and those above it, readable by everybody; bubblewrap's own are for root alone."""
    folders = [folder for folder in (Path(path), *Path(path).parents) if len(folder.parts) > 1]
    made = [folder for folder in reversed(folders) if folder != Path("/tmp")]  # noqa: S108 - a tmpfs already
    return [word for folder in made for word in ("--perms", "0755", "--dir", str(folder))]
