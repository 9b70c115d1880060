"""The tuner moves the numbers of a program together, and knows only what it was told."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.archives.top import Top
from evolve.fingerprint import structure
from evolve.proposers._lift import lift, write
from evolve.proposers._reader import Reader
from evolve.proposers.tuner import Tuner
from evolve.regions import Regions
from evolve.testing.trials import Story, ask, selection, told, trial
from evolve.types import Evaluation, Program, Proposal, Status, Trial

TEXT = "def f(x):\n    return 20 + 1.5 * x if x < -3.0 else 0.25\n"


def python(text: str) -> Program:
    return Program({"program.py": text.encode()})


def numbers(program: Program) -> list[float]:
    """The numeric literals, with their signs, in the order of the text."""
    return [float(literal.value) for literal in lift(Reader(Regions(program)), program)]


def near(*target: float) -> Callable[[Program], float]:
    """A score that falls with the relative distance of the literals from `target`."""

    def score(program: Program) -> float:
        return -math.sqrt(sum(((a - b) / b) ** 2 for a, b in zip(numbers(program), target, strict=True)))

    return score


def story(text: str, score: Callable[[Program], float | None], seed: int = 0, **settings: Any) -> Story:
    program = python(text)
    return Story(program, Top(), Tuner(Regions(program), **settings), score, seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_it_finds_the_best_numbers(seed: int) -> None:
    """Of four parameters, within a tenth of a percent, in 400 trials."""
    best = story(TEXT, near(31.0, 0.7, -5.5, 0.125), seed).run(400)
    assert best.fitness is not None
    assert best.fitness > -4e-3
    assert best.operator == "tuner"


def test_proposals_differ_from_their_target_in_numbers_only() -> None:
    """Readable ones, of four digits at most."""
    telling = story(TEXT, near(31.0, 0.7, -5.5, 0.125))
    telling.run(60)
    for made in telling.trials[1:]:
        assert structure(made.program) == structure(python(TEXT))
        assert made.summary.startswith("tune ")
        for value in numbers(made.program):
            assert value == float(f"{value:.3e}")


def test_a_replay_of_the_tells_goes_on_as_the_uninterrupted_one() -> None:
    """With failures, duplicates, restarts and sessions that are given up."""

    @settings(max_examples=12, deadline=None)
    @given(st.integers(0, 1000), st.integers(1, 160), st.sampled_from([0.0, 0.3]), st.sampled_from([1, 3, 12]))
    def check(seed: int, trials: int, failing: float, patience: int) -> None:
        fate = np.random.default_rng(seed)
        texts = [TEXT, "def f(x):\n    return 3 * x[2]\n", "def f(x):\n    return x[4]\n"]
        programs = [python(text) for text in texts]
        regions = Regions(programs[0])
        tuner, again = Tuner(regions, patience=patience), Tuner(regions, patience=patience)
        history = [trial(at, program, -1.0 - at) for at, program in enumerate(programs)]
        for made in history:
            tuner.tell(made)
        for number in range(3, 3 + trials):
            target = history[int(fate.integers(len(history)))] if number % 4 == 0 else history[number % 3]
            proposal = tuner.plan(selection(target, history[0]), ask(number, seed))()
            fitness = None if fate.random() < failing else float(fate.integers(5)) / 4
            history.append(told(number, proposal, fitness))
            tuner.tell(history[-1])
        for made in history:
            again.tell(made)
        for number in range(200, 210):
            for target in history[:3]:
                chosen = selection(target, *history[:3])
                assert tuner.plan(chosen, ask(number))() == again.plan(chosen, ask(number))()

    check()


def test_failed_trials_are_the_worst_and_do_not_stall() -> None:
    """The search moves away from where programs fail."""

    def score(program: Program) -> float | None:
        values = numbers(program)
        return None if values[0] > 21 else near(31.0, 0.7, -5.5, 0.125)(program)

    telling = story(TEXT, score)
    best = telling.run(300)
    assert best.fitness is not None
    assert best.fitness > -0.36
    assert 20.5 < numbers(best.program)[0] <= 21
    assert sum(made.fitness is None for made in telling.trials[200:]) < 60


WHOLE = """def f(a, x):
    for k in range(8):
        x = 2 * 0.5 * k / 8 + x ** 3 - 7
    return a[2] + round(x, 4) * 40
"""


def kinds(program: Program) -> list[type]:
    """What the literals are, in the order of the text; a sign is no literal."""
    tree = ast.parse(program.text("program.py"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [type(node.value) for node in sorted(found, key=lambda node: (node.lineno, node.col_offset))]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.5, 1.0]))
def test_integers_stay_integers(seed: int, few: float) -> None:
    """All of them, whatever they are good for: a `range`, a divisor, a factor of a float."""
    program = python(WHOLE)
    tuner, target = Tuner(Regions(program), few=few), trial(0, program)
    tuner.tell(target)
    moved = 0
    for number in range(1, 15):
        made = told(number, tuner.plan(selection(target), ask(number, seed))(), float(number % 3))
        tuner.tell(made)
        assert kinds(made.program) == kinds(program)
        moved += numbers(made.program) != numbers(program)
    assert moved == 14


def test_an_integer_may_be_a_fraction_where_its_range_has_a_point() -> None:
    """So somebody asked for it; where Python wants an integer it stays one."""
    text = "def f(x, y):\n    return x * 3 + y[4]  # tune: 0.5..9.5\n"
    telling = story(text, near(7.25, 2.0))
    best = telling.run(150)
    assert best.fitness is not None
    assert best.fitness > -0.01
    assert all(numbers(made.program)[1].is_integer() for made in telling.trials)
    assert any(not numbers(made.program)[0].is_integer() for made in telling.trials)
    assert all(0.5 <= value <= 9.5 for made in telling.trials for value in numbers(made.program))


def test_few_integers_are_moved_by_one_at_least() -> None:
    """Where all are small, a step of a part of them would be none, and the structure would pass for tuned out."""
    text = "def f(x):\n    return x[1] + x[1] + x[2] + x[0] + x[1] + x[2]\n"
    program = python(text)
    tuner, target = Tuner(Regions(program)), trial(0, program)
    for number in range(200):
        proposal = tuner.plan(selection(target), ask(number))()
        assert not proposal.rejected
        assert proposal.program != program


def test_a_negative_number_gets_parentheses_where_it_needs_them() -> None:
    """Its sign must not fall on what is around it."""
    telling = story("def f(x):\n    return 2.0 ** x - 3.0\n", lambda program: -numbers(program)[0])
    best = telling.run(120)
    text = best.program.text("program.py")
    assert numbers(best.program)[0] < 0
    assert "return (-" in text  # one pair of them, however often it was changed
    assert structure(best.program) == structure(telling.seed_program)


def test_one_literal_alone_can_be_tuned() -> None:
    """Though CMA-ES wants two dimensions."""
    best = story("def f(x):\n    return x * 20.0\n", near(3.7)).run(120)
    assert best.fitness is not None
    assert best.fitness > -1e-3


def test_zero_has_the_scale_of_one() -> None:
    """So it does not stay zero."""
    best = story("def f(x):\n    return x + 0.0 * 2.0\n", near(0.7, 2.0)).run(200)
    assert best.fitness is not None
    assert best.fitness > -0.01


def test_of_many_literals_some_are_tuned_together_and_then_others() -> None:
    """The covariance of hundreds would take thousands of trials to learn."""
    text = "X = [" + ", ".join(f"{n}.5" for n in range(1, 26)) + "]\n"
    telling = story(text, lambda _: 0.0, parameters=10, patience=2, restarts=0)
    telling.run(120)
    values = [np.array(numbers(made.program)) for made in telling.trials]
    moved = [
        frozenset(np.flatnonzero(values[made.number] != values[made.parents[0]]).tolist())
        for made in telling.trials[1:]
    ]
    groups = {max((other for other in moved if part <= other), key=len) for part in moved if part}
    assert sorted(map(len, groups)) == [8, 8, 9]
    assert frozenset[int]().union(*groups) == set(range(25))


def test_what_cannot_be_improved_is_given_up_and_then_rejected() -> None:
    """So that a mix spends its trials elsewhere, until something better of the structure turns up."""
    telling = story(TEXT, lambda _: 0.0, patience=3, restarts=1)
    telling.run(200)
    statuses = [made.evaluation.status for made in telling.trials]
    first = statuses.index(Status.REJECTED)
    assert 2 * 3 * 8 <= first <= 2 * 4 * 9 + 2
    assert set(statuses[first:]) == {Status.REJECTED}
    better = trial(1000, TEXT.replace("20", "21"), 1.0, operator="mutation")
    telling.proposer.tell(better)
    assert not telling.proposer.plan(selection(better), ask(1001))().rejected


def test_when_the_parent_is_tuned_out_another_program_is_tuned() -> None:
    """One in tuning if there is one, else an inspiration."""
    telling = story(TEXT, lambda _: 0.0, patience=1, restarts=0)
    telling.run(60)
    other = trial(70, "def f(x):\n    return x / 3.0 - 7\n", -1.0, operator="mutation")
    proposal = telling.proposer.plan(selection(telling.trials[0], other), ask(71))()
    assert proposal.parents == (70,)
    assert not proposal.rejected


def test_a_better_program_from_elsewhere_draws_the_distribution_to_it() -> None:
    """It joins the generation of its structure."""

    def mean(inject: bool) -> float:
        program = python(TEXT)
        tuner = Tuner(Regions(program))
        first = trial(0, program, -9.0)
        tuner.tell(first)
        for number in range(1, 8):
            tuner.tell(told(number, tuner.plan(selection(first), ask(number))(), -8.0))
        if inject:
            tuner.tell(trial(8, TEXT.replace("20", "30"), 5.0, operator="mutation"))
        else:
            tuner.tell(told(8, tuner.plan(selection(first), ask(8))(), -8.0))
        drawn = [tuner.plan(selection(first), ask(number))() for number in range(50, 150)]
        return float(np.mean([numbers(proposal.program)[0] for proposal in drawn]))

    assert mean(inject=True) > mean(inject=False) + 1.0


def test_duplicates_count_as_what_they_are_copies_of() -> None:
    """With few integers there are many of them, and the search still ends at the best."""
    telling = story("def f(x):\n    return x[3]\n", lambda program: -abs(numbers(program)[0] - 7))
    best = telling.run(100)
    assert best.fitness == 0.0


def free(text: str, path: str = "program.py") -> list[float]:
    """The literals that may be tuned."""
    program = Program({path: text.encode()})
    return [literal.value for literal in lift(Reader(Regions(program)), program) if not literal.fixed]


@pytest.mark.parametrize(
    ("text", "tuned"),
    [
        ("rng = np.random.default_rng(7)\nx = 3.5\n", [3.5]),
        ("random.seed(7)\ny = solve(random_state=8, rate=9)\n", [9]),
        ("def f(x, seed=7, step=8):\n    return x + step + 9\n", [8, 9]),
        ("SEED = 7  # tune: on\nstart_seed = 8\nseeds = [1, 2]\nseedling = 9\n", [7, 9]),
        ("size = 12\nsize_of_step = 13\npool_size, m = 14, 15\nself.seed = 16\n", [13, 15]),
        ("n_points = 12\nn = 13\nshape = (3, 4)\nsize = 0.5\n", [0.5]),
        ("CIRCLES = 26\nRATE = 3\nfor i in range(CIRCLES):\n    x = i * RATE\n", [3]),
        ("circles = 26\nfor i in range(circles):\n    x = i * 3\n", [26, 3]),
        ("a = 1.5  # tune: off\nb = 2.5\n", [2.5]),
        ("a = x[1]  # tune: 1.2..1.8\nb = 2.5  # tune: 3..2\n", []),
        ("a = 1  # tune: 1..1e999\nb = 2.5  # tune: 3...4\n", [1, 2.5]),
    ],
)
def test_seeds_and_sizes_are_left_alone_unless_asked(text: str, tuned: list[float]) -> None:
    """By what they are called; a comment asks for it, or forbids it."""
    assert free(text) == tuned


def test_comments_count_in_any_language() -> None:
    """Where seeds and sizes cannot be told."""
    text = "const int SEED = 7; // tune: off\nint a = 8; /* tune: on */\n#define TILE 32 // tune: 8..64\n"
    assert free(text, "program.cpp") == [8, 32]


@settings(max_examples=200)
@given(
    st.sampled_from(["3", "0.5", "-12", "40", "0.123456789", "1e300"]),
    st.floats(-1e6, 1e6),
    st.floats(0.0, 1e6),
    st.one_of(st.floats(allow_nan=True), st.just(0.0)),
)
def test_a_range_is_kept(text: str, low: float, width: float, value: float) -> None:
    """Whatever the tuner wishes for: as written, in four digits, the number is in it."""
    program = python(f"x = {text}  # tune: {low!r}..{low + width!r}\n")
    for literal in lift(Reader(Regions(program)), program):
        if not literal.fixed:
            made = write(program, [literal], [literal.round(value)])
            assert low <= numbers(made)[0] <= low + width


def test_a_range_in_whole_numbers_keeps_one_whole() -> None:
    """Also a small one, which would become a fraction otherwise."""
    telling = story("def f(x):\n    return x * 3  # tune: 1..6\n", near(9.7))
    telling.run(40)
    found = {numbers(made.program)[0] for made in telling.trials if made.fitness is not None}
    assert found == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


def test_a_new_structure_is_tuned_however_good_the_others_are() -> None:
    """Its session stays while it is told of, and one that nobody asked for in a while goes."""
    first = python(TEXT)
    tuner = Tuner(Regions(first), sessions=2)
    targets = [trial(at, f"def f(x):\n    return x * y{at} * 2.0 + 3.5\n", 10.0 - at) for at in range(3)]
    notes: list[dict[str, object]] = []
    for number, target in enumerate([*targets[:2] * 2, *targets[2:] * 3], start=10):
        proposal = tuner.plan(selection(target), ask(number))()
        notes.append(dict(proposal.note))
        tuner.tell(told(number, proposal, target.fitness))
    assert ["start" in note for note in notes] == [True, True, False, False, True, False, False]
    assert "start" in tuner.plan(selection(targets[0]), ask(99))().note
    assert "start" not in tuner.plan(selection(targets[1]), ask(99))().note


def test_memory_is_bounded() -> None:
    """However many structures are told of."""
    program = python(TEXT)
    tuner = Tuner(Regions(program), patience=1, restarts=0, sessions=4)
    number = 0
    for at in range(60):
        target = trial(1000 + at, f"def f(x):\n    return x + {at} * y{at} * 2.0\n", float(at), operator="mutation")
        tuner.tell(target)
        for _ in range(3 if at % 2 else 30):
            number += 1
            tuner.tell(told(number, tuner.plan(selection(target), ask(number))(), 0.0))
    assert len(tuner._sessions) <= 4
    assert all(len(session._known) <= 40 for session in tuner._sessions.values())


def test_proposals_may_be_made_while_trials_are_told() -> None:
    """On other threads, as in the loop, which plans and tells on its own."""
    program = python(TEXT)
    tuner = Tuner(Regions(program))
    first = trial(0, program, -1.0)
    tuner.tell(first)
    waiting: deque[tuple[int, Future[Proposal]]] = deque()
    with ThreadPoolExecutor(4) as pool:
        for number in range(1, 300):
            waiting.append((number, pool.submit(tuner.plan(selection(first), ask(number)))))
            if len(waiting) == 8:
                asked, made = waiting.popleft()
                tuner.tell(told(asked, made.result(), near(31.0, 0.7, -5.5, 0.125)(made.result().program)))
    assert structure(tuner.plan(selection(first), ask(301))().program) == structure(program)


def test_notes_of_others_and_broken_ones_are_ignored() -> None:
    """A journal may hold anything."""
    program = python(TEXT)
    tuner = Tuner(Regions(program))
    good = tuner.plan(selection(trial(0, program)), ask(1))()
    for change in ({"values": [1.0]}, {"values": "x"}, {"structure": 3}, {"start": [1.0]}, {"epoch": None}):
        note = {**good.note, **change}
        made = told(1, good, 1.0)
        tuner.tell(
            Trial(
                number=1,
                program=made.program,
                parents=(0,),
                operator="tuner",
                summary="",
                evaluation=Evaluation(status=Status.OK, score=1.0, fitness=1.0),
                note=json.loads(json.dumps(note)),
            )
        )
    assert tuner.plan(selection(trial(0, program)), ask(1))() == good


def test_without_numbers_there_is_nothing_to_tune() -> None:
    """And the reason says so."""
    program = python("def f(x):\n    return x\n")
    proposal = Tuner(Regions(program)).plan(selection(trial(0, program)), ask(1))()
    assert "no numeric literal left to tune" in proposal.rejected


def test_the_library_is_imported_by_the_first_generation_only() -> None:
    """It takes half a second, which `evolve --help` must not wait for."""
    code = "import sys, evolve.proposers.mix, evolve.proposers.tuner; sys.exit('cma' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
