"""A canary is rolled back when it does worse, seldom otherwise, and takes no more than its share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from evolve.adoption.canary import Canary, Share
from evolve.adoption.policy import Policy
from evolve.gates.sequential import Rules
from evolve.testing.adoptions import Driver, worth
from evolve.types import Trial

SHARE = Share()
NEW, OLD = 12, 3
FRESH = Canary(share=SHARE, seed=1, number=NEW, before=OLD, begins=5)


def play(fate: Callable[[int, bool, float], bool], seed: int, number: int = 400) -> Canary:
    """Tell trials until it is decided; `fate` says of a trial, given whose it is and a draw, whether it is good."""
    rng, canary = np.random.default_rng(seed), replace(FRESH, seed=seed)
    for trial in range(20, 20 + number):
        new = canary.takes(trial)
        good = fate(trial, new, float(rng.random()))
        canary = canary.tell(trial, NEW if new else OLD, valid=good, better=good and rng.random() < 0.3)
        if canary.verdict != "continue":
            break
    return canary


def test_it_takes_one_trial_of_each_block() -> None:
    """From the first whole block on, and not always the same place of it."""
    taken = [trial for trial in range(100) if FRESH.takes(trial)]
    assert [trial // SHARE.every for trial in taken] == list(range(5, 25))
    assert len({trial % SHARE.every for trial in taken}) == SHARE.every


def test_a_vandal_is_rolled_back_within_nine_blocks() -> None:
    """All that it proposes fails, and it is said why."""
    canary = play(lambda _trial, new, drawn: not new and drawn < 0.9, 0)
    assert canary.verdict == "roll back"
    assert canary.done <= 9
    assert canary.reason.startswith("its proposals fail more often than those of trial 3")


def test_one_that_is_no_worse_is_promoted() -> None:
    """Of 200 that are as good as the one before, a tenth at most is rolled back."""
    found = [play(lambda _trial, _new, drawn: drawn < 0.6, seed) for seed in range(200)]
    assert sum(canary.verdict == "roll back" for canary in found) <= 20
    assert {canary.verdict for canary in found} <= {"promote", "roll back"}
    assert all(canary.done == SHARE.blocks for canary in found if canary.verdict == "promote")


def test_a_task_that_gets_harder_is_not_held_against_it() -> None:
    """Late trials all fail, whoever proposes them: since places are drawn, no more are rolled back."""
    found = [play(lambda trial, _new, _drawn: trial % 4 < 2, seed) for seed in range(200)]
    assert sum(canary.verdict == "roll back" for canary in found) <= 20


def test_one_that_no_longer_improves_anything_is_rolled_back() -> None:
    """What it proposes is valid and never better than its parent."""
    canary = replace(FRESH, share=Share(blocks=60))
    for trial in range(20, 400):
        new = canary.takes(trial)
        canary = canary.tell(trial, NEW if new else OLD, valid=True, better=not new)
    assert canary.reason.startswith("its proposals are better than their parents less often")


def test_blocks_with_trials_of_another_time_do_not_count() -> None:
    """Those in flight when it began were proposed by the one before, and others do not say who it was."""
    canary = FRESH
    for trial in range(20, 40):
        canary = canary.tell(trial, OLD, valid=True, better=False)
    for trial in range(40, 60):
        canary = canary.tell(trial, None, valid=True, better=False)
    for trial in range(12, 20):
        canary = canary.tell(trial, NEW, valid=False, better=False)
    assert (canary.done, dict(canary.told)) == (0, {})


def test_trials_of_a_block_may_end_in_any_order() -> None:
    """It is counted when the last of them has."""
    canary = FRESH
    for trial in (23, 21, 24, 20):
        canary = canary.tell(trial, NEW if canary.takes(trial) else OLD, valid=True, better=False)
    assert canary.done == 0
    canary = canary.tell(22, NEW if canary.takes(22) else OLD, valid=True, better=False)
    assert (canary.done, list(canary.told)) == (1, [6])


@pytest.mark.parametrize(
    ("wrong", "said"), [({"every": 1}, "one trial of two"), ({"level": 0.0}, "level"), ({"blocks": 6}, "more blocks")]
)
def test_a_canary_that_could_not_die_is_refused(wrong: dict[str, int], said: str) -> None:
    """Too few blocks show nothing, even if all proposals fail."""
    with pytest.raises(ValueError, match=said):
        Share(**wrong)


POLICY = Policy(
    gate=Rules(families=("cut", "sat"), cap=160, least=5, hopeful=20),
    every=1,
    gain_asked=1.0,
    canary=Share(every=2, blocks=8),
)
SEED, REST = worth(0.3), [worth(0.3, name=f"same {n}") for n in range(80)]


def test_a_vandal_that_scores_well_is_rolled_back_and_not_tried_again() -> None:
    """Adopted by the gate, which knows nothing of what it proposes; the one before is the reference again."""
    vandal = worth(0.8, valid=0.0)
    driver = Driver([SEED, vandal, *REST[:40], vandal, *REST[40:60]], POLICY)
    adoption = driver.run()
    assert driver.kinds[:3] == [("confirming", 1), ("adopted", 1), ("rolled back", 1)]
    assert driver.said[2].adopted == 0
    assert driver.said[2].reasons[0].startswith("its proposals fail more often")
    assert adoption.history == ()
    assert adoption.reference(70) == 0
    assert ("confirming", 42) not in driver.kinds
    without = Driver([SEED, vandal, *REST], replace(POLICY, canary=None)).run()
    assert without.reference(70) == 1


def test_while_it_is_a_canary_nothing_is_confirmed() -> None:
    """It has half of the trials then, and all of them after it was promoted."""
    driver = Driver([SEED, worth(0.6), worth(0.95), *REST[:30]], POLICY)
    adoption = driver.run()
    assert driver.kinds[:4] == [("confirming", 1), ("adopted", 1), ("promoted", 1), ("confirming", 2)]
    promoted = Driver([SEED, worth(0.6), *REST[:3]], POLICY)
    promoted.run()
    assert {promoted.adoption.reference(number) for number in range(10, 30)} == {0, 1}
    assert adoption.adopted is not None
    assert adoption.adopted.number == 2


def test_trials_that_are_told_again_are_counted_once() -> None:
    """A race may correct the score of one; it was proposed once."""
    driver = Driver([SEED, worth(0.6), *REST[:9]], POLICY)
    canary = driver.run().canary
    assert canary is not None
    assert canary.done > 1
    for entry in driver.journal:
        if isinstance(entry, Trial) and entry.number > 1:
            driver.adoption.tell(entry)
    assert driver.adoption.canary == canary


def test_rolled_back_to_is_what_is_known_of_the_one_before_now() -> None:
    """Its evaluation may have been corrected while the other one was on trial."""
    driver = Driver([SEED, worth(0.6), *REST[:3]], POLICY)
    driver.run()
    seed = driver.journal[1]
    assert isinstance(seed, Trial)
    corrected = replace(seed, evaluation=replace(seed.evaluation, score=0.2, fitness=0.2))
    driver.adoption.tell(corrected)
    driver.review(1, approve=False)
    assert driver.adoption.adopted == corrected


@pytest.mark.parametrize("approve", [True, False])
def test_a_person_need_not_wait_for_the_canary(approve: bool) -> None:
    """They may promote it, or roll it back."""
    driver = Driver([SEED, worth(0.6), *REST[:3]], POLICY)
    adoption = driver.run()
    driver.review(1, approve=approve)
    assert driver.kinds[-1] == ("promoted" if approve else "rolled back", 1)
    assert adoption.canary is None
    assert {adoption.reference(number) for number in range(10, 30)} == {int(approve)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"every": 0}, "every"), ({"lines_asked": 2000}, "smaller one"), ({"gain_asked": 2.0}, "gain_asked")],
)
def test_a_policy_that_contradicts_itself_is_refused(wrong: dict[str, int], said: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(ValueError, match=said):
        Policy(**wrong)  # type: ignore[arg-type]
