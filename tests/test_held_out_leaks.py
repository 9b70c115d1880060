"""Nobody but the evaluator, and the one line of the journal that reports it, ever has what is held out.

A whole search runs on a task whose held-out instances, answers and all that is said of them carry canaries. Candidates
take whatever they are given to every place that they can write to, and look for canaries in every place that they can
read; the proposer writes down all that it is offered and told. Then the run goes on, and all it left is looked through.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evolve import journal
from evolve.options import Options
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.search import Search
from evolve.task import Task
from evolve.testing.sandboxes import available
from evolve.types import Sandbox

CANARY = re.compile(r"canary[-]\w+-[0-9a-f]{8}|8675[3]09\d*")
"""What is held out looks like this: texts, and numbers that begin so."""

ANSWERS = {"search": [1.0, 2.0], "held_out": [8675309.25, "canary-answer-0a1b2c3d"]}

EVALUATE = """
import json

ANSWERS = json.load(open("answers.json"))

def instances(split):
    return {"plain": 1} if split == "search" else {"canary-name-0a1b2c3d": "canary-input-0a1b2c3d"}

def evaluate(program, instance, split):
    found = program.call("attack", instance)
    if split == "search":
        return {"score": program.call("value"), "feedback": json.dumps(found), "metrics": {"looked": found["looked"]}}
    print("canary-print-0a1b2c3d")
    return {
        "score": 8675309.5 + program.call("value"),
        "feedback": "canary-feedback-0a1b2c3d",
        "metrics": {"canary-metric-0a1b2c3d": 8675309},
        "measures": {"canary-measure-0a1b2c3d": 8675309},
        "artifacts": {"canary-artifact-0a1b2c3d.txt": "canary-content-0a1b2c3d"},
    }
"""

ATTACK = """
import gc, os, re, sys, tempfile

X = 0.5
CANARY = re.compile(rb"canary[-]\\w+-[0-9a-f]{8}|8675[3]09\\d*")
PLACES = [os.getcwd(), tempfile.gettempdir(), os.path.expanduser("~"), "/tmp", "/var/tmp", "/dev/shm", "/run", "/home",
          "/root", "/work", "/mnt", "/srv", "/opt", "/etc", "/harness"]

def value():
    return X

def attack(instance):
    found, looked, texts = set(), 0, []
    def see(data):
        nonlocal looked
        looked += 1
        found.update(match.decode(errors="replace") for match in CANARY.findall(data))
    for top in dict.fromkeys(PLACES):
        most = looked + 500
        for folder, folders, files in os.walk(top):
            folders[:] = [name for name in folders if name not in {"site-packages", "lib-dynload", "dist-packages"}]
            see(folder.encode(errors="replace"))
            for name in files:
                see(name.encode(errors="replace"))
                try:
                    with open(os.path.join(folder, name), "rb") as file:
                        see(file.read(1 << 16))
                except OSError:
                    pass
            if looked > most:
                break
    for process in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ", "comm", "mounts"):
            try:
                with open(f"/proc/{process}/{name}", "rb") as file:
                    see(file.read(1 << 16))
            except OSError:
                pass
    frame = sys._getframe(1)
    while frame is not None:
        known = {name: value for name, value in frame.f_locals.items() if name not in {"found", "texts"}}
        see(repr(known).encode(errors="replace"))
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)) and thing is not texts:
            for part in list(thing.values() if isinstance(thing, dict) else thing):
                if isinstance(part, (str, bytes)):
                    texts.append(part.encode(errors="replace") if isinstance(part, str) else part)
    see(b" ".join(texts))
    see(repr(instance).encode())
    stash(repr(instance))
    return {"found": sorted(found), "looked": looked}

def stash(text):
    for top in PLACES:
        for folder, folders, _ in os.walk(top):
            try:
                with open(os.path.join(folder, "stash.txt"), "a") as file:
                    file.write(text)
            except OSError:
                pass
            del folders[5:]
"""

RECORDER = '''
from pathlib import Path

from evolve.types import Proposal

LOG = Path(%r)


class Recorder:
    """Proposes the next number, and writes down all that it hears."""

    def __init__(self, regions):
        self.hear("regions", vars(regions))

    def hear(self, what, said):
        with LOG.open("a") as file:
            file.write(f"{what}: {said!r}\\\\n")

    def plan(self, selection, context):
        self.hear("selection", selection)
        self.hear("context", (context.number, context.attempt))
        parent = selection.parents[0]
        text = parent.program.text("program.py").split("\\\\n")
        at = next(place for place, line in enumerate(text) if line.startswith("X = "))
        text[at] = f"X = {context.number + context.attempt / 100}"
        program = parent.program.replace({"program.py": "\\\\n".join(text).encode()})
        return lambda *_: Proposal(program=program, parents=(parent.number,), operator="next", summary="next number")

    def tell(self, trial):
        self.hear("told", trial)
        self.hear("artifacts", dict(trial.evaluation.artifacts))
'''.replace("\\\\n", "\\n")


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task with secrets, and a candidate that is after them."""
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "task.toml").write_text("[evaluator]\ntimeout = 120\ncall_timeout = 60\n")
    (path / "evaluate.py").write_text(EVALUATE)
    (path / "answers.json").write_text(json.dumps(ANSWERS))
    (path / "seed" / "program.py").write_text(ATTACK)
    return path


def texts(run: Path) -> Iterator[tuple[str, str]]:
    """All that a run has left, by where it is, but for the lines of the journal that report held-out scores."""
    objects = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=run, capture_output=True, check=True
    )
    yield "git", objects.stdout.decode(errors="replace")
    for event in journal.read(run / ".evolve" / "journal.jsonl"):
        if event["event"] != "held_out":
            yield f"journal: {event['event']} {event.get('number')}", json.dumps(event)
    for path in run.rglob("*"):
        inside = path.relative_to(run)
        if path.is_file() and inside.parts[0] != ".git" and inside.name != "journal.jsonl":
            yield str(inside), f"{inside} {path.read_bytes().decode(errors='replace')}"


def leaks(run: Path, log: Path) -> dict[str, list[str]]:
    """Canaries, by where they are."""
    everything = [*texts(run), ("what the proposer heard", log.read_text())]
    return {where: found for where, text in everything if (found := CANARY.findall(text))}


@pytest.mark.parametrize("make", [BubblewrapSandbox, DockerSandbox])
def test_what_is_held_out_reaches_nobody(
    task: Path, tmp_path: Path, make: Callable[[], Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the proposer, nor a candidate of a later search, nor a commit, nor the ledger, nor any other file."""
    available(make).close()
    log, run = tmp_path / "heard.txt", tmp_path / "run"
    (tmp_path / "recorder.py").write_text(RECORDER % str(log))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "recorder", raising=False)
    options = Options(proposer="recorder:Recorder", sandbox=make.__name__.removesuffix("Sandbox").lower(), workers=1)
    with Search.start(Task.load(task), run, limits={"trials": 3}, options=options) as search:
        first = search.run()
    for trials in (5, 7):
        with Search.resume(run, limits={"trials": trials}) as search:
            last = search.run()
            history = search.evolution
    assert leaks(run, log) == {}
    events = list(journal.read(run / ".evolve" / "journal.jsonl"))
    held_out = [event for event in events if event["event"] == "held_out"]
    assert len(held_out) == 4, "the seed and three bests were scored on held-out instances"
    assert all(CANARY.search(json.dumps(event["metrics"])) for event in held_out), "there was something to find"
    assert first.held_out_best is not None
    assert last.held_out_best is not None
    assert last.outcome.best.number > first.outcome.best.number
    told = [event for event in events if event["event"] == "told"]
    assert len(told) == history.learners.told == 8
    looks = [event["metrics"]["looked"] for event in told if event["status"] == "ok"]
    assert len(looks) == 8
    assert min(looks) > 100, "the candidates did not look"
    assert len(log.read_text()) > 10_000
    assert '"found": []' in told[-1]["feedback"]
