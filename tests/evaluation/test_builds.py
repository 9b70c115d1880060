"""Builds that go wrong, executables that fail, and times that are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve.errors import TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.testing.sandboxes import available
from evolve.types import Evaluation, Limits, Program, Status

Score: TypeAlias = Callable[..., Evaluation]
Build: TypeAlias = Callable[[str], Evaluation]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """`build(script)`: what becomes of a program that a shell builds so, in a sandbox that bounds memory and disk."""
    sandbox = available(BubblewrapSandbox)
    if not sandbox.bounded:
        pytest.skip("the memory of several processes is bounded by a control group alone, and there is none")
    (tmp_path / "evaluate.py").write_text("def evaluate(program):\n    return 1\n")
    evaluator = NativeEvaluator(
        sandbox=sandbox,
        folder=tmp_path,
        rules=Rules(build=("sh", "build.sh")),
        build_timeout=300,
        limits=Limits(memory_bytes=64 * 2**20, disk_bytes=8 * 2**20, processes=16),
    )
    yield lambda script: evaluator.evaluate(Program({"build.sh": script.encode()}))
    evaluator.close()
    sandbox.close()


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("head -c 100000000 /dev/zero > large", Status.FAILED, "No space left"),
        ("for i in 1 2 3 4 5 6; do head -c 4000000 /dev/zero > part$i || exit 1; done", Status.FAILED, "No space left"),
        (
            "for k in 1 2 3 4; do head -c 40000000 /dev/zero | tail -c 40000000 & done; wait; exit 1",
            Status.MEMORY,
            "64 MiB",
        ),
        ("python3 -c 'bytes(300_000_000)' || exit 7", Status.FAILED, "MemoryError"),
        ("while true; do sleep 100 & done", Status.FAILED, "(sh build.sh)"),
    ],
    ids=["one large file", "a full disk", "memory", "an allocation", "processes"],
)
def test_a_build_is_bound_by_the_limits_of_the_program(script: str, status: Status, said: str, build: Build) -> None:
    """Each limit has its status and its words, and the next program finds everything as it was."""
    evaluation = build(script)
    assert (evaluation.status, evaluation.score) == (status, None), evaluation.feedback
    assert said in evaluation.feedback
    assert build("true").score == 1.0


def test_an_executable_that_fails_is_in_the_feedback(score: Score) -> None:
    """When the evaluator stumbles over what it printed: the command, how it ended, the end of its standard error."""
    text = "def evaluate(program):\n    return float(program.run(['sh', '-c', 'echo oh >&2; exit 3']).stdout)\n"
    evaluation = score("", text)
    assert evaluation.status is Status.FAILED
    assert "ValueError" in evaluation.feedback
    assert "ended with exit code 3 and printed:\noh" in evaluation.feedback
    absent = score("", text.replace("'sh'", "'no-such-compiler'")).feedback
    assert "ended with exit code 127 and printed:\nno-such-compiler: No such file or directory\nSo ends what" in absent
    assert "name an image that has it in [sandbox] of task.toml" in absent


def test_a_file_beyond_the_limit_names_it(score: Score) -> None:
    """Where the kernel ends who writes it."""
    build = Rules(build=("sh", "-c", "exec head -c 3000000 /dev/zero > large"))
    evaluation = score("", rules=build, limits=Limits(disk_bytes=2**20))
    assert evaluation.status is Status.FAILED
    assert "was killed for a file larger than disk_mb" in evaluation.feedback


def test_what_the_evaluator_passes_over_is_said_for_it(score: Score) -> None:
    """A score of its own for what failed, without a text, gets one; its own text stays alone."""
    caught = (
        "def evaluate(program):\n    try:\n        program.call('f')\n    except program.Error:\n        return {}\n"
    )
    bad = "def f():\n    raise KeyError('lost')\n"
    assert "KeyError: 'lost'" in score(bad, caught.replace("{}", "0.0")).feedback
    assert score(bad, caught.replace("{}", "{'score': 0.0, 'feedback': 'mine'}")).feedback == "mine"
    killed = "def evaluate(program):\n    return program.run(['sh', '-c', 'kill -SEGV $$']).returncode\n"
    assert "was killed by SIGSEGV and printed nothing" in score("", killed).feedback


def test_an_error_of_the_evaluator_names_the_instance(score: Score) -> None:
    """As an error of the candidate does."""
    text = (
        "def instances():\n  return {'small': 1, 'zero': 0}\ndef evaluate(program, instance):\n  return 1 / instance\n"
    )
    assert "That was for instance zero." in score("", text).feedback


def test_times_are_compared(score: Score) -> None:
    """The ratio is how many times as fast the candidate is; the output of each of its runs is there to be checked."""
    text = """
from evolve.evaluator import compare_times
def evaluate(program):
    count = "k=0; while [ $k -lt %d ]; do k=$((k + 1)); done; cat"
    slow = ["sh", "-c", count % 600000]
    inputs = [b"1", b"2", b"3", b"4"]
    times = compare_times(program, ["sh", "-c", count % 200000], slow, inputs)
    assert [done.stdout for done in times.runs] == inputs
    return {"score": times.ratio, "own": times.seconds, "other": times.reference_seconds}
"""
    evaluation = score("", text)
    assert evaluation.score is not None, evaluation.feedback
    assert 1.5 < evaluation.score < 6  # 3, and a little less for the start of the shell
    assert all(isinstance(evaluation.metrics[name], float) for name in ("own", "other"))


def test_a_comparison_ends_with_what_fails(score: Score) -> None:
    """The candidate's run is returned to be looked at; a reference that fails is an error of the task."""
    text = """
from evolve.evaluator import compare_times
def evaluate(program):
    times = compare_times(program, ["sh", "-c", "exit 4"], ["true"], [b"1", b"2"])
    return {"score": times.ratio, "code": times.runs[-1].returncode, "runs": len(times.runs)}
"""
    evaluation = score("", text)
    assert (evaluation.score, evaluation.metrics) == (0.0, {"code": 4, "runs": 1})
    broken = score("", text.replace('"exit 4"], ["true"]', '"true"], ["sh", "-c", "echo why >&2; exit 5"]'))
    assert "sh, the reference, ended with exit code 5: why" in broken.feedback


@pytest.mark.parametrize("inputs", ["[]", "[b'1']", "[b'1', b'2', b'1']"])
def test_a_comparison_needs_inputs_that_differ(inputs: str, score: Score) -> None:
    """What a program has seen before it may have kept the answer to."""
    text = f"""
from evolve.evaluator import compare_times
def evaluate(program):
    return compare_times(program, ["true"], ["true"], {inputs}).ratio
"""
    assert "compare_times needs two inputs or more, no two of them alike" in score("", text).feedback


def test_an_evaluator_says_what_its_own_build_lacks(score: Score) -> None:
    """What is not there is named with what to do; what fails, with what it printed."""
    text = "from evolve.evaluator import build\nbuild({})\ndef evaluate(program):\n    return 1\n"
    with pytest.raises(TaskError, match=r"there is no nowhere-to-be-found in this sandbox: install it below /usr"):
        score("", text.format(["nowhere-to-be-found"]))
    assert score("", text.format(["true"])).score == 1.0


def test_an_evaluator_says_what_its_own_build_printed(score: Score) -> None:
    """On both of its outputs, which are seen nowhere else."""
    argv = ["sh", "-c", "echo here; echo there >&2; exit 6"]
    with pytest.raises(TaskError, match=r"ended with exit code 6:\s+here\s+there"):
        score("", f"from evolve.evaluator import build\nbuild({argv})\ndef evaluate(program):\n    return 1\n")


HIDES = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so nobody waits for the child, and nobody is told what it took
reader, writer = os.pipe()
if os.fork() == 0:
    while time.process_time() < 1.0:
        pass
    os.write(writer, b"x")
    os._exit(0)
os.close(writer)
os.read(reader, 1)
os.read(reader, 1)
"""


def test_processor_time_cannot_be_hidden(tmp_path: Path) -> None:
    """A run tells what all of its processes took, also of those that left without being waited for."""
    sandbox = available(BubblewrapSandbox)
    if not sandbox.bounded:
        pytest.skip("without a control group a candidate may start no process")
    text = "def evaluate(program):\n    return program.run(['python3', 'hides.py']).cpu_seconds\n"
    (tmp_path / "evaluate.py").write_text(text)
    evaluator = NativeEvaluator(sandbox=sandbox, folder=tmp_path)
    try:
        honest = evaluator.evaluate(Program({"hides.py": b"pass\n"})).score
        hiding = evaluator.evaluate(Program({"hides.py": HIDES.encode()})).score
        assert honest is not None
        assert hiding is not None
        assert hiding > honest + 0.5
    finally:
        evaluator.close()
        sandbox.close()
