"""Whole runs whose proposer asks a model over HTTP: what they may spend, what a kill costs, and where the key goes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve.errors import ModelFault, TaskError, UnsafeRefused
from evolve.options import Options
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.search import Search
from evolve.task import Task
from evolve.testing.sandboxes import available
from evolve.testing.servers import Asked, FakeService, Served, chat, failure, number_answer

KEY = "sk-planted-0123456789abcdef"
ASKER = "evolve.testing.asking:NumberAsker"
EVALUATE = "def evaluate(program):\n    return -abs(program.call('value') - 3.0)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "task.toml").write_text("[evaluator]\ncache = false\n")
    (path / "evaluate.py").write_text(EVALUATE)
    (path / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    return path


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(number_answer) as made:
        yield made


def options(service: FakeService, **more: Any) -> Options:
    given = {
        "sandbox": "process",
        "allow_unsafe": True,
        "proposer": ASKER,
        "models": ["fake"],
        "prices": ["1/10"],
        "tuning": "off",
    }
    return Options(**{**given, "base_url": service.url, "workers": 2, **more})


def transcript(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / ".evolve" / "transcript.jsonl").read_text().splitlines()]


def cost(asked: Asked) -> int:
    """What an answer of `number_answer` to this request costs, in nano-dollars, at 1/10."""
    return 1000 * len(asked.text.split()) + 10_000 * (1 + asked.number % 7)


def test_a_run_asks_its_models(folder: Path, tmp_path: Path, service: FakeService) -> None:
    """Several at a time, by weight; usage is in the trials, all settings but the key in the config."""
    given = options(service, models=["fake=3", "other"], calls_in_flight=4)
    with Search.start(Task.load(folder), tmp_path / "run", limits={"trials": 40}, options=given) as search:
        outcome = search.run().outcome
    assert outcome.told == 41
    history = evolve.load(tmp_path / "run")
    assert history.best.fitness is not None
    assert history.best.fitness > -1.0
    assert history.trials["calls"].sum() == len(service.asked) == 40
    assert round(history.trials["dollars"].sum() * 1e9) == sum(map(cost, service.asked))
    names = [str(asked.document["model"]) for asked in service.asked]
    assert names.count("fake") > names.count("other") > 0
    assert [model["weight"] for model in history.config["models"]] == [3.0, 1.0]
    assert history.config["calls_in_flight"] == 4
    assert service.most <= 4


def test_the_budget_ends_a_run_and_resume_raises_it(folder: Path, tmp_path: Path, service: FakeService) -> None:
    """Dollars, calls and tokens, as new totals; a service that has moved is said once and remembered."""
    with Search.start(Task.load(folder), tmp_path / "run", limits={"calls": 5}, options=options(service)) as search:
        assert search.run().outcome.reason == "calls"
    with Search.resume(tmp_path / "run", limits={"calls": 10**6, "tokens": 10**3}) as search:
        assert search.run().outcome.reason == "tokens"
    with FakeService(number_answer) as moved:
        limits = {"tokens": 10**9, "dollars": 0.01}
        with Search.resume(tmp_path / "run", limits=limits, base_url=moved.url) as search:
            assert search.run().outcome.reason == "nanodollars"
            assert search.evolution.budget.committed("nanodollars") <= 10**7
        with Search.resume(tmp_path / "run", limits={"dollars": 0.02}) as search:
            search.run()
        assert len(moved.asked) > 10
    total = sum(map(cost, [*service.asked, *moved.asked]))
    assert 10**7 < total <= 2 * 10**7


def test_answers_of_trials_that_were_not_told_are_in_what_was_spent(folder: Path, tmp_path: Path) -> None:
    """A trial whose second call finds no budget has paid for its first."""
    with FakeService(lambda _: chat("no code at all", usage={"prompt_tokens": 9, "completion_tokens": 2})) as service:
        given = options(service, proposer="llm", workers=1, calls_in_flight=1)
        with Search.start(Task.load(folder), tmp_path / "run", limits={"calls": 3}, options=given) as search:
            search.run()
            committed = search.evolution.budget.committed("nanodollars")
    history = evolve.load(tmp_path / "run")
    assert history.trials["calls"].sum() == 2
    assert history.spent.calls == len(service.asked) == 3
    assert history.spent.nanodollars == committed


def test_programs_of_a_model_are_refused_without_isolation(folder: Path, tmp_path: Path, service: FakeService) -> None:
    """Before anything is asked."""
    with pytest.raises(UnsafeRefused, match="written by a model"):
        Search.start(Task.load(folder), tmp_path / "run", options=options(service, allow_unsafe=False))
    assert service.asked == []


def test_a_proposer_that_asks_nothing_goes_with_no_model(folder: Path, tmp_path: Path, service: FakeService) -> None:
    """Nobody is to believe that a model was at work."""
    with pytest.raises(TaskError, match="'mix' asks no models"):
        Search.start(Task.load(folder), tmp_path / "run", options=options(service, proposer="mix"))
    with pytest.raises(TaskError, match="price of the model 'fake' is not known"):
        Search.start(Task.load(folder), tmp_path / "run", options=options(service, prices=[]))
    assert not (tmp_path / "run").exists()


FAULTS: list[Served] = [
    failure(429, retry_after_ms="5"),
    failure(500, retry_after_ms="5"),
    Served(body=b"{not json"),
    chat("cut", cut=20),
    chat("3.0", usage=None),
    chat("3.1", model="another"),
    Served(body=b'{"choices": []}'),
    chat("half 3.2", finish="content_filter"),
    chat(None, message={"refusal": "no"}),
    chat("late", after=60.0),
    chat("slow", drip=0.3),
    failure(400, "filtered", "content_filter"),
]


def test_no_fault_becomes_a_score(folder: Path, tmp_path: Path) -> None:
    """Of a service that fails in every way there is: each trial is right, and the budget is exact to the token."""

    def answer(asked: Asked) -> Served:
        return FAULTS[asked.number // 2 % len(FAULTS)] if asked.number % 2 else number_answer(asked)

    file = tmp_path / "models.toml"
    with FakeService(answer) as service:
        file.write_text(f'[[model]]\nname = "fake"\nprice = "1/10"\ntimeout = 1.5\nbase_url = "{service.url}"\n')
        given = options(service, models=[], prices=[], base_url=None, model_file=file, calls_in_flight=2)
        with Search.start(Task.load(folder), tmp_path / "run", limits={"trials": 40}, options=given) as search:
            outcome = search.run().outcome
            spent = {name: search.evolution.budget.committed(name) for name in ("calls", "tokens", "nanodollars")}
    assert outcome.told == 41
    history = evolve.load(tmp_path / "run")
    assert {trial.evaluation.status for trial in history.order} <= {"ok", "duplicate", "rejected"}
    sent, got, lost = [], [], []
    for line in transcript(tmp_path / "run"):
        if "sent" in line:
            sent.append(line["most"])
        elif "reply" in line:
            got.append(line["reply"]["usage"])
        elif line["charged"]:
            lost.append(line)
    most = {(line["trial"], line["call"]): line["most"] for line in transcript(tmp_path / "run") if "sent" in line}
    charged = [*got, *(most[line["trial"], line["call"]] for line in lost)]
    assert len(lost) > 3
    assert spent["calls"] == sum(each["calls"] for each in charged) == len(sent)
    assert spent["tokens"] == sum(each.get("input_tokens", 0) + each.get("output_tokens", 0) for each in charged)
    assert spent["nanodollars"] == sum(each["nanodollars"] for each in charged)


def test_a_service_that_refuses_stops_the_run_which_can_be_resumed(folder: Path, tmp_path: Path) -> None:
    """It costs no trial, and the message says what to do."""
    with FakeService(lambda asked: failure(401, "bad key") if asked.number == 4 else number_answer(asked)) as service:
        given = options(service, workers=1, calls_in_flight=1)
        with (
            Search.start(Task.load(folder), tmp_path / "run", limits={"trials": 8}, options=given) as search,
            pytest.raises(ModelFault, match="set the environment variable OPENAI_API_KEY"),
        ):
            search.run()
        with Search.resume(tmp_path / "run") as search:
            assert search.run().outcome.told == 9
    assert len(service.asked) == 9


def command(folder: Path, run: Path, service: FakeService, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "evolve", "run", str(folder), "--runs", str(run.parent), "--name", run.name, "--quiet"),
        *("--sandbox", "process", "--allow-unsafe", "--model", "fake", "--price", "1/10", "--base-url", service.url),
        *more,
    ]


def started(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def test_resume_repeats_no_call_that_was_paid_for(folder: Path, tmp_path: Path) -> None:
    """After kill -9 at several moments in the middle of proposals of two calls each."""
    kills = 8

    def answer(asked: Asked) -> Served:
        while asked.number >= kills:  # these are in flight when it is killed
            time.sleep(0.005)
        return number_answer(asked)

    run = tmp_path / "run"
    with FakeService(answer) as service:
        asker = ("--proposer", "evolve.testing.asking:TwiceAsker", "--trials", "30", "--calls-in-flight", "3")
        arguments = command(folder, run, service, *asker)
        for kills in (8, 20, 33):
            process = started(arguments)
            while len(service.asked) <= kills and process.poll() is None:
                time.sleep(0.005)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            arguments = [sys.executable, "-m", "evolve", "resume", str(run), "--quiet"]
        kills = 10**9
        assert subprocess.run(arguments, capture_output=True, check=False).returncode == 0
    lines = transcript(run)
    answered = [(line["trial"], line["call"]) for line in lines if "reply" in line]
    unanswered = len(service.asked) - len(answered)
    assert len(answered) == len(set(answered)) == 60
    assert unanswered <= 3 * 3  # those in flight at the three kills
    texts = [asked.text for asked in service.asked]
    assert max(texts.count(text) for text in texts) <= 2 + 3
    assert evolve.load(run).trials["calls"].sum() == 60


def test_a_dollar_is_never_passed(folder: Path, tmp_path: Path) -> None:
    """By 64 calls in flight, across kill -9 and resume: not by a nano-dollar, whatever was in flight."""
    price = 500_000  # nano-dollars a token of output, at 500 dollars per million

    killed = 0

    def answer(asked: Asked) -> Served:
        while not killed:
            time.sleep(0.005)
        time.sleep(0.1)
        usage = {"prompt_tokens": 1, "completion_tokens": 1 + asked.number % 20}
        return chat(f"{asked.number / 1000:.6f}", usage=usage)

    run = tmp_path / "run"
    with FakeService(answer) as service:
        arguments = command(folder, run, service, "--dollars", "1", "--proposer", ASKER, "--calls-in-flight", "64")
        arguments[arguments.index("1/10")] = "0.001/500"
        for kills in (40, 80):
            process = started(arguments)
            while len(service.asked) < kills and process.poll() is None:
                time.sleep(0.002)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                killed += 1
            process.wait()
            arguments = [sys.executable, "-m", "evolve", "resume", str(run), "--quiet", "--json"]
        end = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert end.returncode == 0, end.stderr
        served = sum(1 + price * (1 + asked.number % 20) for asked in service.asked)
    record = json.loads(end.stdout)
    assert killed
    assert service.most > 30
    assert record["reason"] == "nanodollars"
    assert served <= record["nanodollars"] <= 10**9
    assert record["nanodollars"] > 10**9 - 21 * price
    history = evolve.load(run)
    assert 0 < history.unanswered.calls <= 2 * 64
    assert history.spent.nanodollars + history.unanswered.nanodollars == record["nanodollars"]
    shown = subprocess.run(
        [sys.executable, "-m", "evolve", "show", str(run)], capture_output=True, text=True, check=True
    )
    assert f" dollars in {history.unanswered.calls} calls" in shown.stdout
    assert "at most, counted as spent" in shown.stdout


def leaks(folder: Path, secret: bytes) -> list[str]:
    """Files below a folder that hold a secret, as they are or as git packs them."""
    found = [str(path) for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
    if (folder / ".git").exists():
        objects = subprocess.run(
            ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=folder, capture_output=True, check=True
        ).stdout
        assert objects
        found += ["git objects"] * (secret in objects)
    return found


@pytest.mark.parametrize("sandbox", ["process", "bubblewrap", "docker"])
def test_the_key_is_nowhere_in_a_run(folder: Path, tmp_path: Path, sandbox: str) -> None:
    """In no sandbox either, though service, evaluator and program tell all that they know."""
    if sandbox != "process":
        available({"bubblewrap": BubblewrapSandbox, "docker": DockerSandbox}[sandbox]).close()
    (folder / "evaluate.py").write_text(
        "import os\n\n\ndef evaluate(program):\n"
        "    told = program.call('surroundings')\n"
        "    return {'score': -abs(program.call('value') - 3.0), 'feedback': told + str(dict(os.environ))}\n"
    )
    (folder / "seed" / "program.py").write_text(
        "import os\n\n\ndef surroundings():\n    return str(dict(os.environ))\n\n\ndef value():\n    return 0.5\n"
    )

    def answer(asked: Asked) -> Served:
        if asked.number == 6:
            return failure(401, f"Incorrect API key provided: {KEY}")
        return chat(f"{KEY} {asked.number / 10:.2f}", model=KEY) if asked.number % 2 else Served(body=KEY.encode())

    run = tmp_path / "run"
    with FakeService(answer) as service:
        end = subprocess.run(
            [*command(folder, run, service, "--trials", "9", "--proposer", ASKER), "--sandbox", sandbox],
            capture_output=True,
            check=False,
        )
        assert end.returncode == 6
        assert b"Incorrect API key provided: [secret]" in end.stderr
        resumed = subprocess.run(
            [sys.executable, "-m", "evolve", "--debug", "resume", str(run)], capture_output=True, check=False
        )
    assert resumed.returncode == 0
    assert service.asked[0].headers["authorization"] == f"Bearer {KEY}"
    secret = KEY.encode()
    assert [output for output in (end.stdout, end.stderr, resumed.stdout, resumed.stderr) if secret in output] == []
    assert leaks(run, secret) == []
    assert "[secret]" in (run / ".evolve" / "transcript.jsonl").read_text()


def test_ctrl_c_keeps_the_answers_that_are_paid_for(folder: Path, tmp_path: Path) -> None:
    """It says that it waits for them, and resume does not ask for them again."""
    run = tmp_path / "run"
    heard = threading.Event()

    def answer(asked: Asked) -> Served:
        heard.wait(300.0 if asked.number else 0.0)
        return number_answer(asked)

    with FakeService(answer) as service:
        more = ("--trials", "4", "--proposer", ASKER, "--calls-in-flight", "3")
        process = subprocess.Popen(command(folder, run, service, *more), stderr=subprocess.PIPE)
        while len(service.asked) < 4 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line.decode()
            if "paid for" in said:
                break
        heard.set()
        process.communicate()
        assert process.returncode == 130
        assert "answers that models are paid for" in said
        assert len([line for line in transcript(run) if "reply" in line]) == len(service.asked)
        before = len(service.asked)
        subprocess.run([sys.executable, "-m", "evolve", "resume", str(run), "-q"], check=True, capture_output=True)
    assert len(service.asked) - before == 4 - before


def test_a_service_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    """And stops the run after a short patience that is said."""
    deaf = socket.socket()
    deaf.bind(("127.0.0.1", 0))  # and it does not listen, nor does anybody else there
    port = deaf.getsockname()[1]
    file = tmp_path / "models.toml"
    file.write_text(f'[[model]]\nname = "fake"\nprice = "0/0"\npatience = 2\nbase_url = "http://127.0.0.1:{port}/v1"\n')
    notices: list[str] = []
    given = Options(sandbox="process", allow_unsafe=True, proposer=ASKER, model_file=file)
    with (
        deaf,
        Search.start(
            Task.load(folder), tmp_path / "run", options=given, limits={"trials": 3}, on_notice=notices.append
        ) as search,
        pytest.raises(ModelFault, match=f"127.0.0.1:{port}/v1 has (been down|not answered) for"),
    ):
        search.run()
    assert any("is down (no connection" in notice for notice in notices)
