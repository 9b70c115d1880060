"""Lineages as text: a line a trial, indented where they branch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

__all__ = ["descent", "draw", "led_to"]


def led_to(trials: Collection[int], parents: Mapping[int, Sequence[int]]) -> set[int]:
    """`trials` and all that they came from."""
    found: set[int] = set()
    rest = list(trials)
    while rest:
        number = rest.pop()
        if number not in found:
            found.add(number)
            rest.extend(parents[number])
    return found


def descent(root: int, kept: Collection[int], parents: Mapping[int, Sequence[int]]) -> list[int]:
    """`root` and those in `kept` whose first parents lead to it, in order; a parent's number is below its child's."""
    found = {root}
    for number in sorted(kept):
        if parents[number] and parents[number][0] in found:
            found.add(number)
    return sorted(found)


def draw(
    root: int, kept: Collection[int], parents: Mapping[int, Sequence[int]], label: Callable[[int], str]
) -> Iterator[str]:
    """The `descent` of `root` as lines.

    A child that is alone stays in its parent's column, so that a long line of descent needs no width.
    """
    children: dict[int, list[int]] = {}
    for number in descent(root, kept, parents):
        if number != root:
            children.setdefault(parents[number][0], []).append(number)
    stack = [(root, "", "")]
    while stack:
        number, lead, below = stack.pop()
        yield lead + label(number)
        inner = children.get(number, [])
        if len(inner) == 1:
            stack.append((inner[0], below, below))
            continue
        for child in reversed(inner):
            last = child == inner[-1]
            stack.append((child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))
