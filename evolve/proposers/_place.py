"""One SEARCH/REPLACE block put into the text of a file, where that may change and where the place is certain."""

from __future__ import annotations

from collections.abc import Sequence

from evolve.proposers._blocks import Block
from evolve.proposers._match import Match, find, trimmed
from evolve.proposers._outcome import DOTS, Outcome, Refused
from evolve.proposers._rewrite import leaves_out
from evolve.regions import Regions
from evolve.types import Program

__all__ = ["block_applied", "quoted"]


def block_applied(
    block: Block, path: str, search: Sequence[str], replace: Sequence[str], program: Program, regions: Regions
) -> str:
    """The text of a file with one block applied. Raises `Refused`."""
    where = f"line {block.line} of the answer"
    _, high = trimmed(search)
    if path not in program.files:
        if high:
            raise Refused(Outcome.BAD_FILE, f"{where}: {path} is a new file, so there is nothing to find in it")
        return "\n".join(replace).strip("\n") + "\n"
    try:
        text = program.text(path)
    except UnicodeDecodeError:
        raise Refused(Outcome.OUTSIDE, f"{path} is no text, and cannot be changed") from None
    spans = regions.spans(program, path)
    if not high:
        return _inserted(text, replace, spans, where)
    pieces = text.split("\n")
    lines = [piece.removesuffix("\r") for piece in pieces]
    starts = [0]
    for piece in pieces:
        starts.append(starts[-1] + len(piece) + 1)
    matches = find(lines, search)
    if not matches:
        return _fragment(text, search, replace, spans, where)
    match = _chosen(matches, starts, spans, len(text), search, where)
    exact = match.end - match.start == len(search) and not match.indents
    new = match.fitted(replace if exact else _trimmed_alike(search, replace))
    newline = "\r\n" if pieces[match.start].endswith("\r") else "\n"
    # the end of the last line stays as it is, and where no line is left it goes too
    end = starts[match.end] - 1 - pieces[match.end - 1].endswith("\r")
    if not new:
        return text[: starts[match.start]] + text[starts[match.end] :]
    return text[: starts[match.start]] + newline.join(new) + text[end:]


def _trimmed_alike(search: Sequence[str], replace: Sequence[str]) -> Sequence[str]:
    """Without as many blank lines at either end as the search lost."""
    low, high = trimmed(search)
    first, last = trimmed(replace)
    start, less = min(low, first), min(len(search) - high, len(replace) - last)
    return replace[start : len(replace) - less] if last else ()


def _chosen(
    matches: Sequence[Match],
    starts: Sequence[int],
    spans: Sequence[tuple[int, int]],
    size: int,
    search: Sequence[str],
    where: str,
) -> Match:
    """The one match where text may change. Raises `Refused`."""
    places = [(min(starts[match.start], size), min(starts[match.end], size + 1) - 1, match) for match in matches]
    inside = [m for start, end, m in places if any(low <= start and end <= high for low, high in spans)]
    touching = inside or [m for start, end, m in places if any(start <= high and low <= end for low, high in spans)]
    if not touching:
        raise Refused(
            Outcome.OUTSIDE,
            f"{where}: {quoted(search)} stands in line {matches[0].start + 1}, which may not change; "
            "change only the text between the EVOLVE-BLOCK markers",
        )
    if len(touching) > 1:
        numbers = " and ".join(str(match.start + 1) for match in touching[:4])
        raise Refused(
            Outcome.AMBIGUOUS,
            f"{where}: {quoted(search)} stands in lines {numbers}: give more of the lines around it in SEARCH",
        )
    return touching[0]


def _inserted(text: str, replace: Sequence[str], spans: Sequence[tuple[int, int]], where: str) -> str:
    """An empty SEARCH is where there is nothing yet."""
    empty = [(start, end) for start, end in spans if not text[start:end].strip()]
    if len(empty) != 1 or len(spans) != 1:
        raise Refused(
            Outcome.MALFORMED, f"{where}: an empty SEARCH does not say where: give the lines that are to be replaced"
        )
    start, end = empty[0]
    new = "\n".join(replace).strip("\n")
    return text[:start] + new + ("" if text[end:].startswith("\n") else "\n") + text[end:]


def _fragment(
    text: str, search: Sequence[str], replace: Sequence[str], spans: Sequence[tuple[int, int]], where: str
) -> str:
    """A part of one line, when it is there once."""
    low, high = trimmed(search)
    if high - low == 1:
        wanted = search[low].strip()
        if len(wanted) >= 3:
            at = [start + found for start, end in spans for found in _occurrences(text[start:end], wanted)]
            if len(at) == 1:
                return text[: at[0]] + "\n".join(replace).strip() + text[at[0] + len(wanted) :]
            if at:
                raise Refused(
                    Outcome.AMBIGUOUS, f"{where}: {quoted(search)} is part of {len(at)} lines: give whole lines"
                )
    if leaves_out(search):
        raise Refused(Outcome.ELIDED, f"{where}: {DOTS}")
    raise Refused(
        Outcome.NOT_FOUND,
        f"{where}: {quoted(search)} is not in the program: copy the lines to be replaced exactly as they are",
    )


def _occurrences(text: str, wanted: str) -> list[int]:
    found: list[int] = []
    at = text.find(wanted)
    while at >= 0 and len(found) < 5:
        found.append(at)
        at = text.find(wanted, at + len(wanted))
    return found


def quoted(search: Sequence[str]) -> str:
    first = next((line.strip() for line in search if line.strip()), "")
    return f"the text that begins with {first[:60]!r}"
