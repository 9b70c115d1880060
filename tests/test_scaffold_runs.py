"""Runs by a scaffold, and runs that search for a better one: budget, resume, replay, what they keep and hide."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve import forms
from evolve.errors import ModelFault, RunNotFound, TaskError, UnsafeRefused
from evolve.options import Options
from evolve.replaying import replay
from evolve.sandboxes.process import ProcessSandbox
from evolve.scaffolds import read_scaffold
from evolve.scoring import make_evaluator
from evolve.search import Search
from evolve.testing.servers import Asked, FakeService, Served, chat, failure

KEY = "sk-planted-0123456789abcdef"
EVALUATE = """
def evaluate(program, split="search"):
    value = program.call("value")
    wanted = 3.0 if split == "search" else 2.875
    return {"score": -abs(value - wanted), "feedback": f"the {split} split has {wanted}"}
"""
SCAFFOLD = """
FACTOR = 0.5
import http.client, json, os, socket
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["EVOLVE_GATEWAY"])
def propose(parent, context):
    question = {"role": "user", "content": f"trial {context['number']} of {context['task']}?"}
    connection = Connection("gateway")
    request = {"model": context["models"][0], "messages": [question]}
    connection.request("POST", "/v1/chat/completions", json.dumps(request))
    said = json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
    value = parent["files"]["program.py"].rpartition(" ")[2]
    return {"program.py": f"def value():\\n    return {float(value) + FACTOR * float(said)}\\n"}
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a task `near`, a scaffold in `mine`, and a task `better`, whose scaffolds are tried on `near`."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    near, mine, better = (tmp_path / name for name in ("near", "mine", "better"))
    for folder in (near / "seed", mine, better):
        folder.mkdir(parents=True)
    (near / "task.toml").write_text('[task]\ndescription = "Near."\nbest_known = 0.0\n')
    (near / "evaluate.py").write_text(EVALUATE)
    (near / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    (mine / "scaffold.py").write_text(SCAFFOLD)
    (better / "task.toml").write_text(
        '[task]\nseed = "../mine"\neditable = ["scaffold.py"]\n[improve]\ntasks = ["../near"]\ncalls = 3\n'
    )
    return tmp_path


def answer(asked: Asked) -> Served:
    """A number between -1 and 1, the same to the same question."""
    said = int(hashlib.sha256(asked.text.encode()).hexdigest()[:8], 16) / 2**31 - 1.0
    return chat(f"{said:.6f}", usage={"prompt_tokens": len(asked.text.split()), "completion_tokens": 1})


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(answer) as made:
        yield made


def options(service: FakeService, **more: Any) -> Options:
    given: dict[str, Any] = {
        "sandbox": "process",
        "allow_unsafe": True,
        "tuning": "off",
        "workers": 1,
        "calls_in_flight": 1,
        "models": ["fake"],
        "prices": ["1/10"],
        "base_url": service.url,
    }
    return Options(**{**given, **more})


def searched(task: Path, run: Path, given: Options, **limits: float) -> str:
    """A whole run: why it ended."""
    with Search.start(forms.load(task), run, limits=limits, options=given) as search:
        return search.run().outcome.reason


def commits(run: Path) -> list[str]:
    log = ["git", "-C", str(run), "log", "--format=%H %s", "trials"]
    lines = subprocess.run(log, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(line for line in lines if " Ledger" not in line)


def beside(run: Path) -> list[dict[str, Any]]:
    """The transcript of what evaluations asked."""
    return [json.loads(line) for line in (run / ".evolve" / "evaluations.jsonl").read_text().splitlines()]


def test_a_run_by_a_scaffold(tasks: Path, service: FakeService) -> None:
    """It proposes; its calls are the trials', in the transcript and within the budget."""
    run = tasks / "run"
    assert searched(tasks / "near", run, options(service, scaffold=tasks / "mine"), trials=12) == "trials"
    history = evolve.load(run)
    assert [trial.operator for trial in history.order[1:]] == ["scaffold"] * 12
    assert history.trials["calls"].sum() == len(service.asked) == 12
    assert history.best.number > 0
    assert searched(tasks / "near", tasks / "short", options(service, scaffold=tasks / "mine"), calls=5) == "calls"
    assert len(service.asked) == 17


def test_a_run_keeps_the_scaffold_that_it_began_with(
    tasks: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder may go: resume goes on with it, replay proposes the same, and both have one piece's commits."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    whole, halves = tasks / "whole", tasks / "halves"
    given = options(service, scaffold=tasks / "mine")
    searched(tasks / "near", whole, given, trials=8)
    searched(tasks / "near", halves, given, trials=3)
    shutil.rmtree(tasks / "mine")
    with Search.resume(halves, limits={"trials": 8}) as search:
        search.run()
    assert commits(whole) == commits(halves)
    before = len(service.asked)
    differences: list[str] = []
    assert replay(whole, witness=differences.append).told == 9
    assert differences == []
    assert len(service.asked) == before


def test_a_run_of_the_bundled_scaffold(tasks: Path) -> None:
    """By its name, with a model that is simulated."""
    given = Options(
        sandbox="process", allow_unsafe=True, tuning="off", models=["simulated"], scaffold="scaffold", workers=2
    )
    searched(tasks / "near", tasks / "run", given, trials=6)
    notes = [trial.note for trial in evolve.load(tasks / "run").order[1:]]
    assert {note["scaffold"] for note in notes} == {read_scaffold("scaffold").tree[:12]}
    assert "applied" in {note["outcome"] for note in notes}


def test_a_search_for_a_better_scaffold(tasks: Path, service: FakeService) -> None:
    """Each is scored by its searches, whose calls are of the run's budget too; the best of the run can be used next."""
    given = options(service, proposer="evolve.testing.asking:NumberAsker")
    assert searched(tasks / "better", tasks / "run", given, trials=4) == "trials"
    history = evolve.load(tasks / "run")
    told = [trial for trial in history.order if trial.evaluation.score is not None]
    assert len(told) > 1
    for trial in told:
        assert list(trial.evaluation.instances) == ["near"]
        assert trial.evaluation.metrics["calls"] == trial.evaluation.metrics["proposals"] == 3
    asked = {(line["trial"], line["call"]) for line in beside(tasks / "run") if "sent" in line}
    evaluated = sum(trial.evaluation.metrics["calls"] for trial in told)  # type: ignore[misc]
    assert len(asked) == len(service.asked) - history.trials["calls"].sum() > evaluated
    assert read_scaffold(str(tasks / "run")) == history.best.program
    assert searched(tasks / "near", tasks / "next", options(service, scaffold=tasks / "run"), trials=2) == "trials"


def test_the_budget_of_evaluations_is_never_passed_and_nothing_is_asked_twice(
    tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ends in the middle of an evaluation goes on there, and comes to what one piece comes to."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with FakeService(answer) as once, FakeService(answer) as again:
        asker = "evolve.testing.asking:NumberAsker"
        searched(tasks / "better", tasks / "whole", options(once, proposer=asker), trials=3)
        assert searched(tasks / "better", tasks / "parts", options(again, proposer=asker), trials=3, calls=5) == "calls"
        for calls in (6, 8, 9, 1000):
            with Search.resume(tasks / "parts", limits={"calls": calls}) as search:
                search.run()
                assert search.evolution.budget.committed("calls") == len(again.asked) <= calls
        assert len(once.asked) == len(again.asked)
    assert commits(tasks / "whole") == commits(tasks / "parts")


def test_a_service_that_fails_is_never_a_score(tasks: Path) -> None:
    """The run stops in the middle of an evaluation, and can be resumed."""

    wrong = {"key"}

    def answered(asked: Asked) -> Served:
        return failure(401, "bad key") if asked.number >= 5 and wrong else answer(asked)

    with FakeService(answered) as service:
        given = options(service, proposer="evolve.testing.asking:NumberAsker")
        with Search.start(forms.load(tasks / "better"), tasks / "run", limits={"trials": 2}, options=given) as search:
            search.evolution.patience = (0.01,)
            with pytest.raises(ModelFault):
                search.run()
        wrong.clear()
        with Search.resume(tasks / "run") as search:
            assert search.run().outcome.told == 3
    assert all(trial.evaluation.status != "failed" for trial in evolve.load(tasks / "run").order)


def test_the_evaluator_of_scaffolds_is_pinned(tasks: Path, service: FakeService) -> None:
    """A task that scaffolds are tried on belongs to it, its seed too."""
    given = options(service, proposer="evolve.testing.asking:NumberAsker")
    searched(tasks / "better", tasks / "run", given, trials=1)
    for file, text in (
        ("evaluate.py", EVALUATE.replace("3.0", "3.5")),
        ("seed/program.py", "def value():\n    return 1.5\n"),
    ):
        path = tasks / "near" / file
        before = path.read_text()
        path.write_text(text)
        with pytest.raises(TaskError, match="has changed since"):
            Search.resume(tasks / "run", limits={"trials": 2})
        path.write_text(before)
    with Search.resume(tasks / "run", limits={"trials": 2}) as search:
        search.run()


def test_a_scaffold_finds_no_key_and_nothing_held_out(tasks: Path, service: FakeService) -> None:
    """Of all that it can see and is told, it puts everything into what it proposes, and the run has neither."""
    (tasks / "mine" / "scaffold.py").write_text(
        SCAFFOLD
        + """
def everything(parent, context):
    seen = [dict(os.environ), open("/proc/self/environ").read(), parent, context]
    seen += [open("scaffold.py").read(), os.listdir(), os.listdir("..")]
    raise ValueError(repr(seen))
simple = propose
def propose(parent, context):
    return everything(parent, context) if context["number"] % 2 else simple(parent, context)
"""
    )
    searched(tasks / "near", tasks / "by", options(service, scaffold=tasks / "mine"), trials=6)
    searched(tasks / "better", tasks / "of", options(service, scaffold=tasks / "mine"), trials=2)
    said = 0
    for run in (tasks / "by", tasks / "of"):
        for path in run.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert KEY.encode() not in content, path
                assert b"the held_out split" not in content or path.name == "journal.jsonl", path
                said += b"EVOLVE_GATEWAY" in content and path.name == "journal.jsonl"
        for trial in evolve.load(run).order:
            assert "held_out" not in trial.evaluation.feedback
    assert said == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scaffold": "nowhere"}, "there is no run 'nowhere'"),
        ({"scaffold": "near"}, "holds no scaffold: there is no scaffold.py"),
        ({"scaffold": "mine", "proposer": "mix"}, "a scaffold proposes, or 'mix' does"),
        ({"proposer": "scaffold"}, "needs one: give its folder"),
        ({"scaffold": "mine", "models": [], "prices": [], "base_url": None}, "asks models, and there are none"),
        ({"scaffold": 7}, "the path of a folder"),
        ({"scaffold": "mine", "allow_unsafe": False}, "written by a model"),
    ],
)
def test_what_cannot_be_is_said_before_anything_begins(
    given: dict[str, Any], said: str, tasks: Path, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the way out; and no run is left."""
    monkeypatch.chdir(tasks)
    with pytest.raises((TaskError, RunNotFound, UnsafeRefused), match=said):
        searched(tasks / "near", tasks / "run", options(service, **given), trials=1)
    assert not (tasks / "run").exists()
    assert service.asked == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[improve]\ncalls = 3\n", r"\[improve\]: tasks is missing"),
        ('[improve]\ntasks = ["../far"]\n', "there is no task '../far'"),
        ('[improve]\ntasks = ["tour"]\n', "'tour' has no best_known"),
        ('[improve]\ntasks = ["scaffold"]\n', "is a task for scaffolds itself"),
        ('[improve]\ntasks = ["../near"]\nheld_out = ["../near"]\n', "a task stands twice"),
        ('[improve]\ntasks = ["../near"]\n[evaluator]\ncommand = ["x"]\n', "scaffolds have another evaluator"),
        ('[improve]\ntasks = ["../near"]\n[solve]\nbenchmark = "../near"\n', "leave one of them"),
        ("[solve]\neach = 3\n", r"\[solve\]: benchmark is missing"),
        ('[solve]\nbenchmark = "agent"\n', "is a task for scaffolds itself"),
        ('[improve]\ntasks = ["../near"]\n[evaluator]\ncache = true\n', "depends on what models answer"),
    ],
)
def test_a_task_of_scaffolds_says_what_is_wrong(table: str, said: str, tasks: Path) -> None:
    """When it is loaded, with file and key."""
    (tasks / "better" / "task.toml").write_text('[task]\nseed = "../mine"\n' + table.replace("[task]\n", ""))
    with pytest.raises(TaskError, match=said):
        forms.load(tasks / "better")


def test_scaffolds_are_scored_where_there_are_models(tasks: Path) -> None:
    """A search without one says so, and a verb that asks none."""
    with pytest.raises(TaskError, match="which ask models: name one with --model"):
        searched(tasks / "better", tasks / "run", Options(sandbox="process"), trials=1)
    sandbox = ProcessSandbox()
    with pytest.raises(TaskError, match=r"evolve run .* --model NAME"):
        make_evaluator(forms.load(tasks / "better"), sandbox)
    sandbox.close()


def test_a_search_for_a_better_agent(tasks: Path, service: FakeService) -> None:
    """Its score is what it solves of a benchmark; one without folders is none."""
    many, agent = tasks / "many", tasks / "agent"
    for folder in "abcdef":
        (many / "seed" / folder).mkdir(parents=True)
        (many / "seed" / folder / "__init__.py").write_text("def answer():\n    return 0.5\n")
    agent.mkdir()
    (many / "task.toml").write_text('[task]\ndescription = "Answer 1."\n')
    (many / "evaluate.py").write_text(
        "def evaluate(program):\n"
        "    found = {name: float(program.call(f'{name}:answer') > 0.5) for name in 'abcdef'}\n"
        "    return {'score': sum(found.values()), 'instances': found}\n"
    )
    (agent / "task.toml").write_text('[task]\nseed = "../mine"\n[solve]\nbenchmark = "../many"\neach = 3\n')
    text = SCAFFOLD.replace("propose(parent, context)", "solve(context)").replace(
        "trial {context['number']}", "{context['seed']}"
    )
    before, _, _ = text.partition("    value = ")
    (tasks / "mine" / "scaffold.py").write_text(
        f"{before}    (path,) = context['files']\n"
        "    return {path: f'def answer():\\n    return {FACTOR + float(said)}\\n'}\n"
    )
    given = options(service, proposer="evolve.testing.asking:NumberAsker")
    assert searched(agent, tasks / "run", given, trials=3) == "trials"
    history = evolve.load(tasks / "run")
    scored = [trial for trial in history.order if trial.evaluation.score is not None]
    assert len(scored) > 1
    assert all(trial.evaluation.metrics["calls"] == len(trial.evaluation.instances) == 3 for trial in scored)
    assert 0.0 < max(trial.evaluation.score or 0.0 for trial in scored) <= 1.0
    (agent / "task.toml").write_text('[task]\nseed = "../mine"\n[solve]\nbenchmark = "../near"\n')
    with pytest.raises(TaskError, match=r"\[solve\] benchmark: near has 0 folders"):
        searched(agent, tasks / "none", given, trials=1)
    assert not (tasks / "none").exists()


def test_an_adopted_scaffold_comes_before_the_best(tasks: Path) -> None:
    """Of a run, or of a clone of one; a folder is taken as it is."""
    run = tasks / "adopted"
    shutil.copytree(tasks / "mine", run)
    git = ["git", "-C", str(run), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (run / ".evolve").mkdir()
    for name, factor in (("best", "0.5"), ("adopted", "0.25")):
        (run / "scaffold.py").write_text(SCAFFOLD.replace("0.5", factor))
        if name == "best":
            subprocess.run([*git, "init", "--quiet", "-b", "best"], check=True)
        else:
            subprocess.run([*git, "checkout", "--quiet", "-b", "adopted"], check=True)
        subprocess.run([*git, "add", "scaffold.py"], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", name], check=True)
    assert b"FACTOR = 0.25" in read_scaffold(str(run)).files["scaffold.py"]
    clone = tasks / "clone"
    subprocess.run(["git", "clone", "--quiet", "-b", "best", str(run), str(clone)], check=True)
    assert b"FACTOR = 0.25" in read_scaffold(str(clone)).files["scaffold.py"]
    subprocess.run([*git, "checkout", "--quiet", "best"], check=True)
    subprocess.run([*git, "branch", "--quiet", "-D", "adopted"], check=True)
    assert b"FACTOR = 0.5" in read_scaffold(str(run)).files["scaffold.py"]
    assert read_scaffold(str(tasks / "mine")).files.keys() == {"scaffold.py"}
    (tasks / "mine" / "data.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(TaskError, match=r"data\.bin is no UTF-8 text"):
        read_scaffold(str(tasks / "mine"))
