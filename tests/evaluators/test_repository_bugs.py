"""Repositories with bugs: the whole ones are right, every bug shows, and only a mended repository passes its tests."""

from __future__ import annotations

import csv
import datetime as dt
import fnmatch
import io
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evolve.errors import TaskError
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.sandboxes.choose import choose
from evolve.scoring import make_evaluator
from evolve.task import Task
from evolve.testing.program import FakeProgram, load_evaluator
from evolve.types import Program, Sandbox, Split, Status

FOLDER = bundled("evaluators") / "repository_bugs"
SPLITS: tuple[Split, ...] = ("search", "held_out")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    """The files of the evaluator, which import one another from their own folder as they do where evaluators run."""
    names = ("cases", "changes", "hidden", "bugs", "evaluate")
    sys.path.insert(0, str(FOLDER))
    try:
        made: dict[str, ModuleType] = {}
        for name in names:
            made[name] = sys.modules[name] = load_evaluator(FOLDER / f"{name}.py")
        yield made
    finally:
        sys.path.remove(str(FOLDER))
        for name in names:
            sys.modules.pop(name, None)


def repository(modules: dict[str, ModuleType], name: str) -> Any:
    return modules["hidden"].package(FOLDER / "repositories", name)


def loaded(modules: dict[str, ModuleType], folder: Path, tests: str) -> FakeProgram:
    """The repositories below a folder as a program with the functions that hidden tests call."""
    functions = {}
    for name in modules["cases"].DRAWN:
        if (folder / name).is_dir():
            module = modules["hidden"].package(folder, name)
            for function in {test.function for test in modules["hidden"].tests(name, tests, 0)}:
                functions[f"{name}:{function}"] = getattr(module, function)
    return FakeProgram(functions)


def test_there_are_fifteen_repositories_of_two_to_four_files(modules: dict[str, ModuleType]) -> None:
    """Each has tests, and its docstring names every function that they call."""
    names = [path.name for path in sorted((FOLDER / "repositories").iterdir()) if (path / "__init__.py").exists()]
    assert sorted(modules["cases"].DRAWN) == names
    assert len(names) == 15
    for name in names:
        assert 2 <= len(modules["hidden"].files(name)) <= 4
        for split in SPLITS:
            for function in {test.function for test in modules["hidden"].tests(name, split, 0)}:
                assert f"`{function}(" in (repository(modules, name).__doc__ or "")


@pytest.mark.parametrize("split", SPLITS)
def test_whole_repositories_have_the_best_score(modules: dict[str, ModuleType], split: Split) -> None:
    """All of them, with calls drawn anew for each seed and split, none of which changes what it was given."""
    program = loaded(modules, FOLDER / "repositories", split)
    for seed in (0, 1, 5):
        found = modules["evaluate"].evaluate(program, seed, split)
        assert found["score"] == 1.0
        assert found["metrics"] == {"mended": 15}
    one, other = (modules["hidden"].tests("lru", split, seed) for seed in (0, 1))
    assert [test.arguments for test in one] != [test.arguments for test in other]


def test_the_repositories_are_right_about_what_others_know(modules: dict[str, ModuleType]) -> None:
    """Python's own modules and arithmetic, asked the same."""
    tests = modules["hidden"].tests
    asked = {name: [*tests(name, "search", 0), *tests(name, "held_out", 0)] for name in modules["cases"].DRAWN}
    checked = 0
    for name, some in asked.items():
        for function, arguments, expected in some:
            oracle = ORACLES.get(f"{name}.{function}")
            if oracle is not None:
                assert expected == oracle(*arguments), (function, arguments)
                checked += 1
    assert checked > 250


def arithmetic(text: str) -> int | None:
    try:
        tree = compile(text.replace("/", "//").strip(), "text", "eval")
        return int(eval(tree, {}))
    except (SyntaxError, ZeroDivisionError, TypeError):
        return None


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def wrapped(text: str, width: int) -> list[str]:
    pieces = [word[start : start + width] for word in text.split() for start in range(0, len(word), width)]
    return textwrap.wrap(" ".join(pieces), width)


def joined(pairs: list[list[int]]) -> list[list[int]]:
    inside = sorted({number for start, end in pairs for number in range(start, end)})
    return [
        [number, next(end for end in range(number, 99) if end not in inside)]
        for number in inside
        if number - 1 not in inside
    ]


def fits(pattern: str, name: str) -> bool:
    return not pattern.endswith("[ab") and fnmatch.fnmatchcase(name, pattern)


ORACLES: dict[str, Any] = {
    "intervals.joined": joined,
    "intervals.length": lambda pairs: len({number for start, end in pairs for number in range(start, end)}),
    "intervals.without": lambda a, b: joined(
        [[n, n + 1] for s, e in a for n in range(s, e) if not any(x <= n < y for x, y in b)]
    ),
    "intervals.common": lambda a, b: joined(
        [[n, n + 1] for s, e in a for n in range(s, e) if any(x <= n < y for x, y in b)]
    ),
    "dates.number": lambda when: dt.date(*when).toordinal(),
    "dates.date": lambda count: list(dt.date.fromordinal(count).timetuple()[:3]),
    "dates.weekday": lambda when: dt.date(*when).weekday(),
    "patterns.matches": fits,
    "queues.merged": lambda lists: sorted(number for each in lists for number in each),
    "queues.smallest": lambda numbers, count: sorted(numbers)[:count],
    "money.shown": lambda amount: f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d}",
    "matrices.transposed": lambda a: [list(column) for column in zip(*a, strict=True)],
    "prefixes.count": lambda words, start: sum(word.startswith(start) for word in words),
    "wrapping.wrap": wrapped,
}


def test_the_calculator_is_right_where_python_understands(modules: dict[str, ModuleType]) -> None:
    """Python knows more sums, so only those with a value here are compared."""
    tests = [*modules["hidden"].tests("calculator", "search", 0), *modules["hidden"].tests("calculator", "held_out", 0)]
    assert sum(test.expected is not None for test in tests) > 40
    for test in tests:
        if test.expected is not None and not any(part.startswith("0") and len(part) > 1 for part in test.arguments):
            assert test.expected == arithmetic(*test.arguments), test


def test_tables_are_read_as_python_reads_them(modules: dict[str, ModuleType]) -> None:
    """But for empty lines, which are rows of one empty cell here; and what is written is read again."""
    tables = repository(modules, "tables")
    for test in [*modules["hidden"].tests("tables", "search", 0), *modules["hidden"].tests("tables", "held_out", 0)]:
        if test.function == "read":
            assert test.expected == [row or [""] for row in table(*test.arguments)]
        if test.function == "written" and all(test.arguments[0]):
            assert tables.read(test.expected) == test.arguments[0]


@pytest.mark.parametrize("seed", [0, 3])
def test_every_bug_shows_and_is_one_change(modules: dict[str, ModuleType], seed: int) -> None:
    """Hidden tests of both splits fail, and without the change all of them pass; a seed always has the same bug."""
    bugs, hidden = modules["bugs"], modules["hidden"]
    name = ["editing", "queues", "money", "routes"][seed]
    found = bugs.bug(name, seed)
    assert found == bugs.bug(name, seed)
    whole = hidden.files(name)
    assert {path for path in whole if whole[path] != found.files[path]} == {found.path}
    pairs = zip(whole[found.path].splitlines(), found.files[found.path].splitlines(), strict=True)
    assert [(a.strip(), b.strip()) for a, b in pairs if a != b] == [(found.before, found.after)]
    for split in SPLITS:
        asked = hidden.tests(name, split, 0)
        outcomes = bugs.passed(name, found.files, asked)
        assert 0.1 <= outcomes.count(False) / len(asked) <= 0.9
        assert all(bugs.passed(name, whole, asked))


def test_the_bundled_seed_is_what_the_generator_makes(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    """The files of a task written for the seed 0, which has at least eight kinds of bugs; one that exists is kept."""
    command = [sys.executable, str(FOLDER / "bugs.py"), str(tmp_path / "made")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(told) == 15
    assert len({line.split()[0] for line in told}) >= 8
    made, seed = Task.load(str(tmp_path / "made")), Task.load("repository_bugs").seed
    assert made.name == "made"
    assert made.seed.tree == seed.tree
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "exists; name a folder that does not" in again.stderr


def test_a_change_of_another_part_is_rejected() -> None:
    """In each repository the function or class with the bug may change, and nothing else."""
    seed = Task.load("repository_bugs").seed
    regions = Regions(seed)
    marked = [path for path, text in seed.files.items() if b"EVOLVE-BLOCK" in text]
    assert len({path.split("/")[0] for path in marked}) == len(marked) == 15
    for path in marked:
        inside = seed.files[path].replace(b"return ", b"return 1 + ", 1)
        assert regions.problem(seed.replace({path: b"import os\n" + seed.files[path]}))
        if regions.problem(seed.replace({path: inside})) is None:
            break
    else:
        raise AssertionError("no region has a return")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """The strongest that works here."""
    made = choose("auto")
    yield made
    made.close()


def test_a_program_is_scored_where_its_calls_are_made(
    modules: dict[str, ModuleType], tmp_path: Path, sandbox: Sandbox
) -> None:
    """A task with two repositories: one of them is mended, raises, forges equality, hangs, or is not there."""
    bugs = [modules["bugs"].bug(name, 2) for name in ("packing", "queues")]
    modules["bugs"].write_task(tmp_path / "two", bugs)
    hasty = Task.load(str(tmp_path / "two"))
    task = _patient(tmp_path / "two", tmp_path / "patient")
    mended = task.seed.replace({path: text.encode() for path, text in modules["hidden"].files("queues").items()})
    hangs = task.seed.replace({"queues/__init__.py": b"while True:\n    pass\n"})
    raises = task.seed.replace({"queues/__init__.py": b"def serve(operations):\n    raise SystemExit\n"})
    forged = b"class Yes(list):\n    def __eq__(self, other):\n        return True\n\n\n"
    names = ("serve", "merged", "smallest")
    forged += b"".join(f"def {name}(*_):\n    return Yes()\n\n\n".encode() for name in names)
    with closing(make_evaluator(hasty, sandbox)) as evaluator:
        assert evaluator.evaluate(hangs).status is Status.TIMEOUT
    with closing(make_evaluator(task, sandbox)) as evaluator:
        assert evaluator.splits == SPLITS
        assert evaluator.seeds
        start, better = evaluator.evaluate(task.seed), evaluator.evaluate(mended, split="held_out", seed=9)
        assert start.instances.keys() == {"packing", "queues"}
        assert all(value < 0.5 for value in start.instances.values())
        assert "queues." in start.feedback
        assert " is right" in start.feedback
        assert better.instances["queues"] == 1.0 > better.instances["packing"]
        assert not better.feedback
        worse = evaluator.evaluate(raises)
        assert worse.status is Status.OK
        assert worse.instances["queues"] == 0.0
        assert evaluator.evaluate(task.seed.replace({"queues/__init__.py": forged})).instances["queues"] < 0.25
        assert evaluator.evaluate(Program({"program.py": b""})).instances == {"packing": 0.0, "queues": 0.0}


def _patient(folder: Path, place: Path) -> Task:
    """A copy of the task, in which no call runs out of time on a busy machine."""
    shutil.copytree(folder, place)
    evaluate = place / "evaluate.py"
    evaluate.write_text(
        evaluate.read_text().replace('{"search": 2.0, "held_out": 8.0}', '{"search": 50.0, "held_out": 50.0}')
    )
    return Task.load(str(place))


def test_a_number_of_repositories_that_is_none_is_refused(tmp_path: Path) -> None:
    """There are fifteen, and nothing is written."""
    command = [sys.executable, str(FOLDER / "bugs.py"), str(tmp_path / "made"), "--number", "16"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "--number is 16; there are 15 repositories" in done.stderr
    with pytest.raises(TaskError):
        Task.load(str(tmp_path / "made"))


def test_answers_of_another_type_are_not_alike(modules: dict[str, ModuleType]) -> None:
    """1, 1.0 and True are three values, also within lists and dicts."""
    alike = modules["hidden"].alike
    assert alike([1, {"a": [None, "x"]}], [1, {"a": [None, "x"]}])
    for one, other in [(1, True), (1, 1.0), (0, False), ([], None), ([1], [1, 1]), ({"a": 1}, {"b": 1}), ("1", 1)]:
        assert not alike(one, other)
        assert not alike([one], [other])
        assert not alike({"x": one}, {"x": other})
