"""`evolve init`: each template works at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from evolve.cli.templates import TEMPLATES, TOOLS

Invoke = Callable[..., Result]

FOREIGN = ("openevolve", "shinka")


@pytest.mark.parametrize("form", TEMPLATES)
def test_a_template_works_at_once(form: str, tmp_path: Path, invoke: Invoke) -> None:
    """Its seed has a score, its name is the folder's, and a search of a few trials tries programs and has scores."""
    tool = TOOLS.get(form, "sh")
    if shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin") is None:
        message = f"{tool} is not installed below /usr; on Debian: apt-get install g++ cargo nodejs"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    folder = tmp_path / "mine"
    made = invoke("init", folder, "--form", form)
    assert made.exit_code == 0, made.output
    source = ["--from", form] if form in FOREIGN else []
    assert f"evolve run {folder}{' --from ' + form if source else ''}\n" in made.stdout
    scored = invoke("eval", folder, *source, "--sandbox", "process", "--json")
    assert scored.exit_code == 0, scored.output
    assert json.loads(scored.stdout)["status"] == "ok", scored.stdout
    quick = ["--trials", "5", "--workers", "1", "--sandbox", "process", "--quiet", "--json"]
    found = invoke("run", folder, *source, *quick, "--runs", tmp_path / "runs")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["trials"] == 5
    assert Path(told["run"]).name == "mine-1"
    assert told["best"]["score"] is not None


def test_init_says_what_a_template_needs(tmp_path: Path, invoke: Invoke) -> None:
    """A compiler, which the default image of docker lacks; nothing where Python is enough."""
    assert "It needs g++ where programs run" in invoke("init", tmp_path / "one", "--form", "cpp").stdout
    assert "needs" not in invoke("init", tmp_path / "two", "--form", "package").stdout


def test_stages_are_passed_by_the_seed(tmp_path: Path, invoke: Invoke) -> None:
    """The template shows what stages are, with every one of them reached."""
    invoke("init", tmp_path / "mine", "--form", "stages")
    told = json.loads(invoke("eval", tmp_path / "mine", "--sandbox", "process", "--json").stdout)
    assert list(told["stages"]) == ["rough", "closer"]
    assert all(score is not None for score in told["stages"].values())


@pytest.mark.parametrize("form", ["native", "stages", "instances", "package"])
def test_a_template_has_nothing_to_be_warned_of(form: str, tmp_path: Path, invoke: Invoke) -> None:
    """It is what a check asks for: held-out instances, a marked region, an evaluator apart from the program."""
    invoke("init", tmp_path / "mine", "--form", form)
    told = json.loads(invoke("check", tmp_path / "mine", "--sandbox", "process", "--json").stdout)
    assert [finding for finding in told["findings"] if finding["level"] != "ok"] == []
