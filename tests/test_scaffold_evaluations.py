"""Scaffolds that ask what programs would score: their lease, the run's budget, kills, resume and replay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve import forms
from evolve.errors import TaskError
from evolve.folders import read_folder
from evolve.options import Options
from evolve.replaying import replay
from evolve.resources import bundled
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.search import Search
from evolve.testing.sandboxes import available
from evolve.types import Sandbox

GATEWAY = read_folder(bundled("seeds") / "scaffold").files["gateway.py"].decode()
HELD_OUT = "only the held_out split says this"
NOTE = "this is for people"
EVALUATE = f"""
def evaluate(program, split="search"):
    value = program.call("value")
    if split == "held_out":
        return {{"score": -abs(value - 2.875), "feedback": "{HELD_OUT}"}}
    return {{
        "score": -abs(value - 3.0),
        "feedback": f"{{value:.2f}} is off",
        "instances": {{"one": value}},
        "artifacts": {{"private/note.txt": "{NOTE}"}},
    }}
"""
CLIMB = """
import random
from gateway import NoAnswer, evaluate

def program(value):
    return {"program.py": f"def value():\\n    return {value!r}\\n"}

def propose(parent, context):
    dice, before = random.Random(context["seed"]), float(parent["files"]["program.py"].rpartition(" ")[2])
    tried, said = [], ""
    for number in range(10):
        value = round(before + dice.uniform(-1.0, 1.0), 6)
        try:
            found = evaluate(program(value))
        except NoAnswer as no:
            said = str(no)
            break
        tried.append((found["score"], value))
        assert sorted(found) == ["feedback", "instances", "metrics", "score", "status"], found
        assert found["feedback"] == f"{value:.2f} is off" and found["instances"] == [f"one {value:.6g}"], found
    assert "lease_exhausted" in said, said
    return program(max(tried)[1] if tried else before + 0.25)
"""
QUICK = "[evaluator]\ncall_timeout = 20.0\n"


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """A folder with a task `near`, a scaffold in `mine`, and a task `better`, whose scaffolds are tried on `near`."""
    near, better = tmp_path / "near", tmp_path / "better"
    (near / "seed").mkdir(parents=True)
    better.mkdir()
    (near / "task.toml").write_text(
        '[task]\ndescription = "Near."\nbest_known = 0.0\n[search]\nevaluations_asked = 3\n' + QUICK
    )
    (near / "evaluate.py").write_text(EVALUATE)
    (near / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    (better / "task.toml").write_text(
        '[task]\nseed = "../mine"\n[improve]\ntasks = ["../near"]\ncalls = 2\nevaluations = 3\n' + QUICK
    )
    scaffold(tmp_path, CLIMB)
    return tmp_path


def scaffold(folder: Path, text: str) -> None:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "gateway.py").write_text(GATEWAY)
    (folder / "mine" / "scaffold.py").write_text(text)


def options(tasks: Path, **more: Any) -> Options:
    given: dict[str, Any] = {
        "sandbox": "process",
        "allow_unsafe": True,
        "tuning": "off",
        "archive": "top",
        "workers": 1,
        "calls_in_flight": 1,
        "models": ["simulated"],
        "scaffold": tasks / "mine",
    }
    return Options(**{**given, **more})


def searched(task: Path, run: Path, given: Options, **limits: float) -> tuple[str, int]:
    """A whole run: why it ended, and the evaluations that it counted."""
    with Search.start(forms.load(task), run, limits=limits, options=given) as search:
        reason = search.run().outcome.reason
        return reason, search.evolution.budget.committed("evaluations")


def commits(run: Path) -> list[str]:
    log = ["git", "-C", str(run), "log", "--format=%H %s", "trials"]
    lines = subprocess.run(log, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(line for line in lines if " Ledger" not in line)


def asked(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / ".evolve" / "transcript.jsonl").read_text().splitlines()]


def test_a_scaffold_asks_what_programs_would_score(tasks: Path) -> None:
    """And proposes the best of them. Each is an evaluation of the run, and its commit says how many there were."""
    run = tasks / "run"
    reason, spent = searched(tasks / "near", run, options(tasks), trials=4)
    history = evolve.load(run)
    assert reason == "trials"
    assert [trial.usage.evaluations for trial in history.order[1:]] == [3] * 4
    assert spent == 1 + 4 * (3 + 1)
    assert history.best.number > 0
    shown = ["git", "-C", str(run), "log", "-1", "--format=%(trailers:key=Evaluations)", "best"]
    assert subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip() == "Evaluations: 3"
    told = (run / ".evolve" / "transcript.jsonl").read_text()
    assert "is off" in told
    assert HELD_OUT not in told
    assert NOTE not in told


def test_a_replay_evaluates_nothing_and_gives_the_same_commits(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With several at a time, too. What the transcript lacks is said, and not made."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    run = tasks / "run"
    searched(tasks / "near", run, options(tasks, workers=2, calls_in_flight=2), trials=4)
    before = (run / ".evolve" / "transcript.jsonl").read_bytes()
    differences: list[str] = []
    again = replay(run, witness=differences.append)
    assert (again.told, differences) == (5, [])
    assert (run / ".evolve" / "transcript.jsonl").read_bytes() == before
    lines = before.splitlines(keepends=True)
    (run / ".evolve" / "transcript.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    replay(run, witness=differences.append)
    assert differences


def test_a_replay_of_a_run_that_spent_all_says_what_differs(tasks: Path) -> None:
    """What is asked otherwise now has no room in the budget."""
    run = tasks / "run"
    reason, _ = searched(tasks / "near", run, options(tasks, scaffold="scaffold"), trials=40, calls=3)
    assert reason == "calls"
    written = asked(run)
    last = max(line["trial"] for line in written)
    for line in written:
        if line["trial"] == last and "hash" in line:
            line["hash"] = line["hash"][::-1]
    transcript = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in written)
    (run / ".evolve" / "transcript.jsonl").write_text(transcript)
    differences: list[str] = []
    replay(run, witness=differences.append)
    assert differences == [f"trial {last}: it asks its model something else now"]


NOISY = """
def evaluate(program, split="search", seed=0):
    value = program.call("value")
    return -abs(value - 3.0) + 0.001 * (seed % 97)
"""
BOLD = """
from gateway import NoAnswer, evaluate
def propose(parent, context):
    before = float(parent["files"]["program.py"].rpartition(" ")[2])
    tried = []
    for number in range(3):
        value = round(before + (context["seed"] % 1000 + number) / 1000 - 0.4, 6)
        try:
            tried.append((evaluate({"program.py": f"def value():\\n    return {value!r}\\n"})["score"], value))
        except NoAnswer:
            break
    return {"program.py": f"def value():\\n    return {max(tried)[1]!r}\\n"}
"""


def test_the_budget_is_used_up_although_races_reserve_more_than_they_take(tasks: Path) -> None:
    """Proposals that ask wait for each other in the end, and one after another goes on with what others give back."""
    task = tasks / "near" / "task.toml"
    task.write_text(task.read_text().replace(QUICK, QUICK + "repeats_most = 8\n"))
    (tasks / "near" / "evaluate.py").write_text(NOISY)
    scaffold(tasks, BOLD)
    given = options(tasks, workers=2, calls_in_flight=4)
    with Search.start(forms.load(tasks / "near"), tasks / "run", limits={"evaluations": 100}, options=given) as search:
        assert search.run().outcome.reason == "evaluations"
        most = search.evolution.reservation["evaluations"]
        assert most > 4
        assert 100 - most <= search.evolution.budget.committed("evaluations") <= 100


def test_the_budget_of_evaluations_is_never_passed(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may end in the middle of a proposal, which a larger one takes up; all comes to what one piece comes to."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert searched(tasks / "near", tasks / "whole", options(tasks), trials=3) == ("trials", 13)
    parts = tasks / "parts"
    reason, spent = searched(tasks / "near", parts, options(tasks), trials=3, evaluations=3)
    assert reason == "evaluations"
    assert spent <= 3
    for limit in (4, 5, 8, 11, 13):
        with Search.resume(parts, limits={"evaluations": limit}) as search:
            search.run()
            assert search.evolution.budget.committed("evaluations") <= limit
    written = asked(parts)
    assert sum("reply" in line for line in written) == 9
    assert len({line["hash"] for line in written if "sent" in line}) == 9
    assert commits(tasks / "whole") == commits(parts)
    clone = tasks / "clone"
    subprocess.run(["git", "clone", "--quiet", str(parts), str(clone)], check=True)
    with Search.resume(clone, limits={"trials": 3}) as search:
        assert search.evolution.budget.spent["evaluations"] == 13


def test_a_kill_loses_no_evaluation_and_makes_none_twice(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it comes: the commits and the budget are those of a run that was never touched."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    searched(tasks / "near", tasks / "whole", options(tasks), trials=4)
    run = tasks / "runs" / "killed"
    given = ["--sandbox", "process", "--allow-unsafe", "--tuning", "off", "--archive", "top", "--workers", "1"]
    given += ["--calls-in-flight", "1", "--model", "simulated", "--scaffold", str(tasks / "mine"), "--trials", "4"]
    arguments = [sys.executable, "-m", "evolve", "run", str(tasks / "near"), "--runs", str(run.parent)]
    arguments += ["--name", run.name, *given, "--quiet"]
    killed, transcript = 0, run / ".evolve" / "transcript.jsonl"
    for lines in (1, 8, 13):  # requests and answers: in the middle of an evaluation, and after one
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            while process.poll() is None and not (
                transcript.exists() and transcript.read_bytes().count(b"\n") >= lines
            ):
                time.sleep(0.002)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
            process.wait()
        arguments = [sys.executable, "-m", "evolve", "resume", str(run), "--quiet", "--json"]
    end = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert end.returncode == 0, end.stderr
    assert killed
    with Search.resume(run) as search:
        assert search.evolution.budget.committed("evaluations") == 1 + 4 * 4
    written = asked(run)
    assert sum("reply" in line for line in written) == 12  # what was lost was made again, and counts once
    assert commits(run) == commits(tasks / "whole")
    differences: list[str] = []
    replay(run, witness=differences.append)
    assert differences == []


HANGS = """
from gateway import evaluate
def propose(parent, context):
    found = evaluate({"program.py": "def value():\\n    while True:\\n        pass\\n"})
    assert (found["status"], found["score"]) == ("timeout", None), found
    return {"program.py": "def value():\\n    return 1.5\\n"}
"""


def test_a_program_that_hangs_is_a_timeout(tasks: Path) -> None:
    """It costs an evaluation, and the scaffold goes on."""
    task = tasks / "near" / "task.toml"
    task.write_text(task.read_text().replace("call_timeout = 20.0", "call_timeout = 5.0"))
    scaffold(tasks, HANGS)
    _, spent = searched(tasks / "near", tasks / "run", options(tasks), trials=1)
    assert spent == 3
    assert evolve.load(tasks / "run").best.evaluation.score == -1.5


HOSTILE = """
import os
from gateway import NoAnswer, evaluate, post

CODES = ("lease_exhausted", "invalid_value", "unsupported_parameter", "request_too_large", "not_found")

def program(value):
    return {"program.py": f"def value():\\n    return {value!r}\\n"}

def said(act, *arguments):
    try:
        return act(*arguments)["status"]
    except NoAnswer as no:
        return next((word for word in CODES if word in str(no)), str(no))
    except OSError:
        return "gone"

def propose(parent, context):
    claims = []
    for files in ({"../../etc/passwd": "x"}, {"/etc/passwd": "x"}, {".git/hooks/x": "x"}, {"program.py/x": "x"},
                  {"program.py": None}, {"program.py": "def ("}, {}, parent["files"]):
        claims.append(said(evaluate, files))
    claims.append(said(post, "/v1/evaluations", {"files": program(1), "split": "held_out"}))
    claims.append(said(post, "/v1/evaluations", {"files": program(1), "task": "tour"}))
    claims.append(said(post, "/v1/evaluations/../../near", {"files": program(1)}))
    claims.append(said(evaluate, {"program.py": "x" * 2**21}))
    children = []
    for child in range(4):
        read, write = os.pipe()
        if os.fork() == 0:
            found = [said(evaluate, program(child * 1000.0 + number)) for number in range(2500)]
            odd = set(found) - {"ok", "lease_exhausted", "gone"}
            os.write(write, f"{found.count('ok')} {len(odd)}".encode())
            os._exit(0)
        os.close(write)
        children.append(read)
    found = [os.read(read, 100).decode().split() for read in children]
    claims.append(f"ok {sum(int(ok) for ok, _ in found)} odd {sum(int(odd) for _, odd in found)}")
    return {"program.py": "def value():\\n    return " + repr(7.0 + context["number"]) + "\\n# " + repr(claims) + "\\n"}
"""
MAKERS: dict[str, Callable[[], Sandbox]] = {
    "docker": DockerSandbox,
    "bubblewrap": BubblewrapSandbox,
    "process": ProcessSandbox,
}


@pytest.fixture(params=MAKERS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each sandbox that works here."""
    made = available(MAKERS[request.param])
    yield made
    made.close()


def test_a_hostile_scaffold_gets_no_more_than_its_lease(tasks: Path, sandbox: Sandbox) -> None:
    """Ten thousand from forked children, files that reach out of the program, another split, another task, too much:
    three are evaluated in each proposal, in every sandbox, and nothing else is said than no."""
    scaffold(tasks, HOSTILE)
    reason, spent = searched(tasks / "near", tasks / "run", options(tasks, sandbox=sandbox), trials=2)
    history = evolve.load(tasks / "run")
    refused = ["invalid_value"] * 8 + ["unsupported_parameter"] * 2 + ["not_found", "request_too_large"]
    for trial in history.order[1:]:
        assert trial.program.text("program.py").splitlines()[-1] == "# " + repr([*refused, "ok 3 odd 0"])
        assert trial.usage.evaluations == 3
    assert (reason, spent) == ("trials", 1 + 2 * (3 + 1))
    assert sum("reply" in line for line in asked(tasks / "run")) == 6


def test_a_nested_search_has_a_lease_of_its_own(tasks: Path) -> None:
    """For all of its proposals together. It is told with what the search came to, and is none of the run's budget."""
    _, spent = searched(tasks / "better", tasks / "run", options(tasks), trials=1)
    first = evolve.load(tasks / "run").order[0].evaluation
    assert first.metrics["evaluations"] == 3
    assert first.metrics["proposals"] == first.metrics["usable"] == 2
    assert "in 0 calls and 3 evaluations that it asked for" in first.feedback
    assert first.score is not None
    assert first.score > 0.0
    assert spent == 1  # the seed alone: what this scaffold makes of itself is rejected


def test_where_programs_are_scaffolds_none_is_lent(tasks: Path) -> None:
    """To score one asks models. A task that wants it says so when it is loaded; by itself a proposal has none."""
    scaffold(
        tasks,
        """
from gateway import NoAnswer, evaluate
def propose(parent, context):
    text = parent["files"].get("scaffold.py")
    if text is None:
        return {"program.py": "def value():" + chr(10) + "    return " + str(1.0 + context["seed"] % 7) + chr(10)}
    assert context["evaluations"] == 0
    try:
        evaluate({"scaffold.py": text + "# more" + chr(10)})
    except NoAnswer as no:
        assert "lease_exhausted" in str(no)
        return {"scaffold.py": text + "# some" + chr(10)}
""",
    )
    searched(tasks / "better", tasks / "run", options(tasks), trials=1)
    assert evolve.load(tasks / "run").order[1].note["outcome"] == "applied"
    task = tasks / "better" / "task.toml"
    task.write_text(task.read_text() + "[search]\nevaluations_asked = 1\n")
    with pytest.raises(TaskError, match="so none is lent"):
        forms.load(tasks / "better")


def test_the_default_leases_are_small() -> None:
    """As the documents tell."""
    settings = forms.load("circle_packing").settings
    assert (settings.search.evaluations_asked, settings.improve.evaluations) == (4, 8)
