"""Where lines stand in a text: as they are, or up to what models get wrong when they copy (white space, quotes).

Each level forgives more than the one before it, and the first one that finds anything decides: what is ambiguous there
stays ambiguous. The search is `str.find` in text of normalised lines, so it is linear.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["Match", "find", "plain", "trimmed"]

_MOST = 20
"""Places that are looked at; more are as ambiguous as these."""

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u02bc\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
        "\u2026": "...",
        "\u00d7": "*",
        "\u2264": "<=",
        "\u2265": ">=",
        "\u2260": "!=",
    }
)
"""Quotes, dashes, spaces and signs of prose, and those of programs."""


@dataclass(frozen=True, slots=True)
class Match:
    """Lines `start` to `end` (exclusive) of a text are those that were searched for.

    `indents` are what white space before a line of the search became in the text. `odd` says that characters had to be
    taken for others.
    """

    start: int
    end: int
    indents: tuple[tuple[str, str], ...] = ()
    odd: bool = False

    def fitted(self, lines: Sequence[str]) -> list[str]:
        """Lines that come in the place of these, indented as the text is."""
        made = [plain(line) for line in lines] if self.odd else list(lines)
        if all(theirs == ours for theirs, ours in self.indents):
            return made
        return [_fitted(line, self.indents) for line in made]


def plain(line: str) -> str:
    """With the quotes, dashes and spaces of programs instead of those of prose."""
    return line if line.isascii() else line.translate(_PLAIN)


def trimmed(lines: Sequence[str]) -> tuple[int, int]:
    """The first line that is not blank, and the one after the last; (0, 0) when all are."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    return (filled[0], filled[-1] + 1) if filled else (0, 0)


def find(text: Sequence[str], search: Sequence[str]) -> list[Match]:
    """Where the lines of `search`, not all of them blank, stand in those of `text`; up to 20 places."""
    if found := _places(text, search, lambda line: line):
        return [Match(start, start + len(search)) for start in found]
    low, high = trimmed(search)
    wanted = search[low:high]
    for level, key in enumerate((_end, _plain_end, _bare)):
        if found := _places(text, wanted, key):
            return [_matched(text, wanted, start, start + len(wanted), odd=level > 0) for start in found]
    return _without_blanks(text, wanted)


def _end(line: str) -> str:
    return line.rstrip()


def _plain_end(line: str) -> str:
    return plain(line).rstrip()


def _bare(line: str) -> str:
    return plain(line).strip()


def _dense(line: str) -> str:
    return "".join(plain(line).split())


def _without_blanks(text: Sequence[str], wanted: Sequence[str]) -> list[Match]:
    """Blank lines and white space within lines do not count."""
    numbers = [number for number, line in enumerate(text) if line.strip()]
    filled = [line for line in wanted if line.strip()]
    places = _places([text[number] for number in numbers], filled, _dense)
    found = []
    for place in places:
        start, end = numbers[place], numbers[place + len(filled) - 1] + 1
        pairs = zip(filled, (text[number] for number in numbers[place : place + len(filled)]), strict=True)
        found.append(Match(start, end, _indents(pairs), odd=_is_odd(filled, text[start:end])))
    return found


def _matched(text: Sequence[str], wanted: Sequence[str], start: int, end: int, *, odd: bool) -> Match:
    pairs = [(mine, theirs) for mine, theirs in zip(wanted, text[start:end], strict=True) if mine.strip()]
    return Match(start, end, _indents(pairs), odd=odd and _is_odd(wanted, text[start:end]))


def _is_odd(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Whether it is the search that has the characters of prose, and not the text."""
    return not "".join(wanted).isascii() and "".join(found).isascii()


def _indents(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What white space of the search became which of the text, the first meeting of each."""
    known: dict[str, str] = {}
    for mine, theirs in pairs:
        known.setdefault(_space(plain(mine)), _space(theirs))
    return tuple(known.items())


def _space(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _fitted(line: str, indents: Sequence[tuple[str, str]]) -> str:
    space = _space(plain(line))
    rest = line.lstrip()
    if not rest:
        return ""
    known = dict(indents)
    if space in known:
        return known[space] + rest
    shorter = [mine for mine in known if space.startswith(mine)]
    if shorter:
        base = max(shorter, key=len)
        return known[base] + _converted(space[len(base) :], known) + rest
    # it starts further to the left than any line of the search
    base = min(known, key=len)
    less = len(base) - len(space)
    ours = known[base]
    return (ours[: len(ours) - less] if less <= len(ours) and not ours.count("\t") else ours[:-1]) + rest


def _converted(space: str, known: dict[str, str]) -> str:
    """More white space of the search in the text's way: tabs for tabs, spaces for spaces."""
    tabs = any("\t" in ours for ours in known.values())
    if tabs and "\t" not in space:
        widths = sorted(len(mine) for mine in known if mine)
        return "\t" * max(1, len(space) // (widths[0] if widths and widths[0] <= 8 else 4))
    if not tabs and "\t" in space and any(known.values()):
        return space.replace("\t", "    ")
    return space


def _places(text: Sequence[str], search: Sequence[str], key: Callable[[str], str]) -> list[int]:
    """The lines at which `search` stands in `text`, both by the keys of their lines."""
    keys = [key(line) for line in text]
    hay = "\n" + "\n".join(keys) + "\n"
    needle = "\n" + "\n".join(key(line) for line in search) + "\n"
    starts = [0, *accumulate(len(line) + 1 for line in keys)]
    found: list[int] = []
    at = hay.find(needle)
    while at >= 0 and len(found) < _MOST:
        found.append(bisect_right(starts, at) - 1)
        at = hay.find(needle, at + 1)
    return found
