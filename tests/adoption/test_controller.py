"""The adopted reference follows from the journal, and changes only when it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.adoption.canary import Share
from evolve.adoption.policy import Policy
from evolve.adoption.records import Outcome, Pair, encode_objective, encode_pair
from evolve.errors import RunDamaged, TaskError
from evolve.gates.sequential import Rules
from evolve.testing.adoptions import OBJECTIVE, Driver, replayed, worth
from evolve.types import Evaluation, Program, Status, Trial

GATE = Rules(families=("cut", "sat"), cap=160, least=5, hopeful=20)
PLAIN = Policy(gate=GATE, every=1, canary=None, gain_asked=1.0)
SEED, BETTER, SAME = worth(0.3), worth(0.75), [worth(0.3, name=f"same {n}") for n in range(12)]


def test_a_truly_better_third_edit_is_adopted() -> None:
    """After two that change nothing; the evidence is that of the gate."""
    driver = Driver([SEED, SAME[0], SAME[1], BETTER, SAME[2]], PLAIN)
    adoption = driver.run()
    assert adoption.adopted is not None
    assert adoption.adopted.number == 3
    assert [adopted.number for adopted in adoption.history] == [3]
    (adopted,) = [transition for transition in driver.said if transition.kind == "adopted"]
    assert adopted.tree == BETTER.tree
    assert adopted.evidence is not None
    assert adopted.evidence.confirmation == adoption.confirmations
    assert adopted.evidence.mean > 0.2


@pytest.mark.parametrize("seed", range(8))
def test_edits_that_change_nothing_are_not_adopted(seed: int) -> None:
    """Some pass the screen, and each of those makes the next confirmation harder; the seed stays."""
    driver = Driver([worth(0.3, name=f"seed {seed}"), *SAME], PLAIN, seed=seed)
    adoption = driver.run()
    assert adoption.adopted is not None
    assert adoption.adopted.number == 0
    levels = [said.evidence.level for said in driver.said if said.kind == "confirming" and said.evidence]
    assert levels == [GATE.level(k) for k in range(1, len(levels) + 1)]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_killed_anywhere_and_taken_up_again_it_is_as_if_nothing_had_been(data: st.DataObject) -> None:
    """The same journal, to the last entry, hence the same pairs, seeds and reference; with several pairs in flight."""
    policy = replace(PLAIN, canary=Share(every=2, blocks=8), every=2)
    script = [SEED, SAME[0], worth(0.7, name="a"), BETTER, *SAME[1:], worth(0.95, name="b"), *SAME[:4]]
    flight = data.draw(st.integers(1, 3))
    whole = Driver(script, policy, pairs=7, flight=flight)
    final = whole.run()
    cut = data.draw(st.integers(1, len(whole.journal)))
    # what was in flight is lost, and runs again: with one in flight at a time the journal is the same
    again = Driver(script, policy, pairs=7, flight=flight, journal=whole.journal[:cut])
    again.journal.pop()
    found = again.run()
    assert final.adopted is not None
    assert found.adopted == final.adopted
    assert found.history == final.history
    if flight == 1:
        assert again.journal == whole.journal


def test_replay_of_the_journal_gives_the_same_state() -> None:
    """With canary, question and all."""
    policy = replace(PLAIN, canary=Share(every=2, blocks=8))
    driver = Driver([SEED, BETTER, *SAME], policy, pairs=9)
    live = driver.run()
    again = replayed(policy, driver.journal)
    assert (again.adopted, again.history, again.canary) == (live.adopted, live.history, live.canary)
    assert (again.confirming, again.question, again.confirmations) == (live.confirming, live.question, 1)


def lost_first(driver: Driver) -> int:
    """Of the pairs in flight one that the challenger wins, if there is one: it ends sooner than the others."""
    ahead = [sum(outcome.challenger) - sum(outcome.incumbent) for outcome in map(driver.outcome, driver._flying)]
    return int(np.argmax(ahead))


def test_pairs_that_end_early_are_not_heard_early() -> None:
    """Were won pairs to end before lost ones, their order of arrival would speak for the challenger."""
    script = [worth(0.5), worth(0.5, search=0.9)]
    in_order = Driver(script, PLAIN)
    in_order.run()
    won_first = Driver(script, PLAIN, flight=40)
    won_first.choose = lambda _: lost_first(won_first)
    won_first.run()
    early = [entry for entry in won_first.journal if not isinstance(entry, Trial) and entry["what"] == "pair"]
    assert [entry["index"] for entry in early] != sorted(entry["index"] for entry in early)
    assert won_first.said[1].kind == "rejected"
    assert won_first.said[1].evidence == in_order.said[1].evidence


def test_what_ran_when_it_was_decided_changes_nothing() -> None:
    """Such pairs are in the journal, and are not counted."""
    one, many = Driver([SEED, BETTER], PLAIN), Driver([SEED, BETTER], PLAIN, flight=30)
    one.run()
    many.run()
    assert len(many.journal) > len(one.journal)
    assert many.said[-1].evidence == one.said[-1].evidence


def test_no_two_pairs_meet_the_same_instances() -> None:
    """Nor any that the search has seen; and a challenger with another text meets other ones."""
    adoptions = [Driver([SEED, *SAME, worth(0.3, name=name)], PLAIN) for name in ("x", "y")]
    seeds = []
    for driver in adoptions:
        driver.run()
        pairs = [entry for entry in driver.journal if not isinstance(entry, Trial) and entry["what"] == "pair"]
        seeds.append([pair["seed"] for pair in pairs])
        assert driver.adoption.confirmations > 2
        assert len(set(seeds[-1])) == len(seeds[-1])
        assert min(seeds[-1]) >= 1000
    one, other = (Driver([SEED, worth(0.9, name=name)], PLAIN) for name in "ab")
    one.run(3)
    other.run(3)
    first, second = one.adoption.next(), other.adoption.next()
    assert first is not None
    assert second is not None
    assert first.seed != second.seed


def test_who_learned_the_search_by_heart_is_rejected_and_named() -> None:
    """All right on the instances of the search, no better on fresh ones; adoption stops until a person has answered."""
    driver = Driver([SEED, worth(0.3, search=1.0), BETTER], PLAIN)
    adoption = driver.run()
    assert driver.kinds == [("confirming", 1), ("rejected", 1), ("asked", 1)]
    assert adoption.question is not None
    assert adoption.question.about == "going on"
    assert adoption.question.reasons[0].startswith("drift: it is ahead by 0.")
    driver.review(1, approve=True)
    driver.run()
    assert driver.kinds[3:] == [("going on", 1), ("confirming", 2), ("adopted", 2)]


def test_a_person_may_end_adoption() -> None:
    """Nothing is confirmed any more."""
    driver = Driver([SEED, worth(0.3, search=1.0), BETTER, worth(0.9)], PLAIN)
    driver.run()
    driver.review(1, approve=False, reason="the instances have leaked")
    adoption = driver.run()
    assert driver.kinds[-1] == ("closed", 1)
    assert adoption.adopted is not None
    assert adoption.adopted.number == 0
    assert adoption.next() is None


def test_a_step_that_is_too_large_is_not_tried() -> None:
    """However good it is."""
    driver = Driver([SEED, worth(0.9, lines=50)], replace(PLAIN, lines_most=40, lines_asked=20))
    driver.run()
    assert driver.kinds == [("refused", 1)]
    assert "52 lines in one step; 40 are allowed" in driver.said[0].reasons[0]


def test_steps_that_are_small_one_by_one_are_measured_from_the_adopted_one() -> None:
    """A trial whose parent was never adopted changes more than its last edit."""
    policy = replace(PLAIN, lines_most=40, lines_asked=40)
    driver = Driver([SEED, worth(0.2, lines=30), worth(0.9, lines=60)], policy)
    driver.run()
    assert driver.kinds == [("refused", 2)]


@pytest.mark.parametrize(
    ("policy", "program", "reason"),
    [
        (replace(PLAIN, lines_asked=20), worth(0.8, lines=30), "it changes 32 lines; above 20 a person is asked"),
        (replace(PLAIN, gain_asked=0.2), worth(0.8), "above 0.2 a person is asked"),
        (PLAIN, worth(0.8, seconds=0.1), "pairs its evaluation took less than a quarter of the incumbent's time"),
        (PLAIN, worth(1.0), "perfect: it has the best score there is in each of"),
        (replace(PLAIN, gate=replace(GATE, least=40)), worth(0.5, search=1.0), "drift: it is ahead by"),
    ],
    ids=["size", "gain", "collapse", "perfect", "drift"],
)
def test_a_person_is_asked(policy: Policy, program: Program, reason: str) -> None:
    """Before it is adopted, and who is adopted stays until then; the answer is kept with what was asked."""
    for approve in (True, False):
        driver = Driver([SEED, program, *SAME[:3]], policy)
        adoption = driver.run()
        assert driver.kinds == [("confirming", 1), ("asked", 1)]
        assert any(reason in said for said in driver.said[1].reasons), driver.said[1].reasons
        assert adoption.reference(2) == 0
        assert adoption.next() is None
        driver.review(1, approve=approve, by="Ada")
        assert driver.kinds[2] == ("adopted" if approve else "rejected", 1)
        assert driver.said[2].review is not None
        assert driver.said[2].review.by == "Ada"
        assert driver.said[2].evidence == driver.said[1].evidence
        assert adoption.reference(9) == int(approve)


EASY = replace(PLAIN, gate=replace(GATE, alpha=0.9), adoptions_most=9)


def test_a_jump_is_asked_about() -> None:
    """After two gains of 6 points, one of 48."""
    driver = Driver([worth(0.3), worth(0.36), worth(0.42), worth(0.9)], EASY, graded=True)
    driver.run()
    assert driver.kinds[-1] == ("asked", 3)
    assert driver.said[-1].reasons == ("jump: it gains 0.480 a pair, and nothing before gained more than 0.060",)


def test_acceleration_is_asked_about() -> None:
    """Three small steps, ten trials apart, then a large one at once."""
    rest = [worth(0.1, name=f"{n}") for n in range(27)]
    script = [worth(0.2), *rest[:9], worth(0.3), *rest[9:18], worth(0.4), *rest[18:], worth(0.5), worth(0.6, lines=90)]
    driver = Driver(script, EASY, graded=True)
    driver.run()
    assert [adopted.at for adopted in driver.adoption.history] == [10, 20, 30]
    assert driver.kinds[-1] == ("asked", 31)
    assert driver.said[-1].reasons[0].startswith("acceleration: adoptions change")


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    """It says what is asked, if anything is."""
    driver = Driver([SEED, worth(0.8, lines=30)], replace(PLAIN, lines_asked=20))
    assert driver.adoption.review_problem(1) == "nothing is asked: no change waits for a person, and none is a canary"
    driver.run()
    assert driver.adoption.review_problem(1) == ""
    assert driver.adoption.review_problem(7) == "it is trial 1 that is asked about"
    with pytest.raises(RunDamaged, match="it is trial 1 that is asked about"):
        driver.review(7, approve=True)


def test_the_reference_changes_no_more_often_than_it_may() -> None:
    """Two that are much better follow each other; with one adoption in ten trials the second has to wait."""
    script = [SEED, worth(0.6), worth(0.95), *SAME]
    free = Driver(script, PLAIN).run()
    assert [adopted.number for adopted in free.history] == [1, 2]
    held = Driver(script, replace(PLAIN, adoptions_most=1, adoptions_window=10)).run()
    assert [(adopted.number, adopted.at) for adopted in held.history] == [(1, 1), (2, 11)]


def test_the_best_of_several_is_confirmed() -> None:
    """With one confirmation every four trials, so that chances are not spent on the first that comes."""
    driver = Driver([SEED, worth(0.6), worth(0.9), worth(0.65), worth(0.3)], replace(PLAIN, every=4))
    driver.run()
    assert driver.kinds[0] == ("confirming", 2)


def test_the_same_two_meet_once() -> None:
    """Told again, a challenger that was rejected is not confirmed again; nor as another trial with the same program."""
    program = worth(0.3, search=0.7)
    driver = Driver([SEED, program, program, program], PLAIN)
    driver.run()
    assert [kind for kind in driver.kinds if kind[0] == "confirming"] == [("confirming", 1)]


def test_another_evaluator_stops_the_run() -> None:
    """What was adopted under one objective means nothing under another."""
    driver = Driver([SEED, BETTER], PLAIN)
    driver.run()
    driver.adoption.fold(encode_objective(OBJECTIVE))
    with pytest.raises(TaskError, match="put that one back"):
        driver.adoption.fold(encode_objective("1" * 40))
    with pytest.raises(TaskError):
        Driver([SEED], PLAIN, journal=driver.journal, objective="1" * 40)


def test_without_an_objective_nothing_is_confirmed() -> None:
    """It is pinned before the first pair."""
    driver = Driver([SEED, BETTER], PLAIN)
    driver.run(3)
    blind = replayed(PLAIN, [entry for entry in driver.journal if isinstance(entry, Trial)])
    assert (driver.adoption.confirmations, blind.confirmations) == (1, 0)
    blind.fold(encode_objective(OBJECTIVE))
    assert blind.confirmations == 1


def test_what_is_confirmed_is_frozen() -> None:
    """A trial that is told again with another program is a damaged journal, and no new version of the challenger."""
    driver = Driver([SEED, BETTER], PLAIN)
    driver.run(3)
    assert driver.adoption.confirming is not None
    told = driver.journal[-1]
    assert isinstance(told, Trial)
    with pytest.raises(RunDamaged, match=r"had .* when it was told before"):
        driver.adoption.tell(replace(told, program=worth(0.99)))


def test_a_pair_is_what_was_drawn() -> None:
    """Another seed, other trials, told twice, never drawn, of no confirmation: each is a contradiction."""
    driver = Driver([SEED, BETTER], PLAIN)
    driver.run(3)
    adoption, won = driver.adoption, Outcome(incumbent=(0.0, 0.0), challenger=(1.0, 1.0))
    pair = adoption.next()
    assert pair is not None
    wrong: list[Pair] = [
        replace(pair, seed=pair.seed + 1),
        replace(pair, challenger=5),
        replace(pair, challenger_first=not pair.challenger_first),
        replace(pair, index=10**6),
        replace(pair, index=-1),
        replace(pair, confirmation=2),
        replace(pair, confirmation=0),
    ]
    for other in wrong:
        with pytest.raises(RunDamaged):
            adoption.fold(encode_pair(other, won))
    adoption.fold(encode_pair(pair, won))
    with pytest.raises(RunDamaged, match="told twice"):
        adoption.fold(encode_pair(pair, won))
    with pytest.raises(RunDamaged, match="no event of an adoption"):
        adoption.fold({"event": "gate", "what": "hearsay"})


def test_an_incumbent_that_is_corrected_is_still_the_incumbent() -> None:
    """A race may tell of the adopted one again; one that has lost its score is no candidate any more."""
    driver = Driver([SEED, worth(0.9)], replace(PLAIN, every=2))
    driver.run()
    seed, better = (entry for entry in driver.journal if isinstance(entry, Trial))
    corrected = replace(seed, evaluation=replace(seed.evaluation, score=0.35, fitness=0.35))
    driver.adoption.tell(corrected)
    assert driver.adoption.adopted == corrected
    driver.adoption.tell(replace(better, evaluation=Evaluation(status=Status.FAILED)))
    driver.adoption.tell(replace(better, number=2, program=SAME[0], evaluation=Evaluation(status=Status.FAILED)))
    assert driver.adoption.confirming is None


def test_before_the_seed_there_is_no_reference() -> None:
    """And nobody can ask for it."""
    with pytest.raises(LookupError, match="before the seed program"):
        Driver([], PLAIN).adoption.reference(1)
