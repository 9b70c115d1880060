"""Improve: a scaffold's score is what its proposals do for other tasks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from evolve.archives.top import Top
from evolve.errors import BudgetSpent, ModelFault, SandboxFault, TaskError
from evolve.evaluation.improve import Downstream, Improve
from evolve.proposers.scaffold import ScaffoldProposer
from evolve.regions import Regions
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.evaluators import EvaluatorSuite
from evolve.testing.fakes import NoisyEvaluator, number_program
from evolve.testing.models import ScriptedModel
from evolve.testing.scaffolds import HereSandbox
from evolve.testing.trials import trial
from evolve.types import Evaluation, Model, Program, Reply, Request, Sandbox, Split, Status

STEP = """
import random
def propose(parent, context):
    dice = random.Random(context["seed"])
    first, rest = parent["files"]["program.py"].split(chr(10), 1)
    value = float(first.removeprefix("x = ")) + STEP
    return {"program.py": f"x = {value!r}" + chr(10) + rest}
"""
ASKS = """
import http.client, json, os, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["EVOLVE_GATEWAY"])
def ask(context):
    connection = Connection("gateway")
    question = {"model": context["models"][0], "messages": [{"role": "user", "content": f"step {context['number']}"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(question))
    answer = json.loads(connection.getresponse().read())
    return float(answer["choices"][0]["message"]["content"]) if "choices" in answer else 0.0
"""

GREEDY = partial(Top, epsilon=0.0)


def scaffold(step: str, more: str = "") -> Program:
    """One that adds to the number."""
    return Program({"scaffold.py": (more + STEP.replace("STEP", step)).encode()})


GOOD, USELESS, WORSE, RANDOM = (scaffold(step) for step in ("0.25", "0.0", "(-1.0)", "dice.choice([-0.5, 0.25, 0.5])"))
ASKING = scaffold("ask(context)", ASKS)


class Distance(NoisyEvaluator):
    """How near `x` is to 3; on held-out instances it is to be near 2.9. Without a seed."""

    seeds = False

    def __init__(self, splits: tuple[Split, ...] = ("search", "held_out")) -> None:
        super().__init__()
        self.splits = splits
        self.asked: list[tuple[str, str, int]] = []
        self.closed = 0

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """Exactly."""
        self.asked.append((program.tree, split, seed))
        value = float(program.text("program.py").split("\n", 1)[0].removeprefix("x = "))
        if value > 50:
            return Evaluation(status=Status.FAILED, feedback="too far")
        fitness = -abs(value - (3.0 if split == "search" else 2.9))
        return Evaluation(status=Status.OK, score=fitness, fitness=fitness)

    def close(self) -> None:
        """Counted."""
        self.closed += 1


def downstream(
    name: str, evaluator: Any, *, sandbox: Sandbox, model: Model, start: float = 0.0, seconds: float = 60.0
) -> Downstream:
    seed = number_program(start)
    regions = Regions(seed)

    def proposer(program: Program, calls: int) -> ScaffoldProposer:
        return ScaffoldProposer(
            regions, [(model, 1.0)], program=program, sandbox=sandbox, calls=calls, seconds=seconds, whole=True
        )

    return Downstream(name=name, seed=seed, regions=regions, evaluator=evaluator, best_known=0.0, proposer=proposer)


def improve(
    *evaluators: Any,
    sandbox: Sandbox | None = None,
    model: Model | None = None,
    start: float = 0.0,
    seconds: float = 60.0,
    **settings: Any,
) -> Improve:
    """With one task for each evaluator."""
    where, asked = sandbox or HereSandbox(), model or ScriptedModel([])
    made = [
        downstream(f"task{number}", evaluator, sandbox=where, model=asked, start=start, seconds=seconds)
        for number, evaluator in enumerate(evaluators or [Distance()])
    ]
    settings.setdefault("relay", lambda _: lambda model, request: model.complete(request))
    return Improve(made, archive=GREEDY, **settings)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """For scaffolds that ask; they are ours."""
    made = ProcessSandbox()
    yield made
    made.close()


class TestConformance(EvaluatorSuite):
    """Scaffolds are its programs."""

    def make(self) -> Improve:
        return improve(Distance(), Distance())

    def programs(self) -> list[Program]:
        return [GOOD, USELESS, WORSE, RANDOM, scaffold("1 / 0")]


def test_the_score_is_how_much_of_the_way_was_gone() -> None:
    """From the seed's score to the best known, on the instances that are held out: 8 steps of a quarter, of 2.9."""
    evaluator = Distance()
    found = improve(evaluator).evaluate(GOOD)
    assert found.status is Status.OK
    assert found.score == found.fitness == pytest.approx(2.0 / 2.9)
    assert found.instances == {"task0": found.score}
    assert found.metrics == {"calls": 0, "tokens": 0, "nanodollars": 0, "proposals": 8, "usable": 8}
    assert "task0-0: 0.6897 of the way to the best known, in 0 calls: 8 ok" in found.feedback
    assert [split for _, split, _ in evaluator.asked].count("held_out") == 2


def test_without_held_out_instances_the_same_ones_count() -> None:
    """As for every task."""
    assert improve(Distance(splits=("search",))).evaluate(GOOD).score == pytest.approx(2.0 / 3.0)


def test_what_comes_to_nothing_scores_nothing() -> None:
    """A scaffold whose proposals are all worse has not moved the task; one that overfits has moved it back."""
    assert improve().evaluate(WORSE).score == 0.0
    assert improve(start=2.86, calls=1).evaluate(scaffold("0.09")).score == pytest.approx(-0.25)


def test_a_score_is_never_below_minus_one() -> None:
    """Nor above one, whatever a task's evaluator says."""

    class Odd(Distance):
        best = 0.0

        def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
            changed = self.best if split == "held_out" else -0.5
            fitness = -1.0 if program.tree == number_program(0.0).tree else changed
            return Evaluation(status=Status.OK, score=fitness, fitness=fitness)

    for best, score in ((7.0, 1.0), (-90.0, -1.0), (-0.5, 0.5)):
        evaluator = Odd()
        evaluator.best = best
        assert improve(evaluator).evaluate(GOOD).score == score


def test_a_program_that_fails_on_held_out_instances_is_worth_less_than_nothing() -> None:
    """It looked better, and there is nothing in it."""

    class Breaking(Distance):
        def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
            if split == "held_out" and program.tree != number_program(0.0).tree:
                return Evaluation(status=Status.FAILED)
            return super().evaluate(program, split=split, seed=seed)

    assert improve(Breaking()).evaluate(GOOD).score == -1.0


def test_the_same_seed_gives_every_scaffold_the_same_instances() -> None:
    """And every time the same score; another seed gives others."""
    evaluator = improve(Distance(), Distance())
    first = [evaluator.evaluate(RANDOM, seed=seed) for seed in range(4)]
    again = [improve(Distance(), Distance()).evaluate(RANDOM, seed=seed) for seed in range(4)]
    assert [found.instances for found in first] == [found.instances for found in again]
    assert len({found.score for found in first}) > 1
    assert all(found.instances.keys() == {"task0", "task1"} for found in first)


def test_what_the_scaffold_is_told_depends_on_the_seed_and_not_on_the_scaffold() -> None:
    """So pairs with a common seed differ in what the two scaffolds do, and in nothing else."""
    tell = "def propose(parent, context):\n    raise ValueError(context['seed'], context['number'])"
    tells = Program({"scaffold.py": tell.encode()})
    other = Program({"scaffold.py": f"# another\n{tell}".encode()})
    evaluator = improve()
    one, two, later = (evaluator.evaluate(*ask).feedback for ask in ((tells,), (other,), (tells,)))
    assert one == two == later
    assert evaluator.evaluate(tells, seed=1).feedback != one


def test_a_task_whose_evaluator_takes_seeds_is_given_one_for_each_instance() -> None:
    """The same for all programs of a search, its own seed included."""

    class Seeded(Distance):
        seeds = True

    evaluator = Seeded()
    made = improve(evaluator, each=2)
    made.evaluate(GOOD)
    assert len({seed for _, _, seed in evaluator.asked}) == 2
    assert made.evaluate(GOOD).instances.keys() == {"task0-0", "task0-1"}


def test_held_out_tasks_are_other_tasks() -> None:
    """And nothing is said of them."""
    steering, kept = Distance(), Distance()
    where, model = HereSandbox(), ScriptedModel([])
    tasks = [downstream(name, e, sandbox=where, model=model) for name, e in (("a", steering), ("b", kept))]
    made = Improve(
        tasks[:1], held_out=tasks[1:], archive=GREEDY, relay=lambda _: lambda model, request: model.complete(request)
    )
    search = made.evaluate(GOOD)
    assert kept.asked == []
    held_out = made.evaluate(GOOD, split="held_out")
    assert (list(search.instances), list(held_out.instances)) == (["a"], ["b"])
    assert search.feedback
    assert held_out.feedback == ""
    made.close()
    assert (steering.closed, kept.closed) == (1, 1)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (scaffold("1 / 0"), "ZeroDivisionError"),
        (Program({"scaffold.py": b"def propose(parent, context):\n    return 7"}), "malformed"),
        (Program({"scaffold.py": b"def propose(parent, context):\n    return {'../x': 'y'}"}), "'..' parts"),
        (Program({"scaffold.py": b"def propose(parent, context"}), "SyntaxError"),
    ],
)
def test_a_scaffold_none_of_whose_proposals_can_be_used_has_failed(program: Program, said: str) -> None:
    """Which is no score, and the reason is the feedback."""
    found = improve().evaluate(program)
    assert (found.status, found.score) == (Status.FAILED, None)
    assert said in found.feedback


def test_what_was_there_already_is_no_broken_proposal() -> None:
    """Then the scaffold has a score, and the other tasks their turn; one that is broken is spared to them."""
    same = Program(
        {
            "scaffold.py": b"""
def propose(parent, context):
    return {"program.py": parent["files"]["program.py"] + f"# {context['number']}" + chr(10)}
"""
        }
    )
    for program, status, turns in ((same, Status.OK, 1), (scaffold("1 / 0"), Status.FAILED, 0)):
        first, second = Distance(), Distance()
        assert improve(first, second, staged=True).evaluate(program).status is status
        assert len(second.asked) == turns


def test_a_smoke_test_spares_the_searches() -> None:
    """What speaks against a scaffold beforehand is its feedback."""
    evaluator = Distance()
    found = improve(evaluator, smoke=lambda program: f"it has {len(program.files)} files").evaluate(GOOD)
    assert (found.status, found.feedback) == (Status.FAILED, "it has 1 files")
    assert evaluator.asked == []


def test_who_has_passed_the_smoke_test_is_not_asked_again() -> None:
    """A gate scores two scaffolds on many pairs. One that has not passed is asked each time."""
    asked: list[str] = []

    def smoke(program: Program) -> str:
        asked.append(program.tree)
        return "" if program is GOOD else "no"

    made = improve(smoke=smoke)
    other = scaffold("0.0")
    for program in (GOOD, other, GOOD, other):
        assert (made.evaluate(program).status is Status.OK) is (program is GOOD)
    assert asked == [GOOD.tree, other.tree, other.tree]


def test_closing_closes_all(sandbox: Sandbox) -> None:
    """The evaluators and what proposers share, although one of them does not close well."""

    class Stuck(Distance):
        def close(self) -> None:
            super().close()
            raise SandboxFault("stuck")

    evaluators, closed = [Distance(), Stuck(), Distance()], []
    made = improve(*evaluators, sandbox=sandbox, on_close=lambda: closed.append(1))
    with pytest.raises(SandboxFault, match="stuck"):
        made.close()
    assert [evaluator.closed > 0 for evaluator in evaluators] == [True] * 3
    assert closed


def test_a_lease_bounds_each_search(sandbox: Sandbox) -> None:
    """So many calls, and so many proposals; each search has a key of its own, which is the same every time."""
    model, keys = ScriptedModel(lambda _: "0.25"), []

    def relay(key: int) -> Any:
        keys.append(key)
        return lambda model, request: model.complete(request)

    made = improve(Distance(), Distance(), sandbox=sandbox, model=model, calls=3, relay=relay)
    found = made.evaluate(ASKING)
    assert len(model.requests) == found.metrics["calls"] == 6
    assert found.instances == {"task0": pytest.approx(0.75 / 2.9), "task1": pytest.approx(0.75 / 2.9)}
    made.evaluate(ASKING)
    made.evaluate(ASKING, seed=1)
    assert keys[:2] == keys[2:4]
    assert len(set(keys)) == 4
    assert max(keys) < 2**63


@pytest.mark.parametrize("fault", [ModelFault("down", sent=True), BudgetSpent("no more", "calls")])
def test_what_keeps_models_from_answering_is_no_score(fault: Exception, sandbox: Sandbox) -> None:
    """It is raised; a fault as one after which the trial is evaluated again, and never given up without a score."""

    def relay(_: int) -> Any:
        def ask(model: Model, request: Request) -> Reply:
            raise fault

        return ask

    with pytest.raises(type(fault)) as raised:
        improve(sandbox=sandbox, relay=relay).evaluate(ASKING)
    assert not getattr(raised.value, "sent", False)


def test_a_task_that_cannot_be_searched_is_a_mistake_of_its_author() -> None:
    """One whose seed has no score, or is as good as what is known."""
    with pytest.raises(TaskError, match="task0 cannot be searched by a scaffold: its seed has no score on search"):
        improve(start=60.0).evaluate(GOOD)
    with pytest.raises(TaskError, match="task0 tells no scaffold from another"):
        improve(start=3.0).evaluate(GOOD)
    with pytest.raises(ValueError, match="at least one"):
        Improve([], archive=GREEDY, relay=lambda _: lambda model, request: model.complete(request))


def test_after_close_nothing_goes_on() -> None:
    """A search that is under way ends with a fault."""
    made = improve()
    made.close()
    with pytest.raises(SandboxFault, match="closed"):
        made.evaluate(GOOD)
    made.tell(trial(0, GOOD))


def test_a_search_ends_with_the_first_proposal_that_hangs(sandbox: Sandbox) -> None:
    """Else one that hangs would take as long for each; what was found until then counts."""
    hangs = """
import time
def step(parent):
    return time.sleep(600) if "x = 1.0" in parent["files"]["program.py"] else 0.5
"""
    found = improve(sandbox=sandbox, seconds=3.0).evaluate(scaffold("step(parent)", hangs))
    assert found.metrics["proposals"] == 3
    assert found.score == pytest.approx(1.0 / 2.9)
