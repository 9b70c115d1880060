"""Where the files are that come with the package but are not Python modules: seeds, evaluators, sandbox."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled"]


def bundled(name: str) -> Path:
    """The folder `name` ("seeds", "evaluators" or "sandbox"), in an installed wheel or in a checkout."""
    package = Path(__file__).parent
    installed = package / "_bundled" / name
    return installed if installed.is_dir() else package.parent / name
