from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.budget import Budget
from evolve.errors import BudgetSpent, Interrupted, ModelFault, RunDamaged
from evolve.models.evaluations import evaluating
from evolve.models.meter import Meter
from evolve.models.transcript import Transcript
from evolve.testing.models import ScriptedModel
from evolve.types import Evaluation, Program, Reply, Request, Status, Usage

ASK = Request(messages=(("user", "one two three"),), max_tokens=100)
MOST = 1100
"""Tokens that are reserved for `ASK`."""


def meter(path: Path, again: int = 0, **limits: int) -> tuple[Meter, Budget, Transcript]:
    budget, transcript = Budget(limits), Transcript(path / "t.jsonl")
    return Meter(budget, transcript, again=again), budget, transcript


def scoring(made: Meter, number: int) -> Callable[[int], Evaluation]:
    """How a trial has programs of its own scored, by a number each."""
    ask = evaluating(made.relay(number), lambda _: Evaluation(status=Status.OK, score=1.0), Program({"a.py": b""}))
    return lambda which: ask(Program({"a.py": str(which).encode()}))


def test_a_call_is_reserved_at_its_worst_and_held_at_what_it_took(tmp_path: Path) -> None:
    """Until the loop settles the trial."""
    made, budget, _ = meter(tmp_path)
    seen: list[int] = []

    def answer(_request: Request) -> str:
        seen.append(budget.committed("tokens"))
        return "four five"

    reply = made.asker(3)(ScriptedModel(answer), ASK)
    assert (reply.text, seen) == ("four five", [MOST])
    assert made.used(3) == Usage(calls=1, input_tokens=3, output_tokens=2, nanodollars=5000)
    assert (budget.committed("tokens"), budget.committed("calls"), budget.spent["tokens"]) == (5, 1, 0)
    made.settle(3, {"calls": 1, "tokens": 5, "nanodollars": 5000})
    assert (budget.committed("tokens"), budget.spent["tokens"]) == (5, 5)
    assert made.used(3) == Usage()


def test_no_call_is_made_for_which_too_little_is_left(tmp_path: Path) -> None:
    """The error names the resource and the model hears nothing."""
    made, _, _ = meter(tmp_path, tokens=MOST - 1)
    model = ScriptedModel(["never"])
    with pytest.raises(BudgetSpent, match="may take 1100 tokens") as caught:
        made.asker(1)(model, ASK)
    assert caught.value.resource == "tokens"
    assert model.requests == []


def test_a_call_waits_for_what_others_may_leave_over(tmp_path: Path) -> None:
    """Two calls fit one after another, though not at the same time."""
    made, budget, _ = meter(tmp_path, tokens=MOST + 10)
    running, most = 0, 0
    turn = threading.Lock()

    def answer(_request: Request) -> str:
        nonlocal running, most
        with turn:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with turn:
            running -= 1
        return "yes"

    model = ScriptedModel(answer)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: made.asker(number)(model, ASK), range(2)))
    assert (most, budget.committed("tokens")) == (1, 8)


def test_what_trials_have_reserved_for_their_evaluation_is_waited_for(tmp_path: Path) -> None:
    """Most of it is given back when they are told. Nobody waits when only the one who asks has reserved something."""
    made, budget, _ = meter(tmp_path, evaluations=9)
    ask = scoring(made, 2)
    assert budget.reserve(1, {"evaluations": 5})
    assert budget.reserve(2, {"evaluations": 4})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, 0)
        with pytest.raises(TimeoutError):
            asked.result(timeout=0.3)
        made.settle(1, {"evaluations": 2})
        assert asked.result(timeout=60).score == 1.0
    assert budget.committed("evaluations") == 2 + 4 + 1
    ask(1)
    ask(2)
    with pytest.raises(BudgetSpent) as caught:
        ask(3)
    assert caught.value.resource == "evaluations"


def test_what_a_trial_lacks_in_the_end_is_named(tmp_path: Path) -> None:
    """Of all that was reserved for it, not of what the next call takes alone; until then nobody else is to have it."""
    made, budget, _ = meter(tmp_path, trials=2, evaluations=4)
    for number in (1, 2):
        assert budget.reserve(number, {"trials": 1, "evaluations": 2})
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(scoring(made, number), 0) for number in (1, 2))
        assert first.result(timeout=60).score == 1.0
        assert made.lending
        assert budget.reserve(3, {"trials": 1})
        budget.settle(3, {"trials": 2})
        made.settle(1, {"evaluations": 1})
        with pytest.raises(BudgetSpent) as caught:
            second.result(timeout=60)
    assert caught.value.resource == "trials"
    assert made.restore(2) == "trials"
    assert not made.lending


@settings(max_examples=30, deadline=None)
@given(
    asks=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    most=st.integers(1, 6),
    spare=st.integers(0, 12),
)
def test_trials_that_wait_for_each_other_use_the_budget_up(
    tmp_path_factory: pytest.TempPathFactory, asks: list[int], most: int, spare: int
) -> None:
    """They reserve more than they take. The younger ones give it back, so nothing is left over that one could take, and
    nothing is taken that another has."""
    limit = len(asks) * most + spare
    made, budget, _ = meter(tmp_path_factory.mktemp("meter"), evaluations=limit)
    for number in range(len(asks)):
        assert budget.reserve(number, {"evaluations": most})

    def one(number: int) -> bool:
        try:
            for attempt in range(asks[number]):
                scoring(made, number)(attempt)
                assert budget.committed("evaluations") <= limit
        except BudgetSpent:
            made.restore(number)
            budget.settle(number, {})
            return False
        assert budget.reserved(number) == {"evaluations": most}
        made.settle(number, {"evaluations": asks[number] + 1})
        return True

    with ThreadPoolExecutor(len(asks)) as pool:
        ended = list(pool.map(one, range(len(asks)), timeout=120))
    used = sum(asks[number] + 1 if whole else made.used(number).evaluations for number, whole in enumerate(ended))
    assert budget.committed("evaluations") == used <= limit
    if not all(ended):
        assert used + most + 1 > limit


@settings(max_examples=20, deadline=None)
@given(limit=st.integers(0, 40), words=st.lists(st.integers(0, 100), min_size=1, max_size=30))
def test_many_workers_together_never_pass_the_limit(
    tmp_path_factory: pytest.TempPathFactory, limit: int, words: list[int]
) -> None:
    """And use what there is: no call is refused that fits beside all that was really used."""
    made, budget, _ = meter(tmp_path_factory.mktemp("meter"), nanodollars=limit * 100_000)
    lengths = iter(words)
    turn = threading.Lock()

    def answer(_request: Request) -> str:
        with turn:
            return "word " * next(lengths)

    model = ScriptedModel(answer)

    def one(number: int) -> bool:
        try:
            made.asker(number)(model, ASK)
        except BudgetSpent:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        served = list(pool.map(one, range(len(words))))
    used = sum(made.used(number).nanodollars for number in range(len(words)))
    assert budget.committed("nanodollars") == used <= limit * 100_000
    if not all(served):
        assert used + MOST * 1000 > limit * 100_000


def test_a_paid_answer_is_never_asked_for_again(tmp_path: Path) -> None:
    """A new session, in which the trial is made once more, gets it from the transcript and goes on from there."""
    made, _, transcript = meter(tmp_path)
    ask = made.asker(1)
    assert ask(ScriptedModel(["first"]), ASK).text == "first"
    transcript.close()
    made, budget, _ = meter(tmp_path)
    made.take_up()
    assert (budget.committed("tokens"), budget.committed("calls")) == (4, 1)
    model = ScriptedModel(["second"])
    ask = made.asker(1)
    assert [ask(model, ASK).text, ask(model, ASK).text] == ["first", "second"]
    assert len(model.requests) == 1
    assert made.used(1).calls == 2


def test_another_question_than_the_one_recorded_is_refused(tmp_path: Path) -> None:
    """Its answer would belong to something else."""
    made, _, transcript = meter(tmp_path)
    made.asker(1)(ScriptedModel(["first"]), ASK)
    transcript.close()
    made, _, _ = meter(tmp_path)
    other = Request(messages=(("user", "other"),), max_tokens=100)
    with pytest.raises(RunDamaged, match="call 0 of trial 1 is not the one"):
        made.asker(1)(ScriptedModel(["no"]), other)


@pytest.mark.parametrize("sent", [True, False])
def test_a_fault_is_no_answer_and_what_it_may_have_cost_stays_reserved(tmp_path: Path, sent: bool) -> None:
    """Also in the next session, where the same question is a new call; a request that never left costs nothing."""
    made, budget, transcript = meter(tmp_path)
    with pytest.raises(ModelFault, match="down"):
        made.asker(3)(ScriptedModel([ModelFault("down", sent=sent)]), ASK)
    assert (budget.committed("tokens"), budget.spent["tokens"]) == (MOST if sent else 0, 0)
    transcript.close()
    made, budget, _ = meter(tmp_path)
    made.take_up()
    assert budget.committed("tokens") == (MOST if sent else 0)
    assert made.asker(3)(ScriptedModel(["up"]), ASK).text == "up"
    assert budget.committed("tokens") == (MOST if sent else 0) + 4


def test_a_request_without_an_answer_counts_at_its_worst(tmp_path: Path) -> None:
    """The process was killed while it waited, and nobody knows what was paid, even after the trial was told."""
    made, _, transcript = meter(tmp_path)
    made.asker(2)(ScriptedModel(["told"]), ASK)
    transcript.sent(1, 0, "scripted", ASK, ScriptedModel([]).most(ASK))
    transcript.close()
    made, budget, transcript = meter(tmp_path)
    made.take_up()
    assert budget.committed("tokens") == MOST + 4
    for number in (1, 2):
        made.settle(number, {})
    assert budget.committed("tokens") == MOST
    assert transcript.trials() == []


def test_what_a_model_raises_against_its_contract_counts_as_sent(tmp_path: Path) -> None:
    """Nothing is known of it, so nothing is free."""
    made, budget, _ = meter(tmp_path)
    with pytest.raises(ZeroDivisionError):
        made.asker(1)(ScriptedModel([ZeroDivisionError()]), ASK)
    assert budget.committed("tokens") == MOST


def test_the_service_s_usage_is_what_counts(tmp_path: Path) -> None:
    """Even when it is more than was reserved: then the budget is over, and says so at the next call."""
    made, budget, _ = meter(tmp_path, tokens=MOST)
    much = Reply(text="x", finish="stop", model="m", usage=Usage(calls=1, input_tokens=5000))
    made.asker(1)(ScriptedModel([much]), ASK)
    assert budget.committed("tokens") == 5000
    with pytest.raises(BudgetSpent):
        made.asker(2)(ScriptedModel(["no"]), ASK)


def test_a_lost_answer_is_asked_for_anew_as_another_call(tmp_path: Path) -> None:
    """With a reservation of its own; a new session finds the answer, and what was lost stays reserved."""
    made, budget, transcript = meter(tmp_path, again=2)
    lost = ModelFault("cut", sent=True)
    model = ScriptedModel([lost, lost, "third", "next"])
    ask = made.asker(1)
    assert [ask(model, ASK).text, ask(model, ASK).text] == ["third", "next"]
    assert (made.used(1).calls, budget.committed("calls"), budget.committed("tokens")) == (2, 4, 2 * MOST + 4 + 4)
    transcript.close()
    made, budget, _ = meter(tmp_path, again=2)
    made.take_up()
    assert (budget.committed("calls"), budget.committed("tokens")) == (4, 2 * MOST + 8)
    ask = made.asker(1)
    assert [ask(ScriptedModel([]), ASK).text, ask(ScriptedModel([]), ASK).text] == ["third", "next"]


def test_asking_anew_has_an_end(tmp_path: Path) -> None:
    """After so many times, when the budget is spent, or when the service certainly did nothing."""
    lost = ModelFault("cut", sent=True)
    model = ScriptedModel([lost] * 9)
    with pytest.raises(ModelFault, match="cut"):
        meter(tmp_path, again=2)[0].asker(1)(model, ASK)
    assert len(model.requests) == 3
    with pytest.raises(BudgetSpent):
        meter(tmp_path, again=9, tokens=2 * MOST)[0].asker(2)(model, ASK)
    assert len(model.requests) == 5
    down = ScriptedModel([ModelFault("down", sent=False)])
    with pytest.raises(ModelFault, match="down"):
        meter(tmp_path, again=2)[0].asker(3)(down, ASK)


def test_a_closed_meter_lets_nobody_wait(tmp_path: Path) -> None:
    """Who waits for a share of the budget hears so; what is under way ends, and its answer is kept."""
    budget, transcript = Budget({"tokens": MOST}), Transcript(tmp_path / "t.jsonl")
    asked, answer = threading.Event(), threading.Event()

    def slowly(_request: Request) -> str:
        asked.set()
        answer.wait()
        return "paid"

    class Ending(ScriptedModel):
        def close(self) -> None:
            answer.set()

    model = Ending(slowly)
    made = Meter(budget, transcript, [model])
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(made.asker(1), model, ASK)
        asked.wait()
        second = pool.submit(made.asker(2), model, ASK)
        time.sleep(0.05)
        assert made.flying == 1
        made.close()
        assert first.result().text == "paid"
        with pytest.raises(Interrupted, match="being stopped"):
            second.result()
    made.close()
    again = Transcript(tmp_path / "t.jsonl")
    assert again.reply(again.calls(1)[0]).text == "paid"
    assert again.calls(2) == {}


def test_a_program_may_ask_in_another_order_the_next_time(tmp_path: Path) -> None:
    """Paid answers are found by what was asked, each once; what was lost or never asked is asked now."""
    made, _, transcript = meter(tmp_path)
    questions = [Request(messages=(("user", text),), max_tokens=100) for text in "abc"]
    relay = made.relay(1)
    model = ScriptedModel(["a", ModelFault("cut", sent=True), "c", "c again"])
    with pytest.raises(ModelFault, match="cut"):
        [relay(model, request) for request in questions]
    assert [relay(model, questions[2]).text for _ in range(2)] == ["c", "c again"]
    transcript.close()
    made, budget, transcript = meter(tmp_path)
    made.take_up()
    relay, model = made.relay(1), ScriptedModel(["new", "newer"])
    asked = [questions[2], questions[2], questions[2], questions[1], questions[0]]
    with ThreadPoolExecutor(1) as pool:
        assert [reply.text for reply in pool.map(lambda it: relay(model, it), asked)] == [
            "c",
            "c again",
            "new",
            "newer",
            "a",
        ]
    assert [request.messages[0][1] for request in model.requests] == ["c", "b"]
    assert sorted(transcript.calls(1)) == [0, 1, 2, 3, 4, 5]
    assert made.used(1).calls == 5
    assert budget.committed("calls") == 6  # the lost one with them


def test_programs_ask_on_many_threads(tmp_path: Path) -> None:
    """Each call is one of its own in the transcript, and each answer is found again."""
    made, _, transcript = meter(tmp_path)
    requests = [Request(messages=(("user", str(number)),), max_tokens=100) for number in range(200)]
    relay, model = made.relay(1), ScriptedModel(lambda request: f"to {request.messages[0][1]}")
    with ThreadPoolExecutor(16) as pool:
        assert [reply.text for reply in pool.map(lambda it: relay(model, it), requests)] == [
            f"to {n}" for n in range(200)
        ]
    assert sorted(transcript.calls(1)) == list(range(200))
    transcript.close()
    made, _, _ = meter(tmp_path)
    relay, silent = made.relay(1), ScriptedModel([])
    with ThreadPoolExecutor(16) as pool:
        again = list(pool.map(lambda it: relay(silent, it), reversed(requests)))
    assert [reply.text for reply in again] == [f"to {n}" for n in reversed(range(200))]
