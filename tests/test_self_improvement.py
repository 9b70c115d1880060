"""A search in which the adopted scaffold proposes: what is adopted is really better, and stands in git for good."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve import forms
from evolve.adoption.settings import policy_of
from evolve.bench.attributing import calls_at_most
from evolve.budget import RESOURCES
from evolve.errors import TaskError
from evolve.forms.improve import families_of
from evolve.options import Options
from evolve.policies import make_archive
from evolve.replaying import replay
from evolve.scaffolds import read_scaffold
from evolve.search import Search
from evolve.testing.climbers import PLANTED, answer, write_tasks
from evolve.testing.servers import Asked, FakeService, Served

GATE = "[gate]\ncap = 40\nleast = 4\nhopeful = 8\nevery = 1\ngain_asked = 1.0\n"


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and commits that do not depend on the clock."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(answer) as made:
        yield made


def options(service: FakeService, **more: Any) -> Options:
    given: dict[str, Any] = {
        "sandbox": "process",
        "allow_unsafe": True,
        "workers": 1,
        "calls_in_flight": 1,
        "archive": "best-of-n",
        "models": ["fake"],
        "prices": ["1/10"],
        "base_url": service.url,
        "seed": 0,
    }
    return Options(**{**given, **more})


def searched(task: Path, run: Path, given: Options, trials: int = 8) -> None:
    with Search.start(forms.load(task), run, limits={"trials": trials}, options=given) as search:
        search.run()


def git(run: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", str(run), *arguments], check=True, capture_output=True, text=True).stdout


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "evolve", *arguments], check=False, capture_output=True, text=True)


def decisions(run: Path) -> list[str]:
    return git(run, "log", "--first-parent", "--format=%s", "adopted").splitlines()


def test_a_planted_improvement_is_adopted(tmp_path: Path, service: FakeService) -> None:
    """The third edit; git says why, and from then on it proposes its share."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    searched(task, run, options(service))
    assert decisions(run)[-2:] == ["Adopt trial 3", "Seed program"]
    assert f"FACTOR = {PLANTED}" in git(run, "show", "adopted:scaffold.py")
    said = git(run, "log", "-1", "--format=%B", "--grep=^Adoption: adopted", "adopted")
    for trailer in ("Challenger: 3", "Adopted: 3", "Screened: +", "E-Value: "):
        assert trailer in said
    assert "a pair would have been adopted with a chance of 80 %" in said
    notes = {trial.number: trial.note for trial in evolve.load(run).order[1:]}
    assert [notes[number]["reference"] for number in (1, 2, 3)] == [0, 0, 0]
    assert {note["reference"] for note in notes.values()} == {0, 3}
    assert notes[1]["scaffold"] == evolve.load(run)[0].program.tree[:12]
    adopted = read_scaffold(str(run))
    assert {note["scaffold"] for note in notes.values() if note["reference"] == 3} == {adopted.tree[:12]}


@pytest.mark.parametrize(
    "tables",
    [
        'staged = true\n[search]\narchive = "weighted,size=1000,center=0.5"\n',
        '[utility]\nscore = 0.8\ntokens = 0.1\nseconds = 0.1\n[search]\narchive = "greedy"\n',
    ],
)
def test_it_is_adopted_in_other_modes(tables: str, tmp_path: Path, service: FakeService) -> None:
    """As the tasks dgm and sica set them: another archive, stages, a utility."""
    task, run = write_tasks(tmp_path, tables + GATE), tmp_path / "run"
    searched(task, run, options(service, archive="auto"))
    assert "Adopt trial 3" in decisions(run)
    assert evolve.load(run).config["archive"] == forms.load(task).settings.search.archive
    if "utility" in tables:
        seed = evolve.load(run)[0].evaluation
        left = 0.1 * (1.0 - seed.metrics["tokens"] / 100_000) + 0.1 * (1.0 - seed.cost.seconds / 300.0)  # type: ignore[operator]
        assert seed.score == pytest.approx(0.8 * seed.metrics["score"] + left)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["stop", "sica", "dgm"])
def test_each_mode_is_a_task(name: str) -> None:
    """With a gate that can decide, and an archive that can be made."""
    task = forms.load(name)
    assert task.name == name
    assert policy_of(task.settings.gate.model_dump(), families_of(task, forms.load)).gate.rounds >= 10
    make_archive(task.settings.search.archive or "top", {"trials": 20})


def test_families_are_those_of_the_split() -> None:
    """A comparison on held-out tasks is by those; a utility is compared as a whole."""
    stop = forms.load("stop")
    assert families_of(stop, forms.load) == ("three_sat", "quadratic_assignment", "bin_packing", "max_cut")
    assert families_of(stop, forms.load, "held_out") == ("parity", "string_grid")
    assert (calls_at_most(stop), calls_at_most(stop, "held_out")) == (32, 16)
    assert families_of(forms.load("sica"), forms.load, "held_out") == ("",)


def test_an_adopted_scaffold_proposes_in_another_search(tmp_path: Path, service: FakeService) -> None:
    """`--scaffold RUN`."""
    task = write_tasks(tmp_path, GATE)
    searched(task, tmp_path / "run", options(service))
    given = options(service, scaffold=tmp_path / "run", tuning="off")
    searched(tmp_path / "near", tmp_path / "next", given, trials=4)
    notes = [trial.note for trial in evolve.load(tmp_path / "next").order[1:]]
    assert {note["scaffold"] for note in notes} == {read_scaffold(str(tmp_path / "run")).tree[:12]}
    assert "reference" not in notes[0]


def test_a_replay_and_a_clone_adopt_the_same(tmp_path: Path, service: FakeService) -> None:
    """The replay asks nobody; the clone goes on where the run does."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    searched(task, run, options(service))
    before = len(service.asked)
    differences: list[str] = []
    replayed = replay(run, witness=differences.append)
    assert differences == []
    assert replayed.branches["adopted"] == git(run, "rev-parse", "adopted").strip()
    assert len(service.asked) == before
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(run), str(clone)], check=True)
    for path in (run, clone):
        with Search.resume(path, limits={"trials": 10}) as search:
            search.run()
            assert search.adoption is not None
            assert search.adoption.adopted is not None
            assert search.adoption.adopted.number == 3
    assert git(run, "rev-parse", "adopted") == git(clone, "rev-parse", "adopted")


def test_a_run_that_is_killed_adopts_the_same(tmp_path: Path, service: FakeService) -> None:
    """With SIGKILL, wherever it is: in a trial, or in the middle of a confirmation."""
    task, whole, killed = write_tasks(tmp_path, GATE), tmp_path / "whole", tmp_path / "killed"
    searched(task, whole, options(service), trials=6)
    told = len((whole / ".evolve" / "journal.jsonl").read_bytes().splitlines())
    command = [sys.executable, "-m", "evolve", "run", str(task), "--runs", str(tmp_path), "--name", "killed"]
    command += ["--sandbox", "process", "--allow-unsafe", "--workers", "1", "--calls-in-flight", "1"]
    command += ["--archive", "best-of-n", "--model", "fake", "--price", "1/10", "--base-url", service.url]
    command += ["--trials", "6", "--seed", "0", "--quiet"]
    killed_at = []
    for share in (0.2, 0.5, 0.8):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
        journal = killed / ".evolve" / "journal.jsonl"
        while process.poll() is None:
            if journal.exists() and len(journal.read_bytes().splitlines()) >= share * told:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.01)
        if process.wait() == -signal.SIGKILL:
            killed_at.append(share)
        command = [sys.executable, "-m", "evolve", "resume", str(killed), "--quiet"]
    assert killed_at
    with Search.resume(killed) as search:
        search.run()
    assert decisions(killed) == decisions(whole)
    for branch in ("adopted", "trials"):
        assert git(killed, "rev-parse", branch) == git(whole, "rev-parse", branch)


def test_a_person_is_asked_and_answers(tmp_path: Path, service: FakeService) -> None:
    """The question with what speaks for it and what it changes; the answer in a commit, which a clone has heard too."""
    task, run = write_tasks(tmp_path, GATE.replace("gain_asked = 1.0", "gain_asked = 0.0")), tmp_path / "run"
    searched(task, run, options(service), trials=6)
    shown = cli("review", str(run)).stdout
    assert "is it adopted? it gains" in shown
    assert f"+FACTOR = {PLANTED}" in shown
    assert "E-value" in shown
    assert json.loads(cli("review", str(run), "--json").stdout)["trial"] == 3
    assert cli("review", str(run), "approve").returncode == 2
    assert "it is trial 3" in cli("review", str(run), "approve", "2", "--reason", "x").stderr
    assert "it is trial 3" in cli("review", str(run), "approve", "seed", "--reason", "x").stderr
    answered = cli("review", str(run), "approve", "--reason", "I have read it", "--by", "Ada")
    assert "Adopt trial 3." in answered.stdout
    said = git(run, "log", "-1", "--format=%B", "adopted")
    assert "Approved by Ada: I have read it" in said
    subprocess.run(["git", "clone", "-q", str(run), str(tmp_path / "clone")], check=True)
    with Search.resume(run) as search, Search.resume(tmp_path / "clone") as cloned:
        assert committed(search) == committed(cloned)
        assert committed(search)["calls"] == len(service.asked)
    for path in (run, tmp_path / "clone"):
        shown = json.loads(cli("show", str(path), "--json").stdout)
        assert (shown["adopted"], shown["waits"], shown["lineage"]["adopted"]) == (3, 3, 1)
        assert "1 adopted" in cli("show", str(path)).stdout
    differences: list[str] = []
    replay(run, witness=differences.append)
    assert differences == []
    assert "Roll trial 3 back" in cli("review", str(run), "reject", "--reason", "it is slow", "--by", "Ada").stdout
    assert git(run, "rev-parse", "adopted^{tree}").strip() == evolve.load(run)[0].program.tree
    assert "trial 0 is adopted" in cli("review", str(run)).stdout
    assert "nothing in" in cli("review", str(run), "approve", "--reason", "x").stderr
    with Search.resume(run, limits={"trials": 8}) as search:
        assert search.run().outcome.reason == "trials"


def test_another_proposer_leaves_the_gate_in_place(tmp_path: Path, service: FakeService) -> None:
    """A scaffold that is given proposes all, and what it finds is adopted at once: it is no canary."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    searched(task, run, options(service, scaffold=tmp_path / "mine"), trials=5)
    assert "Adopt trial 3" in decisions(run)
    config = evolve.load(run).config
    assert config["gate"]["canary"] is False
    assert config["gate"]["families"] == ["near"]
    assert all("reference" not in trial.note for trial in evolve.load(run))


def test_without_a_seed_nobody_can_compute_what_is_drawn(tmp_path: Path, service: FakeService) -> None:
    """Two runs that differ in nothing but the secret that was drawn for each ask other questions; one and the same run
    draws the same again, and a scaffold is told nothing of it."""
    task = write_tasks(tmp_path, GATE)
    secrets, asked = [], []
    for name in ("one", "two"):
        searched(task, tmp_path / name, options(service, seed=None), trials=1)
        secrets.append(evolve.load(tmp_path / name).config["secret"])
        steps = (tmp_path / name / ".evolve" / "evaluations.jsonl").read_text().splitlines()
        asked.append({json.loads(line)["hash"] for line in steps if '"sent"' in line})
    assert len(set(secrets)) == 2
    assert {len(secret) for secret in secrets} == {32}
    assert asked[0]
    assert not asked[0] & asked[1]
    assert not [each for each in service.asked if any(secret in each.text for secret in secrets)]
    differences: list[str] = []
    replay(tmp_path / "one", sandbox="process", witness=differences.append)
    assert differences == []
    searched(task, tmp_path / "given", options(service), trials=1)
    assert "secret" not in evolve.load(tmp_path / "given").config


def test_what_a_gate_takes_is_in_the_budget(tmp_path: Path, service: FakeService) -> None:
    """Calls of pairs are counted with all others, and never too many; and so `show` tells it."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    with Search.start(forms.load(task), run, limits={"calls": 60}, options=options(service)) as search:
        assert search.run().outcome.reason == "calls"
        assert search.evolution.budget.committed("calls") == len(service.asked) <= 60
    events = [json.loads(line) for line in (run / ".evolve" / "journal.jsonl").read_text().splitlines()]
    assert any(event.get("what") == "pair" for event in events)
    shown = json.loads(cli("show", str(run), "--json").stdout)
    proposing = sum(trial.usage.calls for trial in evolve.load(run))
    assert shown["spent"]["calls"] == len(service.asked)
    assert shown["spent_by_evaluations"]["calls"] == len(service.asked) - proposing


def test_a_clone_has_spent_what_the_run_has(tmp_path: Path, service: FakeService) -> None:
    """To the last call: those of pairs, and those of a trial that was not told. So has the clone of a clone that has
    gone on, and a run that has lost its journal."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    with Search.start(forms.load(task), run, limits={"calls": 60}, options=options(service)) as search:
        search.run()
        before = committed(search)
    assert before["calls"] == len(service.asked)
    assert before["calls"] - sum(trial.usage.calls for trial in evolve.load(run)) > 20
    clone, again = tmp_path / "clone", tmp_path / "again"
    subprocess.run(["git", "clone", "-q", str(run), str(clone)], check=True)
    assert json.loads(cli("show", str(clone), "--json").stdout)["before_cloned"]["calls"] > 20
    assert "used before the run was cloned and of no trial" in cli("show", str(clone)).stdout
    with Search.resume(clone) as search:
        assert committed(search) == before
        assert search.run().outcome.reason == "calls"
    asked = len(service.asked)
    with Search.resume(clone, limits={"calls": 90}) as search:
        search.run()
        assert committed(search)["calls"] == before["calls"] + len(service.asked) - asked <= 90
        gone_on = committed(search)
    subprocess.run(["git", "clone", "-q", str(clone), str(again)], check=True)
    (clone / ".evolve" / "journal.jsonl").unlink()
    (run / ".evolve" / "journal.jsonl").unlink()
    for path, wanted in ((again, gone_on), (clone, gone_on), (run, before)):
        with Search.resume(path) as search:
            assert committed(search) == wanted


def test_held_out_scores_are_in_what_a_clone_has_spent(tmp_path: Path, service: FakeService) -> None:
    """They come after all else."""
    task, run = write_tasks(tmp_path, GATE), tmp_path / "run"
    with Search.start(forms.load(task), run, limits={"trials": 2}, options=options(service)) as search:
        result = search.run()
        assert result.held_out_seed is not None
        assert committed(search)["calls"] == len(service.asked)
        before = committed(search)
    subprocess.run(["git", "clone", "-q", str(run), str(tmp_path / "clone")], check=True)
    with Search.resume(tmp_path / "clone") as search:
        assert committed(search) == before


def test_answers_that_come_after_an_interrupt_are_in_what_a_clone_has_spent(tmp_path: Path) -> None:
    """They are waited for a moment, since they are paid."""
    task, run, late = write_tasks(tmp_path, GATE), tmp_path / "run", threading.Event()

    def slow(asked: Asked) -> Served:
        if len(made.asked) > 20:
            late.wait(60.0)
        return answer(asked)

    with FakeService(slow) as made:
        given = options(made, workers=2, calls_in_flight=2)
        with Search.start(forms.load(task), run, limits={"trials": 20}, options=given) as search:
            threading.Thread(target=_stop_once, args=(search, lambda: len(made.asked) > 21), daemon=True).start()
            assert search.run().outcome.reason == "interrupted"
            late.set()
        spent = committed(search)
    assert spent["calls"] == len(made.asked)
    subprocess.run(["git", "clone", "-q", str(run), str(tmp_path / "clone")], check=True)
    with Search.resume(tmp_path / "clone") as search:
        assert committed(search)["calls"] == spent["calls"]


def _stop_once(search: Search, there: Callable[[], bool]) -> None:
    while not there():
        time.sleep(0.01)
    search.stop()


def committed(search: Search) -> dict[str, int]:
    return {resource: search.evolution.budget.committed(resource) for resource in RESOURCES}


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("[gate]\nalfa = 0.1\n", r"\[gate\] there is no key 'alfa'|alfa"),
        ("[gate]\nalpha = 2.0\n", r"\[gate\] alpha"),
        ("[gate]\ncap = 3\n", r"a cap of 3 pairs does not reach"),
        ("[utility]\nscore = 0.5\n", "weights that add up to 1"),
        ("[evaluator]\nrepeats_most = 9\n[gate]\n", "leave out repeats_most"),
    ],
)
def test_a_gate_that_cannot_be_is_said(tables: str, said: str, tmp_path: Path, service: FakeService) -> None:
    """With table and key, and no run is left."""
    task = write_tasks(tmp_path, tables)
    with pytest.raises(TaskError, match=said):
        searched(task, tmp_path / "run", options(service))
    assert not (tmp_path / "run").exists()


def test_a_gate_is_for_scaffolds(tmp_path: Path, service: FakeService) -> None:
    """Other programs have no fresh instances to be confirmed on; and without a gate nothing is adopted."""
    write_tasks(tmp_path, "")
    with pytest.raises(TaskError, match="for a task with"):
        searched(tmp_path / "better", tmp_path / "run", options(service, proposer="adopted"))
    (tmp_path / "near" / "task.toml").write_text("[gate]\n")
    with pytest.raises(TaskError, match=r"neither \[improve\] nor \[solve\]"):
        forms.load(tmp_path / "near")
