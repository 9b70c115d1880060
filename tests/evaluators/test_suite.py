"""The bundled tasks that need nothing but Python, in a sandbox; and those of the suite as docs/suite.md has them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from evolve.regions import Regions
from evolve.resources import bundled
from evolve.sandboxes.choose import choose
from evolve.scoring import make_evaluator
from evolve.task import Task
from evolve.testing.patient import patient
from evolve.types import Sandbox, Split, Status

DOCUMENT = Path(__file__).parents[2] / "docs" / "suite.md"
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$", re.MULTILINE)
SUITE = {name: [cell.strip() for cell in cells.split("|")] for name, cells in ROW.findall(DOCUMENT.read_text())}
"""The cells of the table after the name of the task, by name."""
TASKS = ["bin_packing", "circle_packing", "symbolic_regression", *SUITE]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """The strongest that works here, as `evolve run` takes it."""
    made = choose("auto")
    yield made
    made.close()


def scores(task: Task, sandbox: Sandbox) -> dict[Split, float]:
    """The seed's score on each split that the task has."""
    evaluator = make_evaluator(task, sandbox)
    found: dict[Split, float] = {}
    try:
        for split in evaluator.splits:
            evaluation = evaluator.evaluate(task.seed, split=split)
            assert evaluation.status is Status.OK, evaluation.feedback
            assert evaluation.score is not None
            # where no feedback is given, the last failure of the program is told: calls of repositories with bugs fail
            assert bool(evaluation.feedback) is (split == "search" or task.name == "repository_bugs")
            found[split] = evaluation.score
    finally:
        evaluator.close()
    return found


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_is_scored_in_the_strongest_sandbox_and_is_worse_than_what_is_known(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Status ok, the score that docs/suite.md states, and something left to find in the task's own direction."""
    table = Task.load(name).settings.task
    found = scores(patient(name, tmp_path / name), sandbox)
    sign = 1 if table.direction == "maximize" else -1
    assert table.best_known is None or all(sign * score < sign * table.best_known for score in found.values())
    if name in SUITE:
        stated = SUITE[name][2]
        reported = found.get("held_out", found["search"])
        assert f"{reported:.{len(stated.partition('.')[2])}f}" == stated


@pytest.mark.parametrize("name", SUITE)
def test_a_row_of_the_suite_is_true_to_the_task(name: str) -> None:
    """Direction, best known value and source are those of `task.toml`."""
    table = Task.load(name).settings.task
    _, score, seed, found, best_known, source, milliseconds = SUITE[name]
    assert score.endswith({"maximize": ", higher", "minimize": ", lower"}[table.direction])
    assert float(best_known) == table.best_known
    least, middle, most = (float(cell) for cell in (seed, found, best_known))
    assert least < middle < most if table.direction == "maximize" else least > middle > most
    assert float(milliseconds) > 0
    if source == "by construction":
        assert table.best_known_source.startswith(source)
    elif source == "measured":
        assert "benchmarks/" in table.best_known_source
    else:
        link = re.fullmatch(r"\[.+\]\(https://(?:arxiv\.org/abs/)?(.+)\)", source)
        assert link
        assert link[1] in table.best_known_source


@pytest.mark.parametrize("name", SUITE)
def test_a_task_of_the_suite_says_what_it_is(name: str) -> None:
    """Name, description and limits; and only the marked region of the seed evolves."""
    task = Task.load(name)
    assert task.name == name
    assert len(task.settings.task.description) > 300
    assert task.settings.search.trials
    assert task.settings.search.seconds
    if name == "repository_bugs":
        return  # many files, each with a region of its own: tests/evaluators/test_repository_bugs.py
    assert list(task.seed.files) == ["program.py"]
    text = task.seed.files["program.py"]
    regions = Regions(task.seed)
    assert regions.problem(task.seed.replace({"program.py": text.replace(b"return", b"return 2 *", 1)})) is None
    assert regions.problem(task.seed.replace({"program.py": b"import os\n" + text}))


BOUNDS = {
    "bin_packing_weibull": (-1.0, 0.0),
    "transaction_scheduling": (1.0, math.inf),
    "erdos_minimum_overlap": (0.379005, 0.5),  # White 2023; a constant function
    "second_autocorrelation": (2 / 3, 1.0),  # an indicator function; Hölder's inequality
    "circle_packing_32": (2.0, math.sqrt(32 / math.pi)),  # Cauchy and Schwarz, since all areas together are at most 1
    "heilbronn_convex": (0.0, 1 / 11),  # however one triangulates 13 points, there are at least 11 triangles
    "heilbronn_triangle": (0.0, 1 / 9),
    "min_max_distance": (4.0, 18.0),  # 16 points are not all within twice their distance; a grid of 4 by 4
    # shares of what can be reached
    **dict.fromkeys(
        ["string_grid", "max_cut", "three_sat", "parity", "quadratic_assignment", "repository_bugs"], (0, 1)
    ),
}


@pytest.mark.parametrize("name", SUITE)
def test_the_best_known_value_is_one_that_can_be(name: str) -> None:
    """It is on the right side of what bounds the score, by an argument that fits into a comment."""
    best = Task.load(name).settings.task.best_known
    assert best is not None
    low, high = BOUNDS[name]
    assert low < best <= high


def functions(name: str) -> dict[str, str]:
    """The text of each function of an evaluator."""
    tree = ast.parse((bundled("evaluators") / name / "evaluate.py").read_text())
    return {node.name: ast.unparse(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


ALIKE = [
    *combinations(["heilbronn_triangle", "heilbronn_convex", "min_max_distance"], 2),
    ("erdos_minimum_overlap", "second_autocorrelation"),
    ("circle_packing", "circle_packing_32"),
]
PLANTED = [*combinations(["max_cut", "three_sat", "quadratic_assignment"], 2), ("string_grid", "parity")]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_tasks_of_a_kind_read_answers_with_the_same_text(one: str, other: str) -> None:
    """A task folder is whole by itself, so what two of them share is there twice: a mistake is mended in both."""
    first, second = functions(one), functions(other)
    shared = first.keys() & second.keys() - {"evaluate", "describe"}
    assert {"read", "real", "shown"} <= shared
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared}


@pytest.mark.parametrize(("one", "other"), PLANTED)
def test_planted_tasks_draw_and_show_with_the_same_text(one: str, other: str) -> None:
    """What draws a whole number, and what shows a wrong answer: a mistake is mended in both."""
    first, second = functions(one), functions(other)
    shared = first.keys() & second.keys() - {"evaluate", "describe", "load", "read"}
    assert "shown" in shared
    assert {name: first[name] for name in shared} == {name: second[name] for name in shared}
