"""What is said of a run beforehand, next to what it then takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import evolve
from evolve.errors import SeedError, TaskError
from evolve.estimates.estimate import Estimate, estimate
from evolve.folders import read_folder
from evolve.options import Options
from evolve.resources import bundled
from evolve.search import Search
from evolve.task import Task
from evolve.testing.servers import FakeService, number_answer

EVALUATE = """
import time

def evaluate(program):
    time.sleep({pause})
    return -abs(program.call("value", 1.0) - 3.0)
"""
PROGRAM = "# EVOLVE-BLOCK-START\ndef value(x):\n    y = 0.5 * x\n    return y + 0.25\n# EVOLVE-BLOCK-END\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task; nobody has a key."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "task"
    (path / "seed").mkdir(parents=True)
    (path / "task.toml").write_text('[task]\ndescription = "Come near."\n')
    (path / "evaluate.py").write_text(EVALUATE.format(pause=0))
    (path / "seed" / "program.py").write_text(PROGRAM)
    return path


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService(number_answer) as made:
        yield made


def options(**more: Any) -> Options:
    return Options(**{"sandbox": "process", "allow_unsafe": True, "workers": 1, "tuning": "off", **more})


def made(folder: Path, limits: Mapping[str, float], **more: Any) -> Estimate:
    return estimate(Task.load(folder), limits=limits, options=options(**more))


@pytest.mark.parametrize("tuning", ["off", "screen=6,each=6,most=30"])
def test_a_run_takes_what_was_said(folder: Path, tmp_path: Path, tuning: str) -> None:
    """Calls, tokens and evaluations of a search with the simulated model lie where the estimate has them."""
    given = options(models=["simulated"], calls_in_flight=1, tuning=tuning)
    task = Task.load(folder)
    said = estimate(task, limits={"trials": 40}, options=given)
    with Search.start(task, tmp_path / "run", limits={"trials": 40}, options=given) as search:
        search.run()
    took = evolve.load(tmp_path / "run").trials
    prompt = took["input_tokens"].sum() / took["calls"].sum()
    scored = (~took["status"].isin(["rejected", "duplicate"])).sum()
    assert said.cheap.trials == said.dear.trials == 40
    assert 0.9 * said.cheap.calls <= took["calls"].sum() <= said.dear.calls
    assert said.prompt[0] / 4 <= prompt <= said.prompt[1] / 3
    assert said.cheap.evaluations * 0.5 <= scored <= said.dear.evaluations
    assert (took["operator"] == "tuner").any() == (tuning != "off")
    assert said.last == ((0.0, 0.0) if tuning == "off" else (3.0, 30.0))
    assert said.most.calls == 80
    assert said.most.tokens is not None
    assert took["input_tokens"].sum() + took["output_tokens"].sum() < said.most.tokens


def test_what_the_tuner_has_in_the_end_counts(folder: Path, tmp_path: Path) -> None:
    """With one trial it is nearly all of it; a limit on evaluations leaves as much as there is."""
    given = options(models=["simulated"], calls_in_flight=1, tuning="screen=2,each=2,most=60")
    task = Task.load(folder)
    said = estimate(task, limits={"trials": 1}, options=given)
    assert said.last == (6.0, 60.0)
    assert said.dear.evaluations == 1 + 1 + 2 + 60
    with Search.start(task, tmp_path / "run", limits={"trials": 1}, options=given) as search:
        search.run()
        spent = search.evolution.budget.committed("evaluations")
    assert said.cheap.evaluations < spent <= said.dear.evaluations
    tight = estimate(task, limits={"trials": 1, "evaluations": 10}, options=given)
    assert (tight.dear.evaluations, tight.dear.ends) == (10, "trials")


def test_it_takes_no_key_asks_no_model_and_leaves_nothing(folder: Path, service: FakeService) -> None:
    """Neither OpenAI's own models nor a server of one's own; what is cheap and what is dear are told apart."""
    before = sorted(folder.parent.rglob("*"))
    there = made(folder, {"dollars": 1.0}, models=["gpt-5.4-mini"])
    here = made(folder, {"dollars": 1.0}, models=["fake"], base_url=service.url, prices=["1/10"])
    assert service.asked == []
    assert sorted(path for path in folder.parent.rglob("*") if "__pycache__" not in str(path)) == before
    for found in (there, here):
        assert found.cheap.ends == found.dear.ends == "nanodollars"
        assert 0 < found.dear.trials < found.cheap.trials
        assert found.cheap.seconds > 0
        assert found.most.nanodollars == 10**9
        (model,) = found.models
        assert 0 < model.likely[0] < model.likely[1] < model.most


def test_prices_are_reckoned_as_calls_are_paid(folder: Path) -> None:
    """Twice the price is twice the cost; of two models each counts by its weight."""
    limits = {"trials": 100}
    one = made(folder, limits, models=["fake"], prices=["1/10"], base_url="http://localhost:1/v1")
    two = made(folder, limits, models=["fake"], prices=["2/20"], base_url="http://localhost:1/v1")
    both = made(folder, limits, models=["a=3", "b"], prices=["a=1/10", "b=2/20"], base_url="http://localhost:1/v1")
    assert two.cheap.nanodollars == pytest.approx(2 * one.cheap.nanodollars, rel=1e-3)
    assert both.cheap.nanodollars == pytest.approx(1.25 * one.cheap.nanodollars, rel=1e-3)
    assert both.most.nanodollars == two.most.nanodollars
    words = (500 + one.prompt[0] / 4 / 10) * 10_000
    assert one.models[0].likely[0] == pytest.approx(words, rel=0.3)


def test_an_unknown_price_asks_for_one(folder: Path) -> None:
    """As the run itself does."""
    with pytest.raises(TaskError, match="--price some-model=IN/OUT"):
        made(folder, {}, models=["some-model"])


def test_time_is_that_of_the_slower_pool(folder: Path) -> None:
    """Without a model the evaluations alone count; a service's limits a minute count too."""
    (folder / "evaluate.py").write_text(EVALUATE.format(pause=0.05))
    alone = made(folder, {"trials": 100})
    assert alone.models == ()
    assert alone.prompt == (0, 0)
    assert alone.timing.number == 6
    assert 0.05 < alone.timing.alone < 30.0
    assert alone.cheap == alone.dear
    assert alone.cheap.seconds == pytest.approx(102 * alone.timing.alone)
    file = folder.parent / "models.toml"
    file.write_text('[[model]]\nname = "slow"\nprice = "1/1"\nrequests_per_minute = 6\n')
    slow = made(folder, {"trials": 100}, model_file=file)
    assert slow.cheap.seconds > slow.cheap.calls * 10.0


def test_limits_in_seconds_and_evaluations_count(folder: Path) -> None:
    """The one that would end the run first is named; repeats of a program take several evaluations."""
    assert made(folder, {"trials": 10**6, "seconds": 1.0}).cheap.ends == "seconds"
    (folder / "task.toml").write_text("[evaluator]\nrepeats = 3\n")
    found = made(folder, {"evaluations": 30})
    assert (found.cheap.trials, found.cheap.evaluations, found.cheap.ends) == (9, 30, "evaluations")


def test_a_proposer_of_ones_own_is_asked_what_it_asks(folder: Path) -> None:
    """With two questions for each trial."""
    (folder / "seed" / "program.py").write_text("def value(x):\n    return 0.5\n")
    given = {"models": ["fake"], "prices": ["1/10"], "base_url": "http://localhost:1/v1"}
    found = made(folder, {"calls": 41}, proposer="evolve.testing.asking:TwiceAsker", **given)
    assert found.cheap.calls / found.cheap.trials == 2.0
    assert found.answer == (20, 20, 20)
    assert found.prompt[0] < 80


def scaffold(folder: Path, text: str) -> Path:
    """A scaffold: the bundled one goes by the name `plain` in it."""
    files = dict(read_folder(bundled("seeds") / "scaffold").files)
    files |= {"plain.py": files["scaffold.py"], "scaffold.py": text.encode()}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def test_evaluations_that_a_scaffold_asks_for_count(folder: Path, tmp_path: Path) -> None:
    """Here two of whatever comes of a model's answer; none of an answer of which nothing can be made. A run takes no
    more than it can at most."""
    (folder / "task.toml").write_text("[search]\nevaluations_asked = 3\n")
    text = """
from gateway import evaluate
from plain import propose as before

def propose(parent, context):
    files = before(parent, context)
    evaluate(files)
    evaluate(files)
    return files
"""
    given = options(models=["simulated"], calls_in_flight=1, scaffold=scaffold(tmp_path / "mine", text))
    said = estimate(Task.load(folder), limits={"trials": 8}, options=given)
    assert said.asked[0] == 0.0
    assert 0.5 < said.asked[1] <= 2.0
    assert said.most_asked == 3
    assert said.dear.evaluations == pytest.approx(1 + 8 * (1 + said.asked[1]))
    assert said.most.evaluations == 1 + 8 * (1 + 3)
    with Search.start(Task.load(folder), tmp_path / "run", limits={"trials": 8}, options=given) as search:
        search.run()
        spent = search.evolution.budget.committed("evaluations")
    assert 1 + 8 < spent <= said.most.evaluations
    plain = estimate(Task.load(folder), limits={"trials": 8}, options=replace(given, scaffold="scaffold"))
    assert plain.asked == (0.0, 0.0)
    assert plain.dear.evaluations == 1 + 8


def test_a_scaffold_that_asks_until_it_is_refused(folder: Path, tmp_path: Path) -> None:
    """It asks for all that it is lent, and no model; so a limit on calls would never end its run, which is said."""
    text = """
from gateway import NoAnswer, evaluate

def propose(parent, context):
    files = {"program.py": parent["files"]["program.py"].replace("0.5", "0.75")}
    while True:
        try:
            evaluate(files)
        except NoAnswer:
            return files
"""
    given = {"models": ["simulated"], "scaffold": scaffold(tmp_path / "mine", text)}
    said = made(folder, {"evaluations": 61}, **given)
    assert (said.asked, said.most_asked) == ((4.0, 4.0), 4)
    assert (said.cheap.trials, said.cheap.evaluations, said.most.evaluations) == (12, 61, 61)
    with pytest.raises(TaskError, match=r"nothing of calls would ever end this run: .* --trials 100"):
        made(folder, {"calls": 10}, **given)


def test_longer_programs_have_longer_prompts(folder: Path) -> None:
    """Prompts are those that the proposer writes, the program in them."""
    before = made(folder, {"trials": 10}, models=["simulated"])
    text = PROGRAM.replace("    return", "    # " + "because " * 200 + "\n    return")
    (folder / "seed" / "program.py").write_text(text)
    after = made(folder, {"trials": 10}, models=["simulated"])
    assert after.prompt[0] - before.prompt[0] >= 1600
    assert after.most_prompt == before.most_prompt


def test_a_seed_without_a_score_is_said(folder: Path) -> None:
    """No search could start from it."""
    (folder / "seed" / "program.py").write_text("def value(x):\n    raise OSError(x)\n")
    with pytest.raises(SeedError, match="OSError"):
        made(folder, {"trials": 10})


@pytest.mark.parametrize("name", ["scaffold", "agent"])
def test_a_task_whose_evaluations_ask_models_is_refused(name: str) -> None:
    """They are most of what it costs, and cannot be measured without asking."""
    with pytest.raises(TaskError, match="bound a run of it with --dollars"):
        estimate(Task.load(name), options=options(models=["simulated"]))


def test_the_options_of_a_run_are_checked_as_it_does(folder: Path) -> None:
    """Before anything is measured."""
    with pytest.raises(TaskError, match="'mix' asks no models"):
        estimate(Task.load(folder), options=replace(options(models=["simulated"]), proposer="mix"))
