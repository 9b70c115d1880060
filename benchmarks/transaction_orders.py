"""What known orders score on the instances of the transaction scheduling task.

python benchmarks/transaction_orders.py [held_out]

Without an argument the search instances are taken; the held-out ones, which `best_known` speaks of, take minutes.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, load_evaluator

Transactions = list[list[tuple[str, int]]]

task = load_evaluator(bundled("evaluators") / "transaction_scheduling" / "evaluate.py")
STEPS = 2000  # of the local search, for each instance


def arrival(transactions: Transactions) -> list[int]:
    """As they came."""
    return list(range(len(transactions)))


def longest_first(transactions: Transactions) -> list[int]:
    """The most operations first."""
    return sorted(range(len(transactions)), key=lambda number: -len(transactions[number]))


def greedy(transactions: Transactions, value: Callable[[int, int, int], float]) -> list[int]:
    """Again and again the transaction with the smallest value(number, start, end), were it the next one."""
    written: dict[int, int] = {}
    touched: dict[int, int] = {}
    left, order = list(range(len(transactions))), []
    while left:
        found = []
        for number in left:
            start = 0
            for tick, (kind, key) in enumerate(transactions[number]):
                free = written if kind == "r" else touched
                start = max(start, free.get(key, 0) - tick)
            end = start + len(transactions[number])
            found.append((value(number, start, end), number, end))
        _, number, end = min(found)
        left.remove(number)
        order.append(number)
        for kind, key in transactions[number]:
            if kind == "w":
                written[key] = end
            touched[key] = max(touched.get(key, 0), end)
    return order


def shortest_makespan_first(transactions: Transactions) -> list[int]:
    """The one after which the makespan is the shortest (Cheng et al., PVLDB 17, 2024, with all candidates sampled)."""
    return greedy(transactions, lambda _number, _start, end: float(end))


def first_start(transactions: Transactions) -> list[int]:
    """The one that can start first; a tick that writers hold its most wanted key counts as a tenth of one less."""
    held: Counter[int] = Counter()
    for operations in transactions:
        for tick, (kind, key) in enumerate(operations):
            if kind == "w":
                held[key] += len(operations) - tick
    wanted = [max(held[key] for _, key in operations) for operations in transactions]
    return greedy(transactions, lambda number, start, _end: start - 0.1 * wanted[number])


def local_search(transactions: Transactions) -> list[int]:
    """From there, one transaction after another to a random place, kept when the makespan does not grow."""
    draw = random.Random(1)
    order = first_start(transactions)
    best = max(task.ends(transactions, order))
    for _ in range(STEPS):
        changed = order[:]
        changed.insert(draw.randrange(len(order)), changed.pop(draw.randrange(len(order))))
        makespan = max(task.ends(transactions, changed))
        if makespan <= best:
            order, best = changed, makespan
    return order


def main() -> int:
    """Print a row per order."""
    split = sys.argv[1] if len(sys.argv) > 1 else "search"
    print(f"{'order, ' + split:26} {'score':>8}" + "".join(f"{kind:>10}" for kind in task.KINDS))
    for order in (arrival, longest_first, shortest_makespan_first, first_start, local_search):
        result = task.evaluate(FakeProgram({"schedule": order}), split)
        kinds = "".join(f"{result['metrics'][kind]:10.4f}" for kind in task.KINDS)
        print(f"{order.__name__:26} {result['score']:8.4f}{kinds}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
