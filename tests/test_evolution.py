from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evolve import journal
from evolve.archives.top import Top
from evolve.errors import RunDamaged, SandboxFault, SeedError
from evolve.regions import Regions
from evolve.run import Run
from evolve.testing.fakes import FunctionEvaluator, NumberProposer, number_program, number_score
from evolve.testing.moody import moody_settings
from evolve.testing.searches import open_evolution
from evolve.types import Context, Evaluation, Plan, Program, Proposal, Selection, Status, Trial

ROOT = Path(__file__).parent.parent


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


def told(path: Path) -> list[Mapping[str, object]]:
    return [event for event in journal.read(path / ".evolve" / "journal.jsonl") if event["event"] == "told"]


def refs(path: Path) -> str:
    return git(path, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")


def check_whole(path: Path, trials: int, best: Trial | None = None) -> None:
    """Every trial once, each a commit reachable from the ledger, the best branch at the best one."""
    events = told(path)
    assert sorted(int(str(event["number"])) for event in events) == list(range(trials + 1))
    assert git(path, "fsck", "--strict", "--no-dangling") == ""
    numbers = git(path, "log", "--format=%(trailers:key=Trial,valueonly,separator=)", "trials").split()
    assert sorted(map(int, numbers)) == list(range(trials + 1))
    if best is None:
        expected = max(events, key=lambda event: float(str(event.get("score", "-inf"))))["number"]
    else:  # where trials raced, scores do not tell
        expected = best.number
    assert git(path, "log", "-1", "--format=%(trailers:key=Trial,valueonly,separator=)", "best") == str(expected)
    assert git(path, "status", "--porcelain") == ""


def test_a_search_improves_the_seed_and_keeps_every_trial(tmp_path: Path) -> None:
    """The budget is kept to the trial, and the work tree is the best program."""
    with open_evolution(tmp_path / "run", trials=120) as evolution:
        outcome = evolution.run()
        assert evolution.budget.spent["trials"] == 120
    assert outcome.reason == "trials"
    assert outcome.best.fitness is not None
    assert outcome.best.fitness > -0.5 > -3.0 == outcome.seed.fitness
    check_whole(tmp_path / "run", 120)
    assert (tmp_path / "run" / "program.py").read_bytes() == outcome.best.program.files["program.py"]


def test_the_same_seed_gives_the_same_commits(tmp_path: Path) -> None:
    """With one trial at a time nothing but the seed decides."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with open_evolution(tmp_path / name, trials=70, seed=seed) as evolution:
            evolution.run()
    assert refs(tmp_path / "a") == refs(tmp_path / "b") != refs(tmp_path / "c")


@pytest.mark.parametrize(
    ("kind", "workers", "kills", "trials"),
    [
        ("plain", 1, 25, 1000),
        ("plain", 3, 25, 1000),
        ("moody", 1, 10, 250),
        ("moody", 4, 15, 400),
        ("races", 4, 15, 250),
        ("tuned", 1, 8, 250),
        ("tuned", 3, 8, 250),
    ],
)
def test_a_run_killed_anywhere_goes_on_as_if_nothing_had_happened(
    kind: str, workers: int, kills: int, trials: int, tmp_path: Path
) -> None:
    """`kill -9` at random moments: no trial is lost or doubled, and with one worker even the commits are the same."""
    path = tmp_path / "run"
    command = [sys.executable, "-m", "evolve.testing.searches", str(path), str(trials), str(workers), kind]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    moments = random.Random(workers)
    best, killed = -float("inf"), 0
    for _ in range(kills):
        process = subprocess.Popen(command, env=environment)
        # at a random size of the journal, so that every session gets somewhere, and then at any point of a trial
        try:
            wait_for_growth(process, path / ".evolve" / "journal.jsonl", moments.randrange(300 * trials // kills))
            time.sleep(moments.random() * 0.01)
        finally:
            process.kill()
            process.wait()
        if process.returncode != -signal.SIGKILL:  # on a busy machine it may be over before
            break
        killed += 1
        if kind != "races":
            scores = [float(str(event.get("score", "-inf"))) for event in told(path)]
            assert max(scores, default=best) >= best
            best = max(scores, default=best)
    assert killed >= 3
    subprocess.run(command, env=environment, check=True)
    settings = {} if kind == "plain" else moody_settings(races=kind == "races", tuned=kind == "tuned")
    with open_evolution(path, **settings) as evolution:
        spent, outstanding = evolution.budget.spent, paid_for(path)
        assert spent["trials"] == trials
        assert spent["evaluations"] == sum(evaluations(event) for event in told(path))
        assert {name: evolution.budget.committed(name) for name in outstanding} == outstanding
        assert evolution.best is not None
        # what is tuned counts apart
        assert (evolution.learners.tuned > 20) == (kind == "tuned")
        check_whole(path, evolution.learners.told - 1, evolution.best)
    if workers == 1:
        whole = tmp_path / "whole"
        subprocess.run([*command[:3], str(whole), *command[4:]], env=environment, check=True)
        assert refs(path) == refs(whole)


def test_what_a_person_does_between_kills_is_kept(tmp_path: Path) -> None:
    """Their commits on branch best get branches of their own, and the run has the commits that it would have had."""
    trials, path = 400, tmp_path / "run"
    command = [sys.executable, "-m", "evolve.testing.searches", str(path), str(trials)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    moments, mine = random.Random(0), []
    for number in range(6):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            wait_for_growth(process, path / ".evolve" / "journal.jsonl", moments.randrange(5_000, 12_000))
        finally:
            process.kill()
            process.wait()
        if process.returncode != -signal.SIGKILL:  # on a busy machine it may be over before
            break
        Run.open(path).close()  # waits until the git process of the killed session has ended
        (path / f"note-{number}.txt").write_text("mine\n")
        git(path, "add", f"note-{number}.txt")
        git(path, *["-c", "user.name=me", "-c", "user.email=me@localhost", "commit", "-q", "-m", "mine"])
        mine.append(git(path, "rev-parse", "HEAD"))
    assert len(mine) >= 2
    subprocess.run(command, env=environment, check=True)
    subprocess.run([*command[:3], str(tmp_path / "whole"), str(trials)], env=environment, check=True)
    check_whole(path, trials)
    for branch in ("best", "trials"):
        assert git(path, "rev-parse", branch) == git(tmp_path / "whole", "rev-parse", branch)
    kept = git(path, "log", "--format=%H", "--branches=kept/*").split()
    assert set(mine) <= set(kept)


def evaluations(told: Mapping[str, object]) -> int:
    unevaluated = told["status"] in {Status.REJECTED, Status.DUPLICATE}
    return 0 if unevaluated else int(str(told.get("evaluations", 1)))


def paid_for(path: Path) -> dict[str, int]:
    """What the transcript says that calls took; those without an answer as much as they could have."""
    calls: dict[tuple[int, int], Mapping[str, int]] = {}
    transcript = path / ".evolve" / "transcript.jsonl"
    for line in transcript.read_text().splitlines() if transcript.exists() else ():
        said = json.loads(line)
        key = said["trial"], said["call"]
        assert ("most" in said) == (key not in calls), "a call was made twice"
        calls[key] = said["most"] if "most" in said else said["reply"]["usage"]
    names = ("calls", "nanodollars")
    return {name: sum(usage.get(name, 0) for usage in calls.values()) for name in names}


def wait_for_growth(process: subprocess.Popen[bytes], file: Path, size: int) -> None:
    """Until the file is so many bytes longer than now, or the process is over; the file may not be there yet."""
    start = file.stat().st_size if file.exists() else 0
    deadline = time.monotonic() + 300
    while (file.stat().st_size if file.exists() else 0) <= start + size and process.poll() is None:
        assert time.monotonic() < deadline, "the run does not get anywhere"
        time.sleep(0.001)


def test_resume_goes_on_to_a_new_limit(tmp_path: Path) -> None:
    """And the archive and the proposer know all that was told before."""
    path = tmp_path / "run"
    with open_evolution(path, trials=30) as evolution:
        first = evolution.run()
    proposer = NumberProposer()
    with open_evolution(path, trials=60, proposer=proposer) as evolution:
        assert evolution.best is not None
        assert evolution.best.number == first.best.number
        assert proposer.told == list(range(31))
        evolution.run()
    check_whole(path, 60)


def test_a_finished_run_resumed_without_a_new_limit_does_nothing(tmp_path: Path) -> None:
    """The same commits, and no evaluation."""
    with open_evolution(tmp_path / "run", trials=20) as evolution:
        evolution.run()
    before, evaluator = refs(tmp_path / "run"), FunctionEvaluator()
    with open_evolution(tmp_path / "run", evaluator=evaluator) as evolution:
        assert evolution.run().reason == "trials"
    assert refs(tmp_path / "run") == before
    assert evaluator.evaluated == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clone_without_the_engines_state_continues(tmp_path: Path, workers: int) -> None:
    """The commits alone hold what resume needs: programs, scores, budget, order."""
    with open_evolution(tmp_path / "run", trials=70, workers=workers, in_flight=workers) as evolution:
        evolution.run()
        spent = dict(evolution.budget.spent)
    git(tmp_path, "clone", "-q", f"file://{tmp_path}/run", "clone")
    with open_evolution(tmp_path / "clone", trials=110) as evolution:
        assert evolution.budget.spent == spent
        evolution.run()
    check_whole(tmp_path / "clone", 110)
    assert git(tmp_path / "clone", "log", "--format=%h", "trials~1") == git(
        tmp_path / "run", "log", "--format=%h", "trials"
    )
    with open_evolution(tmp_path / "run", trials=110) as evolution:
        evolution.run()
    if workers == 1:
        assert refs(tmp_path / "clone") == refs(tmp_path / "run")


class _Scripted:
    """Proposes the programs of a list, by trial number."""

    def __init__(self, programs: Mapping[int, Program]) -> None:
        self.programs = programs

    def plan(self, selection: Selection, context: Context) -> Plan:
        program = self.programs[min(context.number, len(self.programs))]
        parents = (selection.parents[0].number,)
        return lambda: Proposal(program=program, parents=parents, operator="script", summary="scripted")

    def tell(self, trial: Trial) -> None:
        pass


def test_a_program_is_never_evaluated_twice(tmp_path: Path) -> None:
    """Not the same bytes, and not the same program formatted otherwise; the trial says which one it repeats."""
    programs = {
        1: Program({"program.py": b"x = 2.0\n"}),
        2: Program({"program.py": b"x   =  2.0   # the same\n"}),
        3: Program({"program.py": b"x = 2.5\n"}),
    }
    evaluator, trials = FunctionEvaluator(), list[Trial]()
    with open_evolution(
        tmp_path / "run", trials=3, proposer=_Scripted(programs), evaluator=evaluator, on_trial=trials.append
    ) as evolution:
        evolution.run()
        assert evolution.budget.spent["evaluations"] == 3
    assert [(t.number, t.evaluation.status, t.duplicate_of) for t in trials] == [
        (0, Status.OK, None), (1, Status.OK, None), (2, Status.DUPLICATE, 1), (3, Status.OK, None)
    ]  # fmt: skip
    assert len(evaluator.evaluated) == 3
    events = [event["event"] for event in journal.read(tmp_path / "run" / ".evolve" / "journal.jsonl")]
    assert events.count("duplicate") == 7, "a duplicate that cost nothing is drawn again, a bounded number of times"
    check_whole(tmp_path / "run", 3)


def test_an_edit_outside_of_the_region_is_rejected_whoever_made_it(tmp_path: Path) -> None:
    """It is never evaluated, and what it wrote is not in the lineage."""
    seed = Program({"program.py": b"x = 1.0\n# EVOLVE-BLOCK-START\ny = 1\n# EVOLVE-BLOCK-END\n"})
    outside = seed.replace({"program.py": seed.files["program.py"].replace(b"x = 1.0", b"x = 3.0")})
    evaluator, trials = FunctionEvaluator(lambda program: float(len(program.files["program.py"]))), list[Trial]()
    settings = {"seed_program": seed, "regions": Regions(seed), "evaluator": evaluator, "on_trial": trials.append}
    with open_evolution(tmp_path / "run", trials=1, proposer=_Scripted({1: outside}), **settings) as evolution:
        evolution.run()
    assert trials[1].evaluation.status is Status.REJECTED
    assert trials[1].evaluation.feedback
    assert trials[1].program == seed
    assert evaluator.evaluated == [seed.tree]
    check_whole(tmp_path / "run", 1)


def test_what_comes_with_a_rejection_is_not_in_the_lineage(tmp_path: Path) -> None:
    """A proposer that rejects its own change may hand it over all the same; the trial has its parent's program."""

    class Rejecting(NumberProposer):
        def propose(self, selection: Selection, context: Context) -> Proposal:
            return replace(super().propose(selection, context), rejected="on second thoughts")

    trials = list[Trial]()
    with open_evolution(tmp_path / "run", trials=2, proposer=Rejecting(), on_trial=trials.append) as evolution:
        evolution.run()
    assert [trial.evaluation.status for trial in trials] == [Status.OK, Status.REJECTED, Status.REJECTED]
    assert all(trial.program == number_program(0.0) for trial in trials)
    check_whole(tmp_path / "run", 2)


def test_a_fault_is_tried_again_and_is_never_a_score(tmp_path: Path) -> None:
    """Every third evaluation fails for reasons of its surroundings; no trial shows it."""
    calls = iter(range(10**6))

    def flaky(program: Program) -> float:
        if next(calls) % 3 == 0:
            raise SandboxFault("the daemon went away")
        return number_score(program)

    trials = list[Trial]()
    settings = {"evaluator": FunctionEvaluator(flaky), "patience": (0.0,) * 3, "on_trial": trials.append}
    with open_evolution(tmp_path / "run", trials=30, **settings) as evolution:
        evolution.run()
    assert {trial.evaluation.status for trial in trials} == {Status.OK}
    check_whole(tmp_path / "run", 30)


def test_a_lasting_fault_stops_the_run_which_resumes(tmp_path: Path) -> None:
    """The trial in flight is neither lost nor scored, and goes on where it was."""
    broken = threading.Event()

    def evaluate(program: Program) -> float:
        if broken.is_set():
            raise SandboxFault("the daemon is gone")
        return number_score(program)

    def after(trial: Trial) -> None:
        if trial.number == 10:
            broken.set()

    path = tmp_path / "run"
    settings = {"evaluator": FunctionEvaluator(evaluate), "patience": (0.0,), "on_trial": after}
    with open_evolution(path, trials=20, **settings) as evolution, pytest.raises(SandboxFault):
        evolution.run()
    assert [event["number"] for event in told(path)] == list(range(11))
    with open_evolution(path, trials=20) as evolution:
        evolution.run()
    check_whole(path, 20)
    with open_evolution(tmp_path / "whole", trials=20) as evolution:
        evolution.run()
    assert git(path, "rev-parse", "best") == git(tmp_path / "whole", "rev-parse", "best")


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMEOUT, Status.INVALID])
def test_a_seed_without_a_score_ends_the_run_with_its_feedback(tmp_path: Path, status: Status) -> None:
    """There is nothing to improve on."""
    evaluator = FunctionEvaluator(lambda _: Evaluation(status=status, feedback="the reason"))
    with (
        open_evolution(tmp_path / "run", trials=5, evaluator=evaluator) as evolution,
        pytest.raises(SeedError, match="the reason"),
    ):
        evolution.run()


def test_a_fault_while_the_seed_is_scored_says_so_and_the_run_resumes(tmp_path: Path) -> None:
    """There is no best program yet, and nothing else comes of that."""

    def broken(_program: Program) -> float:
        raise SandboxFault("the daemon is gone")

    settings = {"evaluator": FunctionEvaluator(broken), "patience": ()}
    for _ in range(2):
        with (
            open_evolution(tmp_path / "run", trials=5, **settings) as evolution,
            pytest.raises(SandboxFault, match="the daemon is gone"),
        ):
            evolution.run()
    with open_evolution(tmp_path / "run", trials=5) as evolution:
        evolution.run()
    check_whole(tmp_path / "run", 5)


def test_a_run_killed_while_its_seed_was_scored_goes_on(tmp_path: Path) -> None:
    """The journal then holds the seed's program and nothing told."""
    path = tmp_path / "run"
    with open_evolution(path, trials=5) as evolution:
        evolution.run()
    file = path / ".evolve" / "journal.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: next(i for i, line in enumerate(lines) if '"told"' in line)]))
    shutil.rmtree(path / ".git")
    (path / "program.py").unlink()
    with open_evolution(path, trials=5) as evolution:
        evolution.run()
    check_whole(path, 5)


def test_a_run_that_lost_its_journal_is_made_again_from_its_commits(tmp_path: Path) -> None:
    """Starting over would throw the lineage away."""
    path = tmp_path / "run"
    with open_evolution(path, trials=30) as evolution:
        evolution.run()
    before = refs(path)
    (path / ".evolve" / "journal.jsonl").unlink()
    with open_evolution(path, trials=30) as evolution:
        assert evolution.run().told == 31
    assert refs(path) == before


def test_stop_ends_soon_and_leaves_what_is_in_flight_for_later(tmp_path: Path) -> None:
    """A hanging evaluation does not hold the engine."""
    hangs, release = threading.Event(), threading.Event()

    def slow(program: Program) -> float:
        if program != number_program(0.0):
            hangs.set()
            release.wait(300)
        return number_score(program)

    path = tmp_path / "run"
    settings = {"evaluator": FunctionEvaluator(slow), "workers": 2, "in_flight": 2}
    with open_evolution(path, trials=20, **settings) as evolution:

        def stop() -> None:
            hangs.wait(300)
            evolution.stop("interrupted")

        stopper = threading.Thread(target=stop)
        stopper.start()
        begun = time.monotonic()
        assert evolution.run().reason == "interrupted"
        assert time.monotonic() - begun < 200
        stopper.join()
    release.set()
    with open_evolution(path, trials=20) as evolution:
        evolution.run()
    check_whole(path, 20)


def test_the_time_limit_ends_the_run(tmp_path: Path) -> None:
    """And counts on over a resume."""

    def slow(program: Program) -> float:
        time.sleep(0.05)
        return number_score(program)

    with open_evolution(tmp_path / "run", evaluator=FunctionEvaluator(slow)) as evolution:
        evolution.budget.seconds = 2.0
        outcome = evolution.run()
    assert outcome.reason == "seconds"
    assert 1 < outcome.told < 45
    with open_evolution(tmp_path / "run") as evolution:
        assert evolution.budget.elapsed >= 0.5
        assert evolution.run().told == outcome.told


class _Lanes:
    """Two lanes, and memory for one trial."""

    def __init__(self) -> None:
        self.best: Trial | None = None

    def tell(self, trial: Trial) -> None:
        if self.best is None or (trial.fitness or -9) > (self.best.fitness or -9):
            self.best = trial

    def sample(self, rng: object) -> Selection:
        assert self.best is not None
        return Selection(parents=(self.best,), lane="even" if self.best.number % 2 == 0 else "odd")


class _Stalls(Top):
    """Says after some trials that nothing helps."""

    told = 0

    @property
    def stalled(self) -> str:
        return "nothing helps" if self.told >= 20 else ""

    def tell(self, trial: Trial) -> None:
        self.told += 1
        super().tell(trial)


@pytest.mark.parametrize("stop", [False, True])
def test_a_stall_is_said_and_may_end_the_search(tmp_path: Path, stop: bool) -> None:
    """Once; a session that goes on says it again, and ends at once if that was the wish."""
    for told in (21, 21) if stop else (41, 61):
        said: list[str] = []
        with open_evolution(
            tmp_path / "run", trials=told - 1, archive=_Stalls(), stop_when_stalled=stop, on_stall=said.append
        ) as evolution:
            evolution.budget.limits = {"trials": 100 if stop else told - 1}
            outcome = evolution.run()
        assert said == ["nothing helps"]
        assert outcome.reason == ("the search stalls: nothing helps" if stop else "trials")
        assert outcome.told == (20 if stop else told)


def test_a_clone_continues_though_parents_are_forgotten(tmp_path: Path) -> None:
    """With several workers a parent may have left the archive by the time its child is told."""
    path, scores = tmp_path / "run", itertools.count()
    evaluator = FunctionEvaluator(lambda _: float(next(scores)))  # each trial takes the place of its parent
    settings: dict[str, Any] = {"evaluator": evaluator, "archive": _Lanes(), "workers": 3, "in_flight": 4}
    with open_evolution(path, trials=80, **settings) as evolution:
        evolution.run()
        spent = dict(evolution.budget.spent)
    git(tmp_path, "clone", "-q", f"file://{path}", "clone")
    settings |= {"archive": _Lanes()}
    with open_evolution(tmp_path / "clone", trials=90, **settings) as evolution:
        assert evolution.budget.spent == spent
        assert journal.unfinished(tmp_path / "clone" / ".evolve" / "journal.jsonl") == frozenset()
        evolution.run()
    check_whole(tmp_path / "clone", 90)


def test_each_lane_has_a_branch_at_its_best(tmp_path: Path) -> None:
    """An archive with parts names them in its selections."""

    with open_evolution(tmp_path / "run", trials=60, archive=_Lanes()) as evolution:
        evolution.run()
    form = "%(refname:short) %(trailers:key=Lane,valueonly,separator=)"
    assert git(tmp_path / "run", "for-each-ref", f"--format={form}", "refs/heads/lane").split("\n") == [
        "lane/even even", "lane/odd odd"
    ]  # fmt: skip


def test_the_journal_outlives_the_repository(tmp_path: Path) -> None:
    """Git follows from the journal: with .git gone, resume makes every commit again."""
    path = tmp_path / "run"
    with open_evolution(path, trials=60) as evolution:
        evolution.run()
    before = refs(path)
    shutil.rmtree(path / ".git")
    (path / "program.py").unlink()
    with open_evolution(path) as evolution:
        evolution.run()
    assert refs(path) == before
    check_whole(path, 60)


def test_a_journal_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """A trial asked for with a parent that never was."""
    path = tmp_path / "run"
    with open_evolution(path, trials=2) as evolution:
        evolution.run()
    with (path / ".evolve" / "journal.jsonl").open("a") as file:
        file.write('{"event":"asked","number":9,"parents":[77]}\n')
    with pytest.raises(RunDamaged, match="no archive holds"), open_evolution(path):
        pass


FULL_DISK = """
set -eu
mount -t tmpfs -o size=40m tmpfs "$1"
cd "$1"
head -c 41000000 /dev/zero > ballast
"$2" -m evolve.testing.searches run "$5" 2 "$4" 2> "$3" && exit 9
tail -n 1 "$3"
rm ballast
"$2" -m evolve.testing.searches run "$5" 2 "$4"
git -C run fsck --strict --no-dangling
git -C run log --format='%(trailers:key=Trial,valueonly,separator=)' trials | grep -c .
"""


@pytest.mark.parametrize(("kind", "trials"), [("plain", 4000), ("moody", 1500)])
def test_a_full_disk_stops_the_run_with_a_clear_error_and_loses_nothing(kind: str, trials: int, tmp_path: Path) -> None:
    """A real one, in a mount namespace of its own; with room made, the run goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [
        "unshare",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        FULL_DISK,
        "sh",
        str(disk),
        sys.executable,
        str(tmp_path / "said"),
        kind,
        str(trials),
    ]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    if "unshare" in done.stderr and not os.environ.get("CI"):
        pytest.skip(f"no mount namespace to be had here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    error, count = done.stdout.splitlines()
    assert error.startswith("evolve.errors.StorageError")
    assert "make room, then resume" in error
    assert count == str(trials + 1)
