"""What `evolve attribute` says of scaffolds whose true gain is known.

python benchmarks/attribution.py [COMPARISONS]

Each comparison has so many rounds of four families. An instance is solved or not, by each scaffold independently: 40 of
100 by old and sham, and more by new, by the gain in points.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pandas as pd

from evolve.bench.attributed import attributed
from evolve.bench.attribution import ARMS

FAMILIES = ("a", "b", "c", "d")
ROUNDS = (10, 20, 40)
GAINS = (0.0, 0.1, 0.25)


def rows(rng: np.random.Generator, rounds: int, gain: float) -> pd.DataFrame:
    """The raw data of one comparison."""
    cells = product(range(rounds), ARMS, FAMILIES)
    table = pd.DataFrame(cells, columns=["round", "arm", "family"])
    table["score"] = (rng.random(len(table)) < 0.4 + gain * (table["arm"] == "new")).astype(float)
    return table.assign(calls=0, tokens=0, nanodollars=0, evaluations=0, seconds=0.0)


def main() -> None:
    """Print a table: of 100 comparisons, how many end with each verdict."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| rounds | gain | larger | not larger | smaller | p of new - sham below 0.05 |")
    print("|---|---|---|---|---|---|")
    for rounds, gain in product(ROUNDS, GAINS):
        rng = np.random.default_rng((rounds, int(100 * gain)))
        found = [attributed(rows(rng, rounds, gain)) for _ in range(number)]
        verdicts = [each.verdict for each in found]
        shares = [100 * verdicts.count(verdict) / number for verdict in ("larger", "not larger", "smaller")]
        tested = 100 * sum(each.contrasts[2].p < 0.05 for each in found) / number
        print(f"| {rounds} | {100 * gain:g} | " + " | ".join(f"{share:.0f}" for share in [*shares, tested]) + " |")


if __name__ == "__main__":
    main()
