"""A run made again from its journal and its transcript: what must come out the same, and what a change shows."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve.errors import RunNotFound
from evolve.options import Options
from evolve.replaying import replay
from evolve.search import Search
from evolve.task import Task

Make: TypeAlias = Callable[..., Path]

SEED = "# EVOLVE-BLOCK-START\ndef f(x):\n    return 0.5 * x + 1\n# EVOLVE-BLOCK-END\n"
EVALUATE = "def evaluate(program):\n    return -abs(program.call('f', 3.0) - 7.25)\n"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(trials, **options)`: a finished run of a small task."""
    task = tmp_path / "task"
    (task / "seed").mkdir(parents=True)
    (task / "seed" / "program.py").write_text(SEED)
    (task / "evaluate.py").write_text(EVALUATE)
    (task / "task.toml").write_text('[task]\ndescription = "Come near 7.25."\n')

    def run(trials: int, **options: object) -> Path:
        path = tmp_path / "run"
        settings = Options(sandbox="process", allow_unsafe=True, **options)  # type: ignore[arg-type]
        with Search.start(Task.load(task), path, limits={"trials": trials}, options=settings) as search:
            search.run()
        return path

    return run


def again(path: Path, **given: str) -> list[str]:
    differences: list[str] = []
    replayed = replay(path, witness=differences.append, **given)
    assert replayed.told > 1
    return differences


@pytest.mark.parametrize("workers", [1, 4])
def test_a_run_without_models_comes_out_the_same(make: Make, workers: int) -> None:
    """The same selections, proposals and commits, whatever its threads did; the run itself is left alone."""
    path = make(60, workers=workers)
    before = (path / ".evolve" / "journal.jsonl").read_bytes()
    assert again(path) == []
    assert (path / ".evolve" / "journal.jsonl").read_bytes() == before


def test_a_run_with_models_comes_out_the_same(make: Make) -> None:
    """Many calls in flight, prompts that hold what was told before: the answers are those of the transcript."""
    path = make(60, workers=4, calls_in_flight=8, models=("simulated",))
    before = (path / ".evolve" / "transcript.jsonl").read_bytes()
    assert again(path) == []
    assert (path / ".evolve" / "transcript.jsonl").read_bytes() == before


def test_programs_are_evaluated_anew_on_demand(make: Make) -> None:
    """Scores that are not those of the journal are named, and so is the branch that they would have changed."""
    path = make(12, workers=1)
    assert again(path, sandbox="process") == []
    journal = path / ".evolve" / "journal.jsonl"
    text = journal.read_text()
    score = json.loads(next(line for line in text.splitlines() if '"told","number":0' in line))["score"]
    journal.write_text(
        text.replace(f'"number":0,"status":"ok","score":{score}', '"number":0,"status":"ok","score":-99.0')
    )
    differences = again(path, sandbox="process")
    assert f"trial 0: its evaluation is {score!r} now, and was -99.0" in differences


def test_another_proposal_than_the_recorded_one_is_named(make: Make) -> None:
    """With what differs in it: here somebody wrote another summary into the journal, so commits differ too."""
    path = make(12, workers=1)
    journal = path / ".evolve" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if line.startswith('{"event":"proposed","number":3'))
    lines[at] = re.sub(r'"summary":"[^"]*"', '"summary":"forged"', lines[at])
    journal.write_text("".join(lines))
    differences = again(path)
    assert differences[0] == "trial 3: its proposal differs in summary"
    assert any(difference.startswith("branch trials: ") for difference in differences)


def test_another_selection_than_the_recorded_one_is_named(make: Make) -> None:
    """The archive is asked again for each trial."""
    path = make(12, workers=1)
    config = path / ".evolve" / "config.toml"
    config.write_text(config.read_text().replace("seed = 0\n", "seed = 1\n"))
    assert any("the archive selects" in difference or "differs" in difference for difference in again(path))


def test_a_clone_cannot_be_replayed_and_says_why(make: Make, tmp_path: Path) -> None:
    """It has the commits, and nothing of what was asked; nothing is written to it."""
    path = make(3, workers=1)
    subprocess.run(["git", "clone", "--quiet", str(path), str(tmp_path / "clone")], check=True)
    with pytest.raises(RunNotFound, match="replay the run that it was cloned from"):
        again(tmp_path / "clone")
    assert not (tmp_path / "clone" / ".evolve").exists()


def test_an_answer_that_was_changed_shows(make: Make) -> None:
    """The proposal that it led to is not the journal's any more, and neither is a question that was changed."""
    path = make(12, workers=1, models=("simulated",))
    transcript = path / ".evolve" / "transcript.jsonl"
    text = transcript.read_text()
    lines = text.splitlines(keepends=True)
    transcript.write_text(
        "".join(
            re.sub(r'"text":"(?:[^"\\]|\\.)*"', '"text":"no"', line) if '"reply"' in line else line for line in lines
        )
    )
    assert any(difference.startswith("trial 1: ") for difference in again(path))
    transcript.write_text(re.sub(r'"hash":"[0-9a-f]{4}', '"hash":"0000', text))
    assert "trial 1: it asks its model something else now" in again(path)
