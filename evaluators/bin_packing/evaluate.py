"""Online bin packing on instances of OR-Library's u500 class, scored by the excess over the volume bound.

An instance is 500 items of integer size, uniform on 20..100, that arrive one by one; a bin holds 150 (Falkenauer 1996,
"A hybrid grouping genetic algorithm for bin packing"; Beasley's OR-Library, files binpack1 to binpack4, third class).

The candidate defines `priority(item, remaining)`, the value of putting `item` into a bin that has `remaining` capacity
left. Among the bins that can hold the item the one with the highest value gets it, the first opened one on a tie. One
empty bin (`remaining` 150) always competes with the open ones, on its priority like any other, as in Romera-Paredes et
al., "Mathematical discoveries from program search with large language models", Nature 625 (2024).

The rule is a function of two small integers and of nothing else, so its values are asked for once: all instances
advance in lock step, one item each, and when a size of item arrives that has not been seen before in this evaluation,
the values of that size for every remaining capacity that can hold it are asked for in one call of `program.map`.
Neither an item that is still to come nor the state of any instance is ever sent.
"""

from __future__ import annotations

import hashlib
import math
import operator
import reprlib
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

CAPACITY = 150
SMALLEST, LARGEST = 20, 100
ITEMS = 500
SPLITS = {"search": ("u500/search", 100), "held_out": ("u500/held_out", 1000)}


class Instances(NamedTuple):
    """`items` has shape (instances, ITEMS); `bounds` (instances,) is ceil(sum of items / CAPACITY).

    `arrivals[t]` are the sizes that arrive in step t and in no instance before it.
    """

    items: np.ndarray[Any, np.dtype[np.int64]]
    bounds: np.ndarray[Any, np.dtype[np.int64]]
    arrivals: tuple[tuple[int, ...], ...]


def evaluate(program: Any, split: str = "search", seed: int = 0) -> dict[str, Any]:
    """Minus the mean excess as a fraction, -0.051 for best fit. Raises `ValueError` for an answer of another kind."""
    instances = load(split, seed)
    bins = pack(program, instances)
    excess = (bins / instances.bounds - 1.0).tolist()
    mean = math.fsum(excess) / len(excess)
    return {
        "score": -mean,
        "metrics": {"excess_percent": round(100.0 * mean, 4), "bins_per_instance": round(float(bins.mean()), 3)},
        # six digits tell any two numbers of bins apart, and keep the record of a trial short
        "instances": {f"u500-{k:04d}": round(-value, 6) for k, value in enumerate(excess)},
        "feedback": describe(bins, instances.bounds) if split == "search" else "",
    }


@lru_cache(maxsize=8)
def load(split: str, seed: int = 0) -> Instances:
    """The instances of a split for a seed, the same on every machine and with every version of numpy."""
    label, number = SPLITS[split]
    label += f"/{seed}" if seed else ""
    sizes = LARGEST - SMALLEST + 1
    # 243 = 3 * 81 of the 256 values of a byte give each size equally often; the others are thrown away
    stream = np.frombuffer(hashlib.shake_128(label.encode()).digest(number * ITEMS * 5 // 4), dtype=np.uint8)
    kept = stream[stream < 256 // sizes * sizes][: number * ITEMS]
    items = SMALLEST + (kept % sizes).astype(np.int64).reshape(number, ITEMS)
    steps: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for column in items.T.tolist():
        new = set(column) - seen
        seen |= new
        steps.append(tuple(sorted(new)))
    return Instances(items, -(-items.sum(axis=1) // CAPACITY), tuple(steps))


def pack(program: Any, instances: Instances) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many bins the candidate's rule opens in each instance, shape (instances,)."""
    number = len(instances.items)
    every = np.arange(number)
    # the order that the rule puts the remaining capacities in, for each size; -1 where the item does not fit
    order = np.full((LARGEST + 1, CAPACITY + 1), -1, dtype=np.int16)
    flat = order.ravel()
    # one row per instance: its bins in the order of opening, the empty bin last, then slots that hold nothing
    remaining = np.zeros((number, 64), dtype=np.int64)
    remaining[:, 0] = CAPACITY
    slots = np.ones(number, dtype=np.int64)
    opened = np.zeros(number, dtype=np.int64)
    width = 1
    for step, arrivals in enumerate(instances.arrivals):
        if arrivals:
            order[list(arrivals)] = ask(program, arrivals)
        item = instances.items[:, step]
        chosen = flat[remaining[:, :width] + (item * (CAPACITY + 1))[:, None]].argmax(axis=1)
        room = remaining[every, chosen]
        remaining[every, chosen] = room - item
        fresh = np.flatnonzero(room == CAPACITY)
        opened[fresh] += 1
        if width == remaining.shape[1]:
            remaining = close_full(remaining)
            slots = np.count_nonzero(remaining, axis=1)
        remaining[fresh, slots[fresh]] = CAPACITY
        slots[fresh] += 1
        width = int(slots.max())
    return opened


def close_full(
    remaining: np.ndarray[Any, np.dtype[np.int64]],
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The bins that can still hold an item, in the same order, with at least as many free slots beside them."""
    usable = remaining >= SMALLEST
    front = np.argsort(~usable, axis=1, kind="stable")
    packed = np.take_along_axis(np.where(usable, remaining, 0), front, axis=1)
    free = packed.shape[1] - int(np.count_nonzero(usable, axis=1).max())
    return packed if free > packed.shape[1] // 2 else np.hstack([packed, np.zeros_like(packed)])


def ask(program: Any, sizes: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.int16]]:
    """The rows of the table for these sizes, shape (len(sizes), CAPACITY + 1): ranks, equal where values are equal."""
    pairs = [(item, remaining) for item in sizes for remaining in range(item, CAPACITY + 1)]
    answers = program.map("priority", pairs)
    # the usual case, settled without a step of Python per answer; NaN alone differs from itself
    if not set(map(type, answers)) <= {int, float} or any(map(operator.ne, answers, answers)):
        answers = [number(answer, *pair) for answer, pair in zip(answers, pairs, strict=True)]
    rows = np.full((len(sizes), CAPACITY + 1), -1, dtype=np.int16)
    start = 0
    for row, item in zip(rows, sizes, strict=True):
        values = answers[start : start + CAPACITY + 1 - item]
        start += len(values)
        # Python compares int and float exactly, whatever their size; only the order matters, so ranks lose nothing
        rank = {value: k for k, value in enumerate(sorted(set(values)))}
        row[item:] = [rank[value] for value in values]
    return rows


def number(value: Any, item: int, remaining: int) -> int | float:
    """`value` as a number that can be compared. Raises `ValueError` that names the pair."""
    if isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind in "iuf":
        value = value.item()
    if type(value) is int or (type(value) is float and not math.isnan(value)):
        return value
    raise ValueError(
        f"priority(item={item}, remaining={remaining}) returned {shown(value)}; "
        f"it must return one int or float that is not NaN, for every item from {SMALLEST} to {LARGEST} and every "
        f"remaining capacity from the item to {CAPACITY}"
    )


def shown(value: Any) -> str:
    """A short text for a value of any kind."""
    return f"{reprlib.repr(value)} of type {type(value).__name__}"


def describe(bins: np.ndarray[Any, np.dtype[np.int64]], bounds: np.ndarray[Any, np.dtype[np.int64]]) -> str:
    """What a proposer may want to know of the search instances."""
    above = bins - bounds
    return (
        f"{len(bins)} instances: {bins.mean():.2f} bins on average, {above.mean():.2f} above the bound "
        f"(best {above.min()}, worst {above.max()})."
    )
