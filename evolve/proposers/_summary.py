"""The line that says what a proposal changes: the subject of its commit."""

from __future__ import annotations

import re

from evolve.types import Program

__all__ = ["summary_of"]

_SUMMARY = re.compile(
    r"^[\s#*>\-]{0,20}(?:change|summary)[\s*]{0,4}:[\s*]{0,4}(\S.{3,300})$", re.IGNORECASE | re.MULTILINE
)


def summary_of(answer: str, before: Program, after: Program) -> str:
    """The line in which the model says what it changed; else one about the difference."""
    said = _SUMMARY.search(answer[:20_000])
    if said:
        words = "".join(c if c.isprintable() else " " for c in said[1]).strip(" *`")
        if len(words) > 3:
            return words if len(words) <= 120 else words[:117] + "..."
    changed = [
        path for path in sorted({*before.files, *after.files}) if before.files.get(path) != after.files.get(path)
    ]
    if not changed:
        return "no change"
    old, new = (set(p.files.get(changed[0], b"").decode(errors="replace").split("\n")) for p in (before, after))
    gone, come = [line.strip() for line in old - new], [line.strip() for line in new - old]
    if len(changed) == 1 and len(gone) == len(come) == 1 and gone[0] and come[0]:
        return "".join(c if c.isprintable() else " " for c in f"replace {gone[0]!r:.50} by {come[0]!r:.50}")
    return f"change {', '.join(changed[:3])}: {len(gone)} lines gone, {len(come)} lines new"
