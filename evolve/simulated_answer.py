"""How the simulated model writes an answer: in the form that the prompt asks for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from evolve.proposers._dice import Dice
from evolve.simulated_prompt import Shown
from evolve.types import Program

__all__ = ["damaged", "written"]


def written(shown: Shown, after: Program, said: str) -> str:
    """The change from the program that was shown to `after`, and what is said of it."""
    parts: list[str] = []
    for path in sorted(after.files):
        old, new = shown.program.files.get(path, b"").decode(), after.files[path].decode()
        if old != new:
            spans = shown.regions.spans(shown.program, path)
            text = _blocks(old, new, spans) if shown.blocks else f"```{shown.language}\n{new}```"
            parts.append(f"{path}\n{text}" if len(after.files) > 1 else text)
    body = "\n\n".join(parts)
    if not shown.tagged:
        return f"Change: {said}\n\n{body}\n"
    name = re.sub(r"\W+", "_", said).strip("_").lower()
    tag = "DIFF" if shown.blocks else "CODE"
    return f"<NAME>\n{name}\n</NAME>\n\n<DESCRIPTION>\nChange: {said}\n</DESCRIPTION>\n\n<{tag}>\n{body}\n</{tag}>\n"


def damaged(answer: str, dice: Dice) -> str:
    """An answer that cannot be applied."""
    return dice.pick(
        (
            re.sub(r"^=======\n|```", "", answer, flags=re.MULTILINE),
            "I would look at the constants first, then at the special cases.\n",
            "<<<<<<< SEARCH\nthis line is in no program\n=======\nnor is this\n>>>>>>> REPLACE\n",
            "```\n# ... existing code ...\n```\n",
        )
    )


def _blocks(old: str, new: str, spans: Sequence[tuple[int, int]]) -> str:
    """Blocks of whole lines from within the regions, that can be applied one after the other; one if that fails."""
    mine, theirs = old.split("\n"), new.split("\n")
    limits = [(old.count("\n", 0, start), old.count("\n", 0, end) + 1) for start, end in spans]
    codes = [
        c[1:] for c in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes() if c[0] != "equal"
    ]
    text, pairs = old, []
    for low, high, first, last in codes:
        bounds = next((limit for limit in limits if limit[0] <= low and high <= limit[1]), (0, len(mine)))
        pairs.append(_wide_enough(old, mine, theirs, (low, high, first, last), bounds))
    for search, replace in pairs:
        text = text.replace(search, replace, 1) if text.count(search) == 1 else ""
    if text != new:
        low, high, first, last = codes[0][0], codes[-1][1], codes[0][2], codes[-1][3]
        bounds = (limits[0][0], limits[-1][1]) if limits else (0, len(mine))
        pairs = [_wide_enough(old, mine, theirs, (low, high, first, last), bounds)]
    return "\n\n".join(f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE" for search, replace in pairs)


def _wide_enough(
    old: str, mine: Sequence[str], theirs: Sequence[str], lines: tuple[int, int, int, int], bounds: tuple[int, int]
) -> tuple[str, str]:
    """What to look for and what to put there: with as many lines around as make it the only such text.

    Neither is empty, nor begins or ends with an empty line, as far as `bounds` (first line, line past the last) allow.
    """
    low, high, first, last = lines
    while True:
        search, replace = mine[low:high], theirs[first:last]
        upward = not search or not search[0].strip() or not replace or not replace[0].strip()
        downward = bool(search and replace) and not (search[-1].strip() and replace[-1].strip())
        if not upward and not downward and old.count("\n".join(search)) == 1:
            break
        if low > bounds[0] and not (downward and high < bounds[1]):
            low, first = low - 1, first - 1
        elif high < bounds[1]:
            high, last = high + 1, last + 1
        else:
            break
    return "\n".join(search), "\n".join(replace)
