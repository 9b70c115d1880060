"""A search whose proposer asks models: what it may spend, and what a kill or a fault costs."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from evolve.errors import BudgetSpent, ModelFault
from evolve.testing.fakes import FunctionEvaluator, number_score
from evolve.testing.models import ScriptedModel
from evolve.testing.searches import open_evolution
from evolve.types import Context, Evaluation, Plan, Program, Proposal, Reply, Request, Selection, Status, Trial, Usage

PRICE = 1000


class Asking:
    """Asks its model twice for a new value of `x`; its prompt holds what it was told, so that order matters."""

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        self.told = 0

    def plan(self, selection: Selection, context: Context) -> Plan:
        parent = selection.parents[0]
        prompt = f"{self.told} trials, parent {parent.number}: {parent.program.text('program.py').splitlines()[0]}"

        def work() -> Proposal:
            request = Request(messages=(("user", prompt),), max_tokens=20)
            context.ask(self.model, request)
            value = float(context.ask(self.model, request).text.split()[0])
            _, rest = parent.program.text("program.py").split("\n", 1)
            program = parent.program.replace({"program.py": f"x = {value!r}\n{rest}".encode()})
            boast = Usage(calls=0)  # what a proposer says of its own usage counts for nothing
            return Proposal(
                program=program, parents=(parent.number,), operator="asking", summary=f"x = {value}", usage=boast
            )

        return work

    def tell(self, trial: Trial) -> None:
        self.told += 1


def answers(seed: int = 0, pause: float = 0.0) -> ScriptedModel:
    rng, turn = random.Random(seed), threading.Lock()

    def answer(_request: Request) -> str:
        time.sleep(pause)
        with turn:
            return f"{rng.uniform(-5, 5):.6f}" + " and more" * rng.randrange(4)

    return ScriptedModel(answer, price=PRICE)


def log(path: Path) -> str:
    return subprocess.run(
        ["git", "-C", str(path), "log", "--format=%H %s", "--all"], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("workers", [1, 8])
def test_the_budget_holds_and_the_usage_is_the_service_s(tmp_path: Path, workers: int) -> None:
    """To the token, whatever the proposer says; the run ends with the resource that ran out."""
    model = answers(pause=0.001)
    limits = {"nanodollars": 40 * 1100 * PRICE}
    settings = {"models": True, "limits": limits, "workers": workers, "in_flight": workers}
    with open_evolution(tmp_path / "run", trials=10_000, proposer=Asking(model), **settings) as evolution:
        outcome = evolution.run()
        assert outcome.reason == "nanodollars"
        committed = {name: evolution.budget.committed(name) for name in ("calls", "tokens", "nanodollars")}
        assert committed["calls"] == len(model.requests)
        assert committed["nanodollars"] == committed["tokens"] * PRICE <= limits["nanodollars"]
        assert committed["nanodollars"] > limits["nanodollars"] - 1100 * PRICE
        assert outcome.told > 30


def test_a_run_goes_on_with_the_answers_it_has_paid_for(tmp_path: Path) -> None:
    """A session that stops for its budget in the middle of a trial does not ask its questions again."""
    first = answers(seed=1)
    settings = {"models": True, "workers": 3, "in_flight": 3}
    limits = {"calls": 31}
    with open_evolution(tmp_path / "run", trials=100, proposer=Asking(first), limits=limits, **settings) as evolution:
        assert evolution.run().reason == "calls"
        asked = len(first.requests)
        assert asked == 31
    second = answers(seed=2)
    with open_evolution(
        tmp_path / "run", trials=30, proposer=Asking(second), limits={"calls": 1000}, **settings
    ) as evolution:
        assert evolution.budget.committed("calls") == 31
        assert evolution.run().reason == "trials"
        assert evolution.budget.spent["calls"] == 60 == asked + len(second.requests)


def test_a_model_that_is_down_stops_the_run_and_costs_no_score(tmp_path: Path) -> None:
    """Resume goes on as if nothing had been."""
    down = ScriptedModel([ModelFault("the service is down", sent=False)])
    with open_evolution(tmp_path / "run", trials=5, proposer=Asking(down), models=True) as evolution:
        with pytest.raises(ModelFault, match="the service is down"):
            evolution.run()
        assert evolution.learners.told == 1
    with open_evolution(tmp_path / "run", trials=5, proposer=Asking(answers()), models=True) as evolution:
        assert evolution.run().told == 6


def test_an_answer_that_was_lost_is_never_free_again(tmp_path: Path) -> None:
    """Nor in a later session, when its trial was told long ago."""
    lost = ScriptedModel([ModelFault("cut off", sent=True)] * 15)
    with (
        open_evolution(tmp_path / "run", trials=9, proposer=Asking(lost), models=True) as evolution,
        pytest.raises(ModelFault, match="cut off"),
    ):
        evolution.run()
    paid = len(lost.requests)
    for trials in (9, 10):
        with open_evolution(tmp_path / "run", trials=trials, proposer=Asking(answers()), models=True) as evolution:
            assert evolution.budget.committed("calls") - evolution.budget.spent["calls"] == paid > 0
            evolution.run()


def test_a_prompt_whose_answers_are_always_lost_ends_its_trial_alone(tmp_path: Path) -> None:
    """Not the run: the trial has no score, and what it may have cost stays reserved."""
    good = answers()

    def answer(request: Request) -> Reply:
        if request.messages[0][1].startswith("3 trials"):
            raise ModelFault("cut", sent=True)
        return good.complete(request)

    model = ScriptedModel(answer)
    with open_evolution(tmp_path / "run", trials=6, proposer=Asking(model), models=True) as evolution:
        outcome = evolution.run()
        assert outcome.told == 7
        assert evolution.learners.examples[Status.REJECTED].number == 3
        assert evolution.budget.spent["calls"] == 10
        assert evolution.budget.committed("calls") == 13
    with open_evolution(tmp_path / "run", trials=7, proposer=Asking(good), models=True) as evolution:
        assert evolution.run().told == 8
        assert evolution.budget.committed("calls") == 15


def test_a_service_that_loses_every_answer_stops_the_run(tmp_path: Path) -> None:
    """After a few trials: then it is not for what they asked."""
    model = ScriptedModel(lambda _: ModelFault("cut", sent=True))
    with (
        open_evolution(tmp_path / "run", trials=100, proposer=Asking(model), models=True) as evolution,
        pytest.raises(ModelFault, match="cut"),
    ):
        evolution.run()
    assert len(model.requests) == 15


def test_paid_answers_survive_a_fault_of_the_evaluator(tmp_path: Path) -> None:
    """Same run with and without: the same commits, and no question asked twice."""
    broken = iter([False] * 4 + [True])

    def score(program: Program) -> float | Evaluation:
        if next(broken, False):
            raise RuntimeError("the evaluator breaks its contract")
        return number_score(program)

    model = answers(seed=3)
    evaluator = FunctionEvaluator(score)
    with (
        open_evolution(
            tmp_path / "run", trials=8, proposer=Asking(model), evaluator=evaluator, models=True
        ) as evolution,
        pytest.raises(RuntimeError),
    ):
        evolution.run()
    with open_evolution(tmp_path / "run", trials=8, proposer=Asking(model), models=True) as evolution:
        evolution.run()
    assert len(model.requests) == 16
    untouched = answers(seed=3)
    with open_evolution(tmp_path / "other", trials=8, proposer=Asking(untouched), models=True) as evolution:
        evolution.run()
    assert log(tmp_path / "run").splitlines()[-9:] == log(tmp_path / "other").splitlines()[-9:]


class Wanting:
    """Proposes a new value of `x` after it has had another one evaluated, or was told that there is no budget for that.

    With `hold` its first three proposals wait for it, and the last of them calls `begun`. `many` begin at a time.
    """

    def __init__(
        self, hold: threading.Event | None = None, begun: Callable[[], None] = lambda: None, many: int = 1
    ) -> None:
        self.hold, self.begun, self.together = hold, begun, threading.Barrier(many, timeout=60.0)

    def plan(self, selection: Selection, context: Context) -> Plan:
        parent = selection.parents[0]
        _, rest = parent.program.text("program.py").split("\n", 1)

        def program(value: float) -> Program:
            return parent.program.replace({"program.py": f"x = {value!r}\n{rest}".encode()})

        def work() -> Proposal:
            if self.hold is not None:
                if context.number == 3:
                    self.begun()
                self.hold.wait(60.0)
                raise RuntimeError("nobody waits for this one any more")
            self.together.wait()
            with suppress(BudgetSpent):
                context.evaluate(program(-float(context.number)))
            value = float(context.number)
            return Proposal(
                program=program(value), parents=(parent.number,), operator="wanting", summary=f"x = {value}"
            )

        return work

    def tell(self, trial: Trial) -> None:
        """Nothing to learn."""


def four(program: Program) -> Evaluation:
    """As many evaluations as a trial may take; the seed takes one."""
    score = number_score(program)
    first = program.text("program.py").startswith("x = 0.0\n")
    return Evaluation(status=Status.OK, score=score, fitness=score, evaluations=1 if first else 4)


FOUR = {"trials": 1, "evaluations": 4}


def test_who_does_without_what_it_has_waited_for_is_not_evaluated_for_nothing(tmp_path: Path) -> None:
    """The second proposal gives its reservation back while it waits, and there is none for it when it goes on."""
    settings = {"models": True, "once": four, "evaluator": FunctionEvaluator(four), "reservation": FOUR}
    limits = {"evaluations": 1 + 2 * 4}
    given = {**settings, "limits": limits, "workers": 2, "in_flight": 2}
    with open_evolution(tmp_path / "run", trials=2, proposer=Wanting(many=2), **given) as evolution:
        outcome = evolution.run()
        assert (outcome.reason, outcome.told) == ("evaluations", 2)
        assert evolution.budget.committed("evaluations") == 1 + 1 + 4


def test_trials_of_earlier_sessions_are_proposed_together(tmp_path: Path) -> None:
    """However few may propose at a time now: each may wait for what the others have reserved."""
    hold = threading.Event()
    settings = {"models": True, "once": four, "evaluator": FunctionEvaluator(four), "reservation": FOUR}
    try:
        waiting = Wanting(hold, lambda: evolution.stop("interrupted"))
        with open_evolution(tmp_path / "run", trials=3, proposer=waiting, in_flight=3, **settings) as evolution:
            assert evolution.run().reason == "interrupted"
    finally:
        hold.set()
    limits = {"evaluations": 1 + 3 * 4}
    with open_evolution(tmp_path / "run", trials=3, limits=limits, proposer=Wanting(), **settings) as evolution:
        outcome = evolution.run()
        assert (outcome.reason, outcome.told) == ("evaluations", 3)
        assert evolution.budget.committed("evaluations") == 1 + 2 * (1 + 4)
