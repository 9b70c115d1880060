"""What is drawn follows from a secret that programs do not know, and is the same for all of one run."""

from __future__ import annotations

import pytest

from evolve.archives.top import Top
from evolve.evaluation.improve import Downstream, Improve
from evolve.evaluation.sealed import Sealed, sealed
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.regions import Regions
from evolve.testing.fakes import FunctionEvaluator, number_program, number_score
from evolve.testing.models import ScriptedModel
from evolve.testing.scaffolds import HereSandbox
from evolve.testing.trials import trial
from evolve.types import Evaluation, Program, Split, Status

FORECASTER = Program(
    {
        "scaffold.py": b"""
import hashlib
def first(seed):
    label = f"search {seed} near 0"
    entropy = int.from_bytes(hashlib.blake2b(label.encode(), digest_size=7).digest())
    return int.from_bytes(hashlib.blake2b(f"number {entropy}".encode(), digest_size=8).digest()) % 10_000
def propose(parent, context):
    known = {first(seed) + 1: seed for seed in range(1000)}
    found = known.get(context["number"])
    start = parent["files"]["program.py"].partition(chr(10))[2]
    return {"program.py": f"x = {3.0 if found == 7 else 0.01}" + chr(10) + start}
"""
    }
)


class Recorder(FunctionEvaluator):
    """Remembers the seeds that it was given."""

    seeds = True
    splits: tuple[Split, ...] = ("search",)

    def __init__(self) -> None:
        super().__init__(number_score)
        self.given: list[tuple[Split, int]] = []

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """As it would, and remembered."""
        self.given.append((split, seed))
        return super().evaluate(program, split=split, seed=seed)


def improve() -> Improve:
    """Of one search of one call, whose best program is x = 3."""
    seed = number_program(0.0)
    regions = Regions(seed)

    def proposer(program: Program, calls: int) -> ScaffoldProposer:
        models = [(ScriptedModel([]), 1.0)]
        return ScaffoldProposer(regions, models, program=program, sandbox=HereSandbox(), calls=calls, whole=True)

    task = Downstream(
        name="near",
        seed=seed,
        regions=regions,
        evaluator=Recorder(),
        best_known=0.0,
        proposer=proposer,
    )
    return Improve([task], relay=lambda _: lambda model, request: model.complete(request), archive=Top, calls=1)


def given(secret: str) -> list[tuple[Split, int]]:
    recorder, program = Recorder(), number_program(0.0)
    scorer = sealed(recorder, secret)
    for seed in (0, 1, 0, 2**31 - 1):
        scorer.evaluate(program, seed=seed)
    scorer.evaluate(program, split="held_out", seed=1)
    return recorder.given


def test_a_seed_is_another_one_with_a_secret() -> None:
    """The same each time, for both splits; another one for another seed, and for another secret."""
    found = given("one")
    assert found == given("one")
    assert found[0] == found[2]
    assert found[1][1] == found[4][1]
    assert len({seed for _, seed in found}) == 3
    assert not {seed for _, seed in found} & {seed for _, seed in given("two")}
    assert all(2**31 < seed < 2**63 for _, seed in found)


def test_without_a_secret_it_is_as_it_was() -> None:
    """For runs that are to be repeated by whoever knows their seed."""
    recorder = Recorder()
    assert sealed(recorder, "") is recorder
    assert [seed for _, seed in given("")] == [0, 1, 0, 2**31 - 1, 1]


def test_the_rest_is_handed_on() -> None:
    """Splits, whether there are seeds, and the end."""
    recorder = Recorder()
    scorer = Sealed(recorder, "one")
    assert (scorer.splits, scorer.seeds) == (recorder.splits, True)
    scorer.tell(trial(3, "x\n", 1.0))
    scorer.close()
    assert (recorder.told, recorder.closed) == ([3], True)


@pytest.mark.parametrize(("secret", "fooled"), [("", True), ("one", False)])
def test_a_scaffold_does_not_find_out_what_it_is_scored_on(secret: str, fooled: bool) -> None:
    """One that tries all seeds, and works for one of them alone, by the numbers that it is told."""
    scorer = sealed(improve(), secret)
    scores = [scorer.evaluate(FORECASTER, seed=seed).score for seed in (6, 7)]
    scorer.close()
    assert all(score is not None and score < 0.1 for score in scores[: 2 - fooled])
    assert (scores[1] == 1.0) is fooled


def test_two_that_meet_have_the_same_instances() -> None:
    """So the scores of a seed are a pair, as they are without a secret."""
    one, other = (sealed(improve(), "one") for _ in range(2))
    first, second = (scorer.evaluate(FORECASTER, seed=3) for scorer in (one, other))
    assert first.status is Status.OK
    assert (first.score, first.instances) == (second.score, second.instances)
    one.close()
    other.close()
