"""The bundled tasks as a run uses them: read from `task.toml`, scored in a sandbox."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.sandboxes.process import ProcessSandbox
from evolve.task import Task
from evolve.testing.program import FakeProgram, load_evaluator
from evolve.types import Program, Split, Status

TASKS = ["bin_packing", "circle_packing", "symbolic_regression"]
Evaluators = Callable[[str], NativeEvaluator]


@pytest.fixture(scope="module")
def evaluators() -> Iterator[Evaluators]:
    """Evaluators by the name of their task, in the process sandbox: the programs here are our own."""
    sandbox = ProcessSandbox()
    made: dict[str, NativeEvaluator] = {}

    def of(name: str) -> NativeEvaluator:
        if name not in made:
            task = Task.load(name)
            settings = task.settings
            made[name] = NativeEvaluator(
                sandbox=sandbox,
                folder=task.folder,
                entry=settings.evaluator.file,
                rules=Rules(direction=settings.task.direction),
                timeout=settings.evaluator.timeout,
                call_timeout=settings.evaluator.call_timeout,
                limits=task.limits,
            )
        return made[name]

    yield of
    for evaluator in made.values():
        evaluator.close()
    sandbox.close()


def program(text: str) -> Program:
    return Program({"program.py": text.encode()})


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_what_it_is(name: str) -> None:
    """Name, description, what is known to be best and where that is from, and a budget under three minutes."""
    task = Task.load(name)
    table = task.settings.task
    assert task.name == name == table.name
    assert len(table.description) > 200
    assert table.best_known is not None
    assert table.best_known_source
    assert task.settings.search.seconds is not None
    assert task.settings.search.seconds <= 150


@pytest.mark.parametrize("name", TASKS)
def test_only_the_marked_region_of_a_seed_evolves(name: str) -> None:
    """A seed is one file with a region that may change; the rest of it may not."""
    seed = Task.load(name).seed
    assert list(seed.files) == ["program.py"]
    regions = Regions(seed)
    inside = seed.replace({"program.py": seed.files["program.py"].replace(b"return", b"return 2 *", 1)})
    outside = seed.replace({"program.py": b"import os\n" + seed.files["program.py"]})
    assert regions.problem(inside) is None
    assert regions.problem(outside)


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_scores_the_same_in_a_sandbox_and_outside_twice(name: str, evaluators: Evaluators) -> None:
    """The score, the instances and the measures are deterministic, and the fake program tells no lies."""
    task, evaluator = Task.load(name), evaluators(name)
    module = load_evaluator(task.folder / "evaluate.py")
    splits: list[Split] = ["search"] if name == "circle_packing" else ["search", "held_out"]
    assert list(evaluator.splits) == splits
    for split in splits:
        fake = FakeProgram.load(bundled("seeds") / name)
        expected = module.evaluate(fake) if name == "circle_packing" else module.evaluate(fake, split)
        for _ in range(2):
            found = evaluator.evaluate(task.seed, split=split)
            assert found.status is Status.OK
            assert found.score == expected["score"]
            assert found.fitness == (-expected["score"] if name == "symbolic_regression" else expected["score"])
            assert found.instances == expected.get("instances", {})
            assert found.measures == expected.get("measures", {})
            assert found.metrics == expected.get("metrics", {})
            assert found.feedback == expected["feedback"]


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_is_worse_than_what_is_known(name: str, evaluators: Evaluators) -> None:
    """There is something left to find, in the task's own direction."""
    task = Task.load(name)
    best, score = task.settings.task.best_known, evaluators(name).evaluate(task.seed).score
    assert best is not None
    assert score is not None
    assert score > best + 0.01 if task.settings.task.direction == "minimize" else score < best - 0.01


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("bin_packing", "def priority(item, remaining):\n    pass", "priority(item="),
        ("bin_packing", "def priority(item):\n    return 0", "takes 1 positional argument"),
        ("bin_packing", "def priority(item, remaining):\n    return float('nan')", "nan of type float"),
        ("bin_packing", "def rank(item, remaining):\n    return 0", "priority"),
        ("circle_packing", "def pack():\n    return [(0.5, 0.5)] * 26, [0.1] * 26", "circles 0 and 1 overlap by 0.2"),
        ("circle_packing", "def pack():\n    return None", "must return (centers, radii)"),
        ("circle_packing", "def pack():\n    return pack()", "RecursionError"),
        ("symbolic_regression", "def target_a(x):\n    return 1 / 0", "ZeroDivisionError"),
        ("symbolic_regression", "def target_a(x):\n    return 'x'", "'x' of type str"),
        ("symbolic_regression", "def target_a(x:\n    return x", "SyntaxError"),
    ],
)
def test_a_wrong_program_fails_with_a_text_that_helps(name: str, text: str, told: str, evaluators: Evaluators) -> None:
    """What the evaluator says of a malformed answer, or what the program raised, is the feedback."""
    found = evaluators(name).evaluate(program(text))
    assert found.status is Status.FAILED
    assert found.score is None
    assert told in found.feedback


def test_what_a_rule_learns_in_an_evaluation_is_gone_in_the_next(evaluators: Evaluators) -> None:
    """A program with a memory starts without it each time, so its score is the same each time."""
    text = (
        "seen = []\n"
        "def priority(item, remaining):\n"
        "    seen.append(item)\n"
        "    return -remaining if len(seen) < 8000 else 0"
    )
    first, second = (evaluators("bin_packing").evaluate(program(text)).score for _ in range(2))
    assert first is not None
    assert first == second
    assert math.isclose(first, -0.0511, abs_tol=1e-4)
