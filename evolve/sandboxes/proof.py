"""The quick check that comes before a first candidate: once for a boot, an engine and an image."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.sandboxes import cache, canaries, harness
from evolve.sandboxes import check as checks
from evolve.sandboxes.check import check
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.types import Sandbox

__all__ = ["prove"]


def prove(sandbox: Sandbox) -> bool:
    """Try what the sandbox promises, unless that was done since the machine started. Whether it was tried now.

    A sandbox with a method `identity() -> str` is tried once for each identity; one without, each time. One that
    promises nothing is not tried. Raises `SandboxUnavailable`, which names each promise that does not hold.
    """
    if missing(sandbox) == frozenset(Guarantee):
        return False
    known = _place(sandbox)
    if known is not None and known.exists():
        return False
    try:
        broken = [finding for finding in check(sandbox, quick=True) if finding.holds is False]
    except SandboxFault as fault:
        raise SandboxUnavailable(f"the {sandbox.name} sandbox could not be checked: {fault}") from None
    if broken:
        words = "; ".join(f"{finding.name}: {finding.how}" for finding in broken)
        raise SandboxUnavailable(
            f"the {sandbox.name} sandbox does not keep what it promises, so no program is run in it. {words}. "
            f"`evolve sandbox check --sandbox {sandbox.name}` tries everything; use another sandbox until it is mended"
        )
    if known is not None:
        with contextlib.suppress(OSError):  # a full disk: it is checked again next time
            known.parent.mkdir(parents=True, exist_ok=True)
            known.touch()
            for old in known.parent.parent.iterdir():
                if old != known.parent:
                    shutil.rmtree(old, ignore_errors=True)
    return True


def _place(sandbox: Sandbox) -> Path | None:
    """The file that says that this sandbox was found to keep its promises; None when nothing can be kept."""
    identity: Callable[[], str] | None = getattr(sandbox, "identity", None)
    folder = cache.folder()
    if identity is None or folder is None:
        return None
    digest = hashlib.sha256(f"{identity()}\0{os.getuid()}\0{sorted(missing(sandbox))}".encode())
    for path in (checks.__file__, canaries.__file__):
        digest.update(Path(path).read_bytes())
    for name, content in harness.files().items():
        digest.update(f"\0{name}\0".encode() + content)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return folder / "checks" / boot / digest.hexdigest()[:32]
