from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve import journal
from evolve.errors import RunDamaged, RunExists, RunNotFound, SandboxFault, SeedError, TaskError, UnsafeRefused
from evolve.options import Options
from evolve.proposers.mutation import Mutation
from evolve.regions import Regions
from evolve.sandboxes.process import ProcessSandbox
from evolve.sandboxes.session import PipeSession
from evolve.search import Search
from evolve.task import Task
from evolve.testing.fakes import NumberProposer
from evolve.types import Context, Limits, Plan, Proposer, Role, Selection, Trial

EVALUATE = """
def evaluate(program, split):
    x = program.call("value")
    return {"score": -abs(x - (3.0 if split == "search" else 2.5)), "metrics": {"x": x}, "feedback": f"x is {x}"}
"""
PROCESS = Options(sandbox="process", workers=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "task.toml").write_text("[task]\ndescription = 'find three'\n")
    (path / "evaluate.py").write_text(EVALUATE)
    (path / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    return path


def search(folder: Path, path: Path, trials: int, options: Options = PROCESS) -> None:
    with Search.start(Task.load(folder), path, limits={"trials": trials}, options=options) as opened:
        opened.run()


def test_a_search_of_a_users_task_improves_its_program(folder: Path, tmp_path: Path) -> None:
    """From a folder to a better program, with what is reported scored on held-out instances."""
    with Search.start(Task.load(folder), tmp_path / "run", limits={"trials": 40}, options=PROCESS) as opened:
        result = opened.run()
    best = result.outcome.best.evaluation
    assert best.score is not None
    assert best.score > -2.5
    assert result.held_out_best is not None
    assert result.held_out_best.score == pytest.approx(-abs(float(str(best.metrics["x"])) - 2.5))
    assert result.held_out_seed is not None
    assert result.held_out_seed.score == pytest.approx(-2.0)


def test_held_out_scores_are_in_the_journal_and_in_no_commit(folder: Path, tmp_path: Path) -> None:
    """Git goes to others, and to proposers."""
    search(folder, tmp_path / "run", 3)
    events = list(journal.read(tmp_path / "run" / ".evolve" / "journal.jsonl"))
    held_out = [event for event in events if event["event"] == "held_out"]
    assert held_out[0]["score"] == -2.0
    ids = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=tmp_path / "run", capture_output=True, check=True
    ).stdout
    assert b"-2.0" not in ids


def test_the_same_seed_gives_the_same_commits_through_a_real_sandbox(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one worker and a fixed date nothing measured gets into a commit, feedback of failures included."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    heads = []
    for name in ("a", "b"):
        search(folder, tmp_path / name, 60, Options(sandbox="process", workers=1, seed=3))
        command = ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]
        heads.append(subprocess.run(command, cwd=tmp_path / name, capture_output=True, text=True, check=True).stdout)
    assert heads[0] == heads[1]
    statuses = {trial.evaluation.status for trial in evolve.load(tmp_path / "a").order}
    assert len(statuses) > 1, "no trial failed, so failures were not compared"


def test_resume_refuses_another_evaluator(folder: Path, tmp_path: Path) -> None:
    """Scores of one run must all mean the same; another seed does not matter."""
    search(folder, tmp_path / "run", 3)
    (folder / "seed" / "program.py").write_text("def value():\n    return 9.9\n")
    with Search.resume(tmp_path / "run", limits={"trials": 4}) as opened:
        assert opened.run().outcome.seed.program.files["program.py"].endswith(b"0.5\n")
    (folder / "evaluate.py").write_text(EVALUATE.replace("3.0", "4.0"))
    with pytest.raises(TaskError, match="has changed since"):
        Search.resume(tmp_path / "run", limits={"trials": 5})


def test_a_run_killed_before_its_first_event_keeps_its_limits(folder: Path, tmp_path: Path) -> None:
    """An empty journal does not mean that everything may be spent."""
    search(folder, tmp_path / "run", 3)
    (tmp_path / "run" / ".evolve" / "journal.jsonl").unlink()
    with Search.resume(tmp_path / "run") as opened:
        assert opened.evolution.budget.limits == {"trials": 3}
        assert opened.run().outcome.told == 4


def test_a_config_with_a_key_removed_is_damaged(folder: Path, tmp_path: Path) -> None:
    """The message names the key, the file and a copy of it."""
    search(folder, tmp_path / "run", 1)
    file = tmp_path / "run" / ".evolve" / "config.toml"
    file.write_text("".join(line for line in file.read_text().splitlines(True) if not line.startswith("seed")))
    with pytest.raises(RunDamaged, match=r"config.toml lacks seed; .* show trials:config.toml"):
        Search.resume(tmp_path / "run")


def test_resume_finds_a_task_that_has_moved(folder: Path, tmp_path: Path) -> None:
    """When told where, and from then on by itself."""
    search(folder, tmp_path / "run", 3)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(TaskError, match=rf"evolve resume {tmp_path}/run --task DIR"):
        Search.resume(tmp_path / "run")
    with Search.resume(tmp_path / "run", task=str(tmp_path / "elsewhere"), limits={"trials": 5}) as opened:
        assert opened.run().outcome.told == 6
    with Search.resume(tmp_path / "run", limits={"trials": 6}) as opened:
        assert opened.run().outcome.told == 7


def number_proposer(regions: Regions) -> Proposer:
    """A proposer that is not one of ours."""
    assert regions
    return NumberProposer()


def test_a_foreign_proposer_is_refused_without_isolation(folder: Path, tmp_path: Path) -> None:
    """Its programs could be anything; the user may allow it."""
    options = Options(sandbox="process", workers=1, proposer=f"{__name__}:number_proposer")
    with pytest.raises(UnsafeRefused, match="process"):
        Search.start(Task.load(folder), tmp_path / "run", options=options)
    assert not (tmp_path / "run").exists()
    allowed = Options(sandbox="process", workers=1, proposer=options.proposer, allow_unsafe=True)
    Search.start(Task.load(folder), tmp_path / "run", options=allowed).close()


@pytest.mark.parametrize("proposer", ["mutaton", "no.such.module:thing", "os:no_such_thing"])
def test_a_proposer_that_is_not_there_is_named(folder: Path, tmp_path: Path, proposer: str) -> None:
    """With those there are, or why it cannot be imported."""
    with pytest.raises(TaskError, match=f"proposer '{proposer}'"):
        Search.start(Task.load(folder), tmp_path / "run", options=Options(proposer=proposer, sandbox="process"))


def test_the_name_of_a_run_is_free_or_refused(folder: Path, tmp_path: Path) -> None:
    """Numbers count up; a name that is taken is an error."""
    options: dict[str, Any] = {"sandbox": "process", "workers": 1, "trials": 1, "runs": tmp_path / "runs"}
    names = [evolve.run(folder, **options).path.name for _ in range(2)]
    assert names == ["task-1", "task-2"]
    with pytest.raises(RunExists):
        evolve.run(folder, name="task-1", **options)


def test_a_seed_that_fails_leaves_its_reason(folder: Path, tmp_path: Path) -> None:
    """The candidate's own words."""
    (folder / "seed" / "program.py").write_text("def value():\n    raise RuntimeError('not ready')\n")
    with pytest.raises(SeedError, match="not ready"):
        search(folder, tmp_path / "run", 3)


def test_the_config_says_everything_that_was_resolved(folder: Path, tmp_path: Path) -> None:
    """And holds nothing that is only true of this moment."""
    search(folder, tmp_path / "run", 1)
    config = evolve.load(tmp_path / "run").config
    assert {key: config[key] for key in ("name", "seed", "workers", "sandbox", "proposer", "archive")} == {
        "name": "task", "seed": 0, "workers": 1, "sandbox": "process", "proposer": "mix", "archive": "top"
    }  # fmt: skip
    assert json.dumps(config).count(str(tmp_path / "run")) == 0


@pytest.mark.parametrize(
    ("table", "given", "expected"),
    [
        ("", {}, {"trials": 200}),
        ("[search]\ntrials = 7\n", {}, {"trials": 7}),
        ("[search]\ntrials = 7\n", {"seconds": 3}, {}),
    ],
)
def test_limits_are_those_given_or_the_tasks_or_a_default(
    folder: Path, tmp_path: Path, table: str, given: dict[str, int], expected: dict[str, int]
) -> None:
    """A limit that is given takes the place of the task's own ones."""
    (folder / "task.toml").write_text(table)
    with Search.start(Task.load(folder), tmp_path / "run", limits=given, options=PROCESS) as opened:
        assert opened.evolution.budget.limits == expected
        assert opened.evolution.budget.seconds == given.get("seconds")


def test_artifacts_of_new_bests_are_kept(folder: Path, tmp_path: Path) -> None:
    """And only theirs: they can be large."""
    (folder / "evaluate.py").write_text(
        "def evaluate(program):\n"
        "    x = program.call('value')\n"
        "    return {'score': -abs(x - 3), 'artifacts': {'x.txt': str(x).encode(), '../out': b''}}\n"
    )
    search(folder, tmp_path / "run", 20)
    history = evolve.load(tmp_path / "run")
    kept = tmp_path / "run" / ".evolve" / "artifacts"
    assert (kept / str(history.best.number) / "x.txt").exists()
    assert (kept / "0" / "x.txt").read_text() == "0.5"
    assert len(list(kept.iterdir())) < len(history)
    assert not (kept / "out").exists()


class Flaky(ProcessSandbox):
    """Fails to open as often as it is told to."""

    failing = 0

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> PipeSession:
        if self.failing:
            self.failing -= 1
            raise SandboxFault("the daemon went away")
        return super().open(role, limits, gateway=gateway)


def flaky(folder: Path, path: Path, failing: int) -> Search:
    """A search of twelve trials whose sandbox fails so often when the last one has been told."""
    sandbox = Flaky()

    def after(trial: Trial) -> None:
        if trial.number == 12:
            sandbox.failing = failing

    options = Options(sandbox=sandbox, workers=1, strict=True)
    return Search.start(Task.load(folder), path, limits={"trials": 12}, options=options, on_trial=after)


def test_held_out_scores_wait_on_a_fault_as_the_search_does(folder: Path, tmp_path: Path) -> None:
    """What was searched for an hour is not left without its result for a hiccup."""
    with flaky(folder, tmp_path / "run", 2) as opened:
        result = opened.run()
    assert result.held_out_seed is not None
    assert result.held_out_seed.score == -2.0


def test_a_resume_scores_what_is_held_out_after_a_lasting_fault(folder: Path, tmp_path: Path) -> None:
    """Nothing is searched again."""
    with flaky(folder, tmp_path / "run", 10**6) as opened:
        opened.evolution.patience = (0.0, 0.0)
        with pytest.raises(SandboxFault):
            opened.run()
    before = evolve.load(tmp_path / "run")
    assert before.best.number not in {0, *before.held_out}
    with Search.resume(tmp_path / "run") as opened:
        result = opened.run()
    assert result.outcome.told == 13
    assert result.held_out_seed is not None
    assert evolve.load(tmp_path / "run").held_out.keys() == {0, before.best.number}


def test_a_start_that_fails_leaves_nothing_and_takes_nothing_of_others(folder: Path, tmp_path: Path) -> None:
    """A part that is wrong is found before there is a directory; a directory that was there stays."""
    (folder / "seed" / "program.py").write_text("# EVOLVE-BLOCK-START\nx = 1\n")
    with pytest.raises(TaskError, match="EVOLVE-BLOCK"):
        search(folder, tmp_path / "run", 3)
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    (folder / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    with pytest.raises(RunExists):
        search(folder, tmp_path / "run", 3)
    assert (tmp_path / "run" / "mine").exists()


def test_what_a_kill_leaves_of_a_run_that_was_being_removed_is_refused(folder: Path, tmp_path: Path) -> None:
    """The config goes first, so it is no run any more, and the message says what to do."""
    Search.start(Task.load(folder), tmp_path / "run", options=PROCESS).close()
    (tmp_path / "run" / ".evolve" / "config.toml").unlink()
    with pytest.raises(RunDamaged, match="delete it and start again"):
        Search.resume(tmp_path / "run")


class Meddler(Mutation):
    """Edits the best program in the work tree, as a person may, when trial 3 is planned."""

    place: Path

    def plan(self, selection: Selection, context: Context) -> Plan:
        if context.number == 3:
            self.place.write_text("mine")
        return super().plan(selection, context)


def test_an_api_run_warns_of_what_a_person_did(folder: Path, tmp_path: Path) -> None:
    """The work tree is theirs."""
    Meddler.place = tmp_path / "runs" / "one" / "program.py"
    options: dict[str, Any] = {"sandbox": "process", "allow_unsafe": True, "workers": 1, "trials": 60}
    with pytest.warns(UserWarning, match=r"program\.py was changed by hand"):
        history = evolve.run(
            folder, name="one", runs=tmp_path / "runs", proposer=f"{__name__}:Meddler", archive="top", **options
        )
    assert history.best.number > 3
    assert Meddler.place.read_text() == "mine"


def test_a_run_is_resumed_and_loaded_by_its_name_from_python(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below ./runs, or at a path; with new totals."""
    monkeypatch.chdir(tmp_path)
    evolve.run(folder, trials=2, name="one", sandbox="process", workers=1)
    assert len(evolve.resume("one", trials=4)) == 5
    assert len(evolve.resume(Path("runs") / "one")) == 5
    assert len(evolve.load("one")) == len(evolve.load("runs/one")) == 5
    for read in (evolve.load, evolve.resume):
        with pytest.raises(RunNotFound, match=r"there is no run 'two', neither here nor in \./runs"):
            read("two")
