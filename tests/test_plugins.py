"""Proposers and archives of a user's: by name, and when they break their contract."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evolve.errors import Fault, PluginError, TaskError
from evolve.history import History
from evolve.plugins import make
from evolve.policies import ARCHIVES
from evolve.proposing import PROPOSERS
from evolve.regions import Regions
from evolve.testing.fakes import NumberProposer, number_program
from evolve.testing.searches import open_evolution
from evolve.types import Context, Plan, Program, Proposal, Selection, Trial, Usage

REGIONS = Regions(number_program(0.0))


class Half:
    """A proposer without `tell`."""

    def __init__(self, _: Regions) -> None:
        pass

    def plan(self, selection: Selection, context: Context) -> Plan:
        raise NotImplementedError


def itself(_: Regions) -> type:
    """Gives a class where an instance is wanted."""
    return NumberProposer


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mutaton", "there are mutation, crossover"),
        (":x", "as module:attribute"),
        ("no_such_module:P", "PYTHONPATH"),
        ("os:no_such_thing", "no_such_thing"),
        ("os:path", "no class and no function"),
        ("json:dumps", r"json:dumps\(Regions\) raised TypeError"),
        ("builtins:str", "without the methods plan and tell"),
        (f"{__name__}:Half", "without the method tell"),
        (f"{__name__}:itself", "the class NumberProposer"),
    ],
)
def test_what_is_no_proposer_is_refused_before_anything_begins(name: str, words: str) -> None:
    """The message names the plugin and what is wrong with it."""
    with pytest.raises(TaskError, match=words) as caught:
        make("proposer", name, PROPOSERS, ("plan", "tell"), REGIONS)
    assert repr(name) in str(caught.value)


def test_what_is_no_archive_is_refused() -> None:
    """`json.dumps()` raises, `dict()` has no method of an archive's."""
    with pytest.raises(TaskError, match=r"json:dumps\(\) raised TypeError"):
        make("archive", "json:dumps", ARCHIVES, ("tell", "sample"))
    with pytest.raises(TaskError, match="without the methods tell and sample"):
        make("archive", "builtins:dict", ARCHIVES, ("tell", "sample"))


def test_a_module_that_raises_is_named_with_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import runs a user's code."""
    (tmp_path / "half_written_plugin.py").write_text("x = 1\nraise ValueError('not yet')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(TaskError, match=r"ValueError: not yet \(half_written_plugin.py, line 2\)"):
        make("proposer", "half_written_plugin:P", PROPOSERS, (), REGIONS)


Answer = Callable[[Selection], Any]


class Odd(NumberProposer):
    """Proposes as it should, but for trial 5."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

    def propose(self, selection: Selection, context: Context) -> Proposal:
        if context.number == 5:
            odd: Proposal = self.answer(selection)
            return odd
        return super().propose(selection, context)


def proposal(selection: Selection, **fields: Any) -> Proposal:
    usual: dict[str, Any] = {
        "program": number_program(77.0),
        "parents": (selection.parents[0].number,),
        "operator": "odd",
        "summary": "odd",
    }
    return Proposal(**usual | fields)


ODD: dict[str, tuple[Answer, str]] = {
    "None": (lambda _: None, "gave None instead of a Proposal"),
    "a program": (lambda _: number_program(1.0), "instead of a Proposal"),
    "no program": (lambda s: proposal(s, program="x = 1"), "whose program is 'x = 1', not of type Program"),
    "text": (lambda s: proposal(s, program=Program({"program.py": "x = 1\n"})), "TypeError"),  # type: ignore[dict-item]
    "an unknown parent": (lambda s: proposal(s, parents=(44,)), "the parent 44, which is no trial that was told"),
    "a negative parent": (lambda s: proposal(s, parents=(-1,)), "the parent -1"),
    "no parent": (lambda s: proposal(s, parents=()), r"parents are \(\)"),
    "a trial as parent": (lambda s: proposal(s, parents=s.parents), "not numbers of trials"),
    "a note that is no JSON": (lambda s: proposal(s, note={"x": {1, 2}}), "not JSON serializable"),
    "negative usage": (lambda s: proposal(s, usage=Usage(calls=-1)), "usage is negative"),
    "an error": (lambda _: 1 / 0, r"raised ZeroDivisionError: division by zero \(test_plugins.py, line"),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("answer", ODD, ids=str)
def test_a_proposer_that_breaks_its_contract_stops_the_run_which_resumes(
    answer: str, workers: int, tmp_path: Path
) -> None:
    """The error names the proposer and the trial; with the proposer mended the run goes on as if nothing had been."""
    path, settings = tmp_path / "run", {"workers": workers, "in_flight": workers}
    odd, words = ODD[answer]
    with (
        open_evolution(path, trials=12, proposer=Odd(odd), **settings) as evolution,
        pytest.raises(PluginError, match=words) as caught,
    ):
        evolution.run()
    assert "test_plugins:Odd" in str(caught.value)
    assert "trial 5" in str(caught.value)
    assert History(path).stopped == str(caught.value)
    with open_evolution(path, trials=12, **settings) as evolution:
        evolution.run()
    assert sorted(trial.number for trial in History(path).order) == list(range(13))
    kept = subprocess.run(["git", "branch"], cwd=path, capture_output=True, text=True, check=True).stdout.split()
    assert kept == ["*", "best", "trials"]


class OddArchive:
    """Fails in one way."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.seed: Trial | None = None

    def tell(self, trial: Trial) -> None:
        self.seed = self.seed or trial
        if self.way == "tell" and trial.number == 2:
            raise KeyError("where is it")

    def sample(self, rng: object) -> Selection:  # noqa: PLR0911 - one for each way
        assert self.seed is not None
        if self.way == "empty":
            return Selection(parents=())
        if self.way == "numbers":
            return Selection(parents=(0,))  # type: ignore[arg-type]
        if self.way == "list":
            return Selection(parents=(self.seed,), inspirations=[self.seed])  # type: ignore[arg-type]
        if self.way == "lane":
            return Selection(parents=(self.seed,), lane="hot ~1")
        if self.way == "operator":
            return Selection(parents=(self.seed,), operator=None)  # type: ignore[arg-type]
        if self.way == "number of a lane":
            return Selection(parents=(self.seed,), lane=1)  # type: ignore[arg-type]
        if self.way == "sample":
            raise IndexError("nothing there")
        return Selection(parents=(self.seed,))


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("tell", "KeyError.*told of trial 2"),
        ("sample", "IndexError.*trial 1"),
        ("empty", "instead of a Selection"),
        ("numbers", r"parents are \(0,\), no tuple of trials"),
        ("list", "inspirations are .*, no tuple of trials"),
        ("lane", "gave 'hot ~1' for the name of a lane: it is made of letters"),
        ("number of a lane", "lane is 1, no text"),
        ("operator", "operator is None, no text"),
    ],
)
def test_an_archive_that_breaks_its_contract_stops_the_run_which_resumes(way: str, words: str, tmp_path: Path) -> None:
    """So too."""
    path = tmp_path / "run"
    with (
        open_evolution(path, trials=6, archive=OddArchive(way)) as evolution,
        pytest.raises(PluginError, match=words) as caught,
    ):
        evolution.run()
    assert "test_plugins:OddArchive" in str(caught.value)
    with open_evolution(path, trials=6) as evolution:
        evolution.run()
    assert sorted(trial.number for trial in History(path).order) == list(range(7))


def test_a_fault_of_a_proposer_is_a_fault(tmp_path: Path) -> None:
    """What it says on purpose is not the breach of a contract."""

    def down(_: Selection) -> None:
        raise Fault("the model's server is down")

    with (
        open_evolution(tmp_path / "run", trials=9, proposer=Odd(down)) as evolution,
        pytest.raises(Fault, match="down"),
    ):
        evolution.run()


def test_a_plugin_in_the_current_folder_is_found(tmp_path: Path) -> None:
    """The console script has its own folder on the path, and not the one in which it was started."""
    (tmp_path / "mine.py").write_text("class P:\n    pass\n")
    start = "import sys\nsys.path.remove('')\nfrom evolve.cli import main\nmain()\n"
    for name, words in (("mine:P", "mine:P(Regions)"), ("yours:P", "start `evolve` in the folder")):
        end = subprocess.run(
            [
                sys.executable,
                "-c",
                start,
                "run",
                "bin_packing",
                "--sandbox",
                "process",
                "--allow-unsafe",
                "--proposer",
                name,
            ],
            cwd=tmp_path,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert end.returncode == 3
        assert words in end.stderr
    assert not (tmp_path / "runs").exists()
