"""Does the gate keep what is worthless out, what does it let in, at what price, and would another one do better?

Usage: `python benchmarks/gate.py [LINEAGES]` (by default 2000 simulated lineages and confirmations; some two minutes)

Scores are simulated, by three laws of a pair; `gain` is by how much the challenger's mean is higher. The decisions are
those of `evolve.gates.sequential`, computed for many confirmations at once; a sample of them is made by the gate itself
and compared, pair by pair.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evolve.gates.power import chance
from evolve.gates.sequential import BETS, Evidence, Rules, Verdict

Floats = NDArray[np.float64]
Law = Callable[[np.random.Generator, "tuple[int, ...]", float], Floats]
Bet = Callable[[Floats], Floats]
"""Differences, shape (confirmations, pairs) -> logs of e-values, of the same shape."""

RULES = Rules()
EDITS, GREEDY, SCREEN = 30, 20, 20
GAINS = (0.0, 0.05, 0.10, 0.15, 0.25)
CONFIRMATIONS = (1, 3, 10)
SIX = tuple("abcdef")


def solved(rng: np.random.Generator, size: tuple[int, ...], gain: float) -> Floats:
    """Each program solves an instance or not, independently; the incumbent 40 of 100."""
    return (rng.random(size) < 0.4 + gain).astype(float) - (rng.random(size) < 0.4)


def same_luck(rng: np.random.Generator, size: tuple[int, ...], gain: float) -> Floats:
    """The same, but the same seed makes both fare alike: they differ in 20 of 100 instances or more."""
    differ, drawn = max(0.2, gain), rng.random(size)
    return np.where(drawn < (differ + gain) / 2.0, 1.0, np.where(drawn < differ, -1.0, 0.0))


def normalised(rng: np.random.Generator, size: tuple[int, ...], gain: float) -> Floats:
    """Scores from the seed's, 0, to the best known one, 1: 0.4 with a standard deviation of 0.2, cut off at both."""
    return np.clip(0.4 + gain + 0.2 * rng.normal(size=size), 0, 1) - np.clip(0.4 + 0.2 * rng.normal(size=size), 0, 1)


LAWS: dict[str, Law] = {"solved": solved, "same luck": same_luck, "normalised": normalised}


def mix(shares: tuple[float, ...]) -> Bet:
    """The mean of purses that bet a fixed share each, as the gate does."""

    def logs(d: Floats) -> Floats:
        purses = np.stack([np.cumsum(np.log1p(share * d), axis=1) for share in shares])
        highest = purses.max(axis=0)
        return np.asarray(highest + np.log(np.exp(purses - highest).mean(axis=0)))

    return logs


def adaptive(d: Floats) -> Floats:
    """One purse whose share follows from the pairs before: mean / (variance + mean²), from 0 to 0.8 (aGRAPA in
    Waudby-Smith and Ramdas, 2024)."""
    before = np.concatenate([np.zeros((len(d), 1)), np.cumsum(d, axis=1)[:, :-1]], axis=1)
    squares = np.concatenate([np.zeros((len(d), 1)), np.cumsum(d * d, axis=1)[:, :-1]], axis=1)
    count = np.arange(1.0, d.shape[1] + 1.0)
    mean, square = before / count, (0.25 + squares) / count
    return np.asarray(np.cumsum(np.log1p(np.clip(mean / square, 0.0, 0.8) * d), axis=1))


@dataclass(frozen=True)
class Decided:
    """Of each confirmation: whether it was adopted, vetoed, and after how many pairs."""

    adopted: NDArray[np.bool_]
    vetoed: NDArray[np.bool_]
    pairs: NDArray[np.int64]


def decide(d: Floats, level: float | Floats, rules: Rules = RULES, bet: Bet | None = None) -> Decided:
    """What becomes of confirmations with the differences `d`, shape (number, pairs), each at its `level`."""
    families, end = len(rules.families), rules.rounds * len(rules.families)
    ends = np.arange(families, end + 1, families)
    log_e = (bet or mix(BETS))(d[:, :end])[:, ends - 1]
    against = np.full(log_e.shape, -np.inf)
    if families > 1:
        each = [mix(BETS)(-d[:, family:end:families]) for family in range(families)]
        against = np.max(each, axis=0)
    takes = -np.log(np.broadcast_to(level, len(d)))[:, None]
    won = (log_e >= takes) & (ends >= rules.least * families) & (against <= 0.0)
    lost = (ends >= rules.hopeful) & (log_e < (math.log(rules.futility) if rules.futility else -math.inf))
    veto = against >= math.log(families / rules.veto)
    first = np.where((any_ := won | lost | veto).any(axis=1), any_.argmax(axis=1), len(ends) - 1)
    rows = np.arange(len(d))
    vetoed = veto[rows, first]
    return Decided(won[rows, first] & ~vetoed, vetoed, ends[first])


def compare_with_gate(d: Floats, confirmation: int, rules: Rules = RULES) -> None:
    """The gate itself decides the same, for each of these rows."""
    decided = decide(d, rules.level(confirmation), rules)
    for row, adopted, vetoed, pairs in zip(d, decided.adopted, decided.vetoed, decided.pairs, strict=True):
        evidence = Evidence(rules, confirmation)
        for difference in row:
            if evidence.verdict is not Verdict.CONTINUE:
                break
            evidence = evidence.fold(evidence.family, float(difference))
        found = (evidence.verdict is Verdict.ADOPT, evidence.verdict is Verdict.VETOED, evidence.pairs)
        assert found == (adopted, vetoed, pairs), f"the gate says {found}, this script {(adopted, vetoed, pairs)}"


def lineages(number: int, law: Law, *, screened: bool, schedule: bool = True) -> tuple[float, float, float]:
    """Lineages of 30 worthless edits: the share with any adopted, adoptions of each, pairs of each."""
    rng = np.random.default_rng((number, EDITS, screened))
    started, adopted, pairs = np.zeros(number, dtype=int), np.zeros(number, dtype=int), np.zeros(number)
    for _ in range(EDITS):
        begins = law(rng, (number, SCREEN), 0.0).mean(axis=1) > 0.0 if screened else np.ones(number, dtype=bool)
        started += begins
        level = (
            RULES.alpha * 6.0 / (math.pi * np.maximum(started, 1)) ** 2 if schedule else np.full(number, RULES.alpha)
        )
        decided = decide(law(rng, (number, RULES.cap), 0.0), level)
        adopted += begins & decided.adopted
        pairs += begins * decided.pairs
    return float((adopted > 0).mean()), float(adopted.mean()), float(pairs.mean())


def worthless(number: int) -> bool:
    """The table of worthless edits. Whether the gate kept its promise."""
    print(f"Lineages of {EDITS} edits that change nothing; any: share of lineages that adopt one, of each: how many\n")
    print(f"{'':11} {'':10} {'greedy, 20 pairs':>17} {'at alpha each':>17} {'the gate':>17} {'screened first':>25}")
    print(f"{'scores':11} {'lineages':>10}" + f" {'any %':>9} {'of 30':>7}" * 4 + f" {'pairs':>7}")
    kept = True
    for name, law in LAWS.items():
        for count in (min(200, number), number):
            rng = np.random.default_rng((count, GREEDY))
            greedy = (law(rng, (count, EDITS, GREEDY), 0.0).sum(axis=2) > 1e-9).sum(axis=1)
            flat = lineages(count, law, screened=False, schedule=False)
            gate, screened = lineages(count, law, screened=False), lineages(count, law, screened=True)
            figures = ((float((greedy > 0).mean()), float(greedy.mean())), flat[:2], gate[:2], screened[:2])
            row = "".join(f" {100 * share:9.1f} {of:7.2f}" for share, of in figures)
            print(f"{name:11} {count:10}{row} {screened[2]:7.0f}")
            kept &= max(gate[0], screened[0]) <= RULES.alpha
    return kept


def power(number: int) -> None:
    """The table of true gains."""
    print("\nHow many of 100 that are truly better are adopted, and after how many pairs; cap 240, k confirmations")
    print("told: as the gate's report says; fixed: all 240 pairs and a z-test at the same level; /30: at alpha/30\n")
    print(
        f"{'scores':11} {'gain':>5}" + f" {'k':>4} {'adopted':>8} {'told':>5} {'fixed':>6} {'pairs':>6}" * 3 + "   /30"
    )
    for name, law in LAWS.items():
        for gain in GAINS:
            row = f"{name:11} {100 * gain:5.0f}"
            for confirmation in CONFIRMATIONS:
                rng = np.random.default_rng((confirmation, round(100 * gain), len(name)))
                d = law(rng, (number, RULES.cap), gain)
                compare_with_gate(d[:20], confirmation)
                level = RULES.level(confirmation)
                decided = decide(d, level)
                told = chance(RULES, level, gain, max(gain, float((d * d).mean()))).adopted
                row += f" {confirmation:4} {100 * decided.adopted.mean():8.1f} {100 * told:5.1f}"
                row += f" {100 * fixed(d, level):6.1f} {decided.pairs.mean():6.0f}"
            print(f"{row} {100 * fixed(d, RULES.alpha / EDITS):5.1f}")


def fixed(d: Floats, level: float) -> float:
    """The share that a z-test after all pairs would adopt."""
    z = d.mean(axis=1) / (d.std(axis=1) + 1e-12) * math.sqrt(d.shape[1])
    return float((z > NormalDist().inv_cdf(1.0 - level)).mean())


def bets(number: int) -> None:
    """Other ways of betting, each valid by the same theorem."""
    ways: dict[str, Bet] = {
        "the gate's: .1 .2 .4 .6 .8": mix(BETS),
        ".05 .1 .2 .3 .5": mix((0.05, 0.1, 0.2, 0.3, 0.5)),
        ".05 to .95 by .05": mix(tuple(np.arange(0.05, 0.96, 0.05))),
        ".3 alone": mix((0.3,)),
        "adaptive": adaptive,
    }
    columns = [(name, gain, k) for name in LAWS for gain, k in ((0.10, 1), (0.15, 3), (0.10, 10))]
    print("\nOther bets: adopted of 100, and pairs\n")
    print(f"{'':27}" + "".join(f"{f'{name} {100 * gain:.0f}, k {k}':>24}" for name, gain, k in columns))
    for way, bet in ways.items():
        row = f"{way:27}"
        for name, gain, k in columns:
            rng = np.random.default_rng((k, round(100 * gain), len(name), 1))
            decided = decide(LAWS[name](rng, (number, RULES.cap), gain), RULES.level(k), bet=bet)
            row += f"{100 * decided.adopted.mean():16.1f} {decided.pairs.mean():7.0f}"
        print(row)


def families(number: int) -> None:
    """What the veto costs, and what it catches."""
    rules = Rules(families=SIX)
    print("\nSix families, 40 pairs of each at most, first confirmation; `loss` in one, the gain in the other five\n")
    print(
        f"{'scores':11} {'gain':>5} {'loss':>5} {'adopted':>8} {'vetoed':>7} {'pairs':>6} {'adopted without veto':>21}"
    )
    for name, law in LAWS.items():
        for gain, loss in (
            (0.0, 0.0),
            (0.15, -0.15),
            (0.25, -0.25),
            (0.25, 0.0),
            (0.25, 0.15),
            (0.25, 0.25),
            (0.25, 0.4),
        ):
            rng = np.random.default_rng((round(100 * gain), round(100 * loss) + 100, len(name)))
            d = law(rng, (number, rules.cap), gain)
            d[:, 5::6] = -law(rng, (number, rules.cap // 6), loss) if loss > 0 else law(rng, (number, 40), -loss)
            compare_with_gate(d[:20], 1, rules)
            decided = decide(d, rules.level(1), rules)
            without = decide(d, rules.level(1), replace(RULES, least=60))
            print(
                f"{name:11} {100 * gain:5.0f} {100 * loss:5.0f} {100 * decided.adopted.mean():8.1f}"
                f" {100 * decided.vetoed.mean():7.1f} {decided.pairs.mean():6.0f} {100 * without.adopted.mean():21.1f}"
            )


def waiting(number: int) -> None:
    """Is it better to confirm each edit that passes the screen, or the best of several?"""
    print(f"\nLineages of {EDITS} edits, 3 of them truly better by 15, screened on {SCREEN} pairs; of each lineage:\n")
    print(f"{'scores':11} {'confirms':>24} {'started':>8} {'good adopted':>13} {'bad adopted':>12} {'pairs':>6}")
    for name, law in LAWS.items():
        for every in (1, 3, 5, 10):
            good, bad, started, pairs = _waiting(number, law, every)
            what = "each that passes" if every == 1 else f"the best of every {every}"
            print(f"{name:11} {what:>24} {started:8.1f} {good:13.2f} {bad:12.3f} {pairs:6.0f}")


def _waiting(number: int, law: Law, every: int) -> tuple[float, float, float, float]:
    rng = np.random.default_rng((number, every))
    better = np.zeros((number, EDITS), dtype=bool)
    better[:, :3] = True
    better = rng.permuted(better, axis=1)
    good, bad, started, pairs = (np.zeros(number) for _ in range(4))
    for start in range(0, EDITS, every):
        several = better[:, start : start + every]
        screen = np.where(
            several,
            law(rng, (*several.shape, SCREEN), 0.15).mean(axis=2),
            law(rng, (*several.shape, SCREEN), 0.0).mean(axis=2),
        )
        begins, chosen = screen.max(axis=1) > 0.0, several[np.arange(number), screen.argmax(axis=1)]
        started += begins
        level = RULES.alpha * 6.0 / (math.pi * np.maximum(started, 1)) ** 2
        size = (number, RULES.cap)
        decided = decide(np.where(chosen[:, None], law(rng, size, 0.15), law(rng, size, 0.0)), level)
        good += begins & decided.adopted & chosen
        bad += begins & decided.adopted & ~chosen
        pairs += begins * decided.pairs
    return float(good.mean()), float(bad.mean()), float(started.mean()), float(pairs.mean())


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    kept = worthless(number)
    power(number)
    bets(number)
    families(number)
    waiting(number)
    if not kept:
        sys.exit(f"more than {100 * RULES.alpha:g} % of the lineages adopted a worthless edit")
