"""What known rules score on the instances of the bin packing task, beside what was published.

python benchmarks/bin_packing_rules.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, load_evaluator

FUNSEARCH_STEPS = ((2, 4.0), (3, 3.0), (5, 2.0), (7, 1.0), (9, 0.9), (12, 0.95), (15, 0.97), (21, 0.98))
TOLERANCE = 0.1  # per cent; the published figures are for other instances of the class


def first_fit(*_: int) -> float:
    """The bin that was opened first."""
    return 0.0


def best_fit(item: int, remaining: int) -> float:
    """The fullest bin."""
    return float(item - remaining)


def worst_fit(_: int, remaining: int) -> float:
    """The emptiest of the open bins; a new one only when it must."""
    return float(remaining) if remaining < 150 else 0.0


def funsearch(item: int, remaining: int) -> float:
    """The rule that FunSearch found for the OR-Library classes (Romera-Paredes et al., Nature 625, 2024).

    A step function of the gap that stays: tight fits first, and otherwise no gap rather than a small one.
    """
    gap = remaining - item
    return next((value for most, value in FUNSEARCH_STEPS if gap <= most), 0.99)


# the rule, its excess in per cent on other generated instances of the class, on the 20 instances of OR-Library (Nature
# 625, Table 1, OR3)
RULES: dict[str, tuple[Callable[[int, int], float], float | None, float | None]] = {
    "first fit": (first_fit, None, 5.74),
    "best fit": (best_fit, 5.1, 5.37),
    "worst fit": (worst_fit, None, None),
    "FunSearch": (funsearch, 2.99, 3.11),
}


def main() -> int:
    """Print a row per rule; the exit status is 1 when one is far from what is known."""
    task = load_evaluator(bundled("evaluators") / "bin_packing" / "evaluate.py")
    print("excess over the bound, per cent")
    print(f"{'rule':12} {'search':>8} {'held out':>9} {'known':>7} {'OR-Library':>11}")
    far = False
    for name, (rule, known, library) in RULES.items():
        program = FakeProgram({"priority": rule})
        search, held_out = (-100.0 * task.evaluate(program, split)["score"] for split in ("search", "held_out"))
        print(f"{name:12} {search:8.3f} {held_out:9.3f} {known or '':>7} {library or '':>11}")
        far = far or (known is not None and abs(held_out - known) > TOLERANCE)
    return int(far)


if __name__ == "__main__":
    sys.exit(main())
