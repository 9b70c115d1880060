"""Calls that tell whether a repository is whole: for each one, a function that draws (function, arguments)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Draw = Callable[[], float]
Case = tuple[str, list[Any]]


def whole(draw: Draw, low: int, high: int) -> int:
    """A whole number from low to high, all equally likely."""
    return low + int(draw() * (high - low + 1))


def one(draw: Draw, values: Any) -> Any:
    """One of the values, all equally likely."""
    return values[whole(draw, 0, len(values) - 1)]


def text(draw: Draw, letters: str, least: int, most: int) -> str:
    """Letters at random."""
    return "".join(one(draw, letters) for _ in range(whole(draw, least, most)))


def numbers(draw: Draw, low: int, high: int, least: int, most: int) -> list[int]:
    """Whole numbers at random."""
    return [whole(draw, low, high) for _ in range(whole(draw, least, most))]


def calculator(draw: Draw) -> Case:
    def total(depth: int) -> str:
        kind = whole(draw, 0, 9)
        if depth == 0 or kind < 2:
            return str(whole(draw, 0, 20))
        if kind == 2:
            return "-" + total(depth - 1)
        if kind < 5:
            return f"({total(depth - 1)})"
        return f"{total(depth - 1)}{one(draw, ['+', '-', '*', '/', ' - ', ' / '])}{total(depth - 1)}"

    found = total(4)
    if draw() < 0.15:
        place = whole(draw, 0, len(found))
        found = found[:place] + one(draw, ["(", ")", "*", "x", " ", "7"]) + found[place:]
    return "value", [found]


def lru(draw: Draw) -> Case:
    def operation() -> list[Any]:
        kind = whole(draw, 0, 9)
        if kind < 4:
            return ["put", one(draw, "abcde"), whole(draw, 0, 99)]
        if kind < 7:
            return ["get", one(draw, "abcde")]
        return ["drop", one(draw, "abcde")] if kind == 7 else ["keys"]

    return "replay", [whole(draw, 1, 4), [operation() for _ in range(whole(draw, 5, 25))]]


def intervals(draw: Draw) -> Case:
    def some() -> list[list[int]]:
        return [[start, start + whole(draw, -1, 6)] for start in numbers(draw, 0, 24, 0, 5)]

    name = one(draw, ["joined", "without", "common", "length", "gaps"])
    return name, [some(), some()] if name in ("without", "common") else [some()]


def wrapping(draw: Draw) -> Case:
    words = [text(draw, "abc", 1, 7) for _ in range(whole(draw, 0, 10))]
    name = one(draw, ["wrap", "justify", "center"])
    return name, [words if name == "center" else " ".join(words), whole(draw, 3, 14)]


def matrices(draw: Draw) -> Case:
    size, other = whole(draw, 1, 4), whole(draw, 1, 4)

    def matrix(rows: int, columns: int) -> list[list[int]]:
        return [[whole(draw, -3, 3) if draw() < 0.7 else 0 for _ in range(columns)] for _ in range(rows)]

    name = one(draw, ["product", "power", "determinant", "transposed", "rank"])
    if name == "product":
        return name, [matrix(size, other), matrix(other, whole(draw, 1, 4))]
    if name == "power":
        return name, [matrix(size, size), whole(draw, 0, 6)]
    if name == "rank":
        return name, [matrix(size, other), one(draw, [2, 3, 5, 7])]
    return name, [matrix(size, size if name == "determinant" else other)]


def dates(draw: Draw) -> Case:
    name = one(draw, ["number", "date", "weekday", "later"])
    if name == "date":
        return name, [whole(draw, 1, 800_000)]
    year, month = one(draw, [1900, 2000, 2023, 2024, whole(draw, 10, 2400)]), whole(draw, 1, 12)
    day = whole(draw, 1, 28) if draw() < 0.6 else 31 if month in (1, 3, 5, 7, 8, 10, 12) else 28
    return name, [[year, month, day], whole(draw, -30, 30)] if name == "later" else [[year, month, day]]


def numerals(draw: Draw) -> Case:
    name = one(draw, ["roman", "from_roman", "words", "ordinal"])
    if name == "roman":
        return name, [whole(draw, 1, 3999)]
    if name == "from_roman":
        return name, [
            text(draw, "MCXLVI", 1, 4) if draw() < 0.7 else one(draw, ["XIV", "MCMXCIX", "IC", "CDXLIV", "A"])
        ]
    return name, [
        one(draw, [whole(draw, 0, 30), whole(draw, 0, 1200), 1000 * whole(draw, 1, 999) + whole(draw, 0, 120)])
    ]


def routes(draw: Draw) -> Case:
    nodes = whole(draw, 2, 7)
    edges = []
    forward = draw() < 0.5
    for _ in range(whole(draw, 1, 2 * nodes)):
        a, b = whole(draw, 0, nodes - 1), whole(draw, 0, nodes - 1)
        if a != b:
            edges.append([min(a, b), max(a, b), whole(draw, 1, 6)] if forward else [a, b, whole(draw, 1, 6)])
    name = one(draw, ["shortest", "way", "order", "parts"])
    ends = {"shortest": 1, "way": 2}.get(name, 0)
    return name, [nodes, edges, *(whole(draw, 0, nodes - 1) for _ in range(ends))]


def queues(draw: Draw) -> Case:
    name = one(draw, ["serve", "merged", "smallest"])
    if name == "serve":
        made = [["add", whole(draw, 0, 5), one(draw, "abcdefgh")] if draw() < 0.6 else ["take"] for _ in range(16)]
        return name, [made]
    if name == "merged":
        return name, [[sorted(numbers(draw, 0, 20, 0, 5)) for _ in range(whole(draw, 0, 4))]]
    return name, [numbers(draw, -9, 9, 0, 10), whole(draw, 0, 8)]


def tables(draw: Draw) -> Case:
    def cell() -> str:
        return one(draw, [str(whole(draw, -20, 20)), text(draw, 'ab,"\n', 0, 3), text(draw, "ab", 0, 3), "7", "n"])

    rows = [[cell() for _ in range(whole(draw, 1, 4))] for _ in range(whole(draw, 0, 4))]
    name = one(draw, ["read", "written", "column", "total"])
    if name == "written":
        return name, [rows]
    quoted = [
        ['"' + each.replace('"', '""') + '"' if set(each) & set(',"\n') else each for each in row] for row in rows
    ]
    if name == "read":
        return name, ["\n".join(",".join(row) for row in quoted) + one(draw, ["", "\n"])]
    return name, ["\n".join(",".join(row) for row in [["n", "m", "7"], *quoted]), one(draw, ["n", "m", "7", "x"])]


def money(draw: Draw) -> Case:
    name = one(draw, ["cents", "shown", "shares", "balances"])
    if name == "cents":
        plain = one(draw, ["", "-"]) + one(
            draw, [text(draw, "0123456789", 1, 4), "1,234", "12,345,678", "1,23", "1234,5"]
        )
        return name, [plain + one(draw, ["", ".", ".5", ".05", ".123", ".4x", "." + text(draw, "0123456789", 1, 2)])]
    if name == "shown":
        return name, [one(draw, [whole(draw, -999, 999), whole(draw, -(10**9), 10**9), 100_000])]
    if name == "shares":
        return name, [whole(draw, 0, 1000), numbers(draw, 1, 9, 1, 6)]
    names = "abcd"
    return name, [[[one(draw, names), one(draw, names), whole(draw, 1, 5)] for _ in range(whole(draw, 0, 8))]]


def patterns(draw: Draw) -> Case:
    def pattern() -> str:
        return "".join(
            one(draw, ["*", "?", "a", "b", "[ab]", "[!a]", "[a-c]", "[!b-d]", "c"]) for _ in range(whole(draw, 1, 4))
        )

    name = one(draw, ["matches", "matches", "chosen", "grouped"])
    if name == "matches":
        broken = draw() < 0.1
        return name, [pattern() + ("[ab" if broken else ""), text(draw, "abcd", 0, 5)]
    given = [("-" if name == "chosen" and draw() < 0.4 else "") + pattern() for _ in range(whole(draw, 1, 4))]
    return name, [given, [text(draw, "abcd", 0, 3) for _ in range(6)]]


def packing(draw: Draw) -> Case:
    name = one(draw, ["packed", "unpacked", "runs", "unrun", "checksum"])
    if name == "packed":
        return name, [numbers(draw, -300, 300, 0, 6)]
    if name == "unrun":
        return name, [[[whole(draw, 0, 3), whole(draw, 0, 4)] for _ in range(whole(draw, 0, 5))]]
    if name == "unpacked":
        some = [([128 + whole(draw, 0, 127)] if draw() < 0.4 else []) + [whole(draw, 0, 127)] for _ in range(5)]
        return name, [[byte for each in some for byte in each]]
    return name, [numbers(draw, 0, 2, 0, 12) if name == "runs" else numbers(draw, 0, 255, 0, 12)]


def prefixes(draw: Draw) -> Case:
    words = [text(draw, "ab", 1, 4) for _ in range(whole(draw, 0, 8))]
    name = one(draw, ["completed", "count", "shortest", "common"])
    start = text(draw, "ab", 0, 2)
    if name == "common":
        lead = text(draw, "ab", 0, 3)
        return name, [[lead + word for word in words[:4]]]
    return name, {"completed": [words, start, whole(draw, 1, 4)], "count": [words, start], "shortest": [words]}[name]


def editing(draw: Draw) -> Case:
    a, b = text(draw, "abc", 0, 7), text(draw, "abc", 0, 7)
    name = one(draw, ["distance", "same", "script", "apply"])
    if name != "apply":
        return name, [a, b]
    edits = [["drop" if draw() < 0.3 else "keep", letter] for letter in a]
    for _ in range(whole(draw, 0, 2)):
        edits.insert(whole(draw, 0, len(edits)), [one(draw, ["add", "add", "add", "drop"]), one(draw, "abc")])
    return name, [a, edits]


DRAWN: dict[str, Callable[[Draw], Case]] = {
    each.__name__: each
    for each in (
        *(calculator, lru, intervals, wrapping, matrices, dates, numerals, routes),
        *(queues, tables, money, patterns, packing, prefixes, editing),
    )
}
