"""The verbs that read a run: list, show, best, diff, log, tree, export."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest
from click.testing import Result

from evolve.history import History

Invoke: TypeAlias = Callable[..., Result]

READING = [["show"], ["show", "best"], ["best"], ["log"], ["tree"], ["tree", "--all"]]


def git(run: Path, *arguments: str) -> str:
    """What git says of the run."""
    end = subprocess.run(["git", "-C", str(run), *arguments], capture_output=True, text=True, check=True)
    return end.stdout.strip()


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_each_reading_verb_has_json(arguments: list[str], run: Path, invoke: Invoke) -> None:
    """What is printed for people is there for programs too, and knows the best trial."""
    verb, *rest = arguments
    text = invoke(verb, run, *rest)
    data = invoke(verb, run, *rest, "--json")
    assert text.exit_code == data.exit_code == 0
    assert f"trial {History(run).best.number}" in text.output or str(History(run).best.number) in text.output
    assert json.loads(data.output)


def test_list_shows_each_run(run: Path, invoke: Invoke) -> None:
    """A line a run, with its task, its trials, its best score and why it ended."""
    (row,) = json.loads(invoke("list", "--runs", run.parent, "--json").output)
    assert (row["run"], row["task"], row["trials"], row["state"]) == ("one", "sine", 30, "trials used up")
    assert row["best"] == History(run).best.evaluation.score
    assert "one" in invoke("list", "--runs", run.parent).output


def test_list_of_no_runs_says_how_to_begin(tmp_path: Path, invoke: Invoke) -> None:
    """An empty or missing folder is no error."""
    assert "evolve run" in invoke("list", "--runs", tmp_path / "none").output
    assert json.loads(invoke("list", "--runs", tmp_path / "none", "--json").output) == []


def test_list_goes_on_past_a_broken_run(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """One run that cannot be read does not hide the others."""
    git(tmp_path, "clone", "-q", str(run), str(tmp_path / "good"))
    git(tmp_path, "init", "-q", str(tmp_path / "broken"))
    (tmp_path / "broken" / ".evolve").mkdir()
    for name, file in (("odd", "journal.jsonl"), ("odder", "config.toml")):
        shutil.copytree(run, tmp_path / name)
        (tmp_path / name / ".evolve" / file).unlink()
        (tmp_path / name / ".evolve" / file).mkdir()
    rows = {row["run"]: row["state"] for row in json.loads(invoke("list", "--runs", tmp_path, "--json").output)}
    for name in ("broken", "odd", "odder"):
        assert rows[name].startswith("unreadable: "), name
    assert rows["good"] == "trials used up"


@pytest.mark.parametrize("verb", ["show", "log", "best", "export", "resume"])
def test_a_run_that_cannot_be_read(verb: str, run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The message names the file."""
    shutil.copytree(run, tmp_path / "odd")
    (tmp_path / "odd" / ".evolve" / "journal.jsonl").unlink()
    (tmp_path / "odd" / ".evolve" / "journal.jsonl").mkdir()
    result = invoke(verb, tmp_path / "odd")
    assert result.exit_code == 8
    assert "journal.jsonl: Is a directory" in result.stderr


def test_runs_that_another_user_closed_do_not_hide_the_rest(run: Path, tmp_path: Path) -> None:
    """As someone to whom a folder is closed; root is, when it becomes another user."""
    for name in ("closed", "open"):
        shutil.copytree(run, tmp_path / "runs" / name)
    (tmp_path / "runs" / "closed").chmod(0o000)
    (tmp_path / "runs" / "open" / ".evolve").chmod(0o700)
    code = (
        "import os, sys\nfrom pathlib import Path\nimport evolve.cli.list, evolve.history, evolve.cli.app as app\n"
        "os.chdir(sys.argv[1])\n"
        "if os.getuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "app.command(['list', '--json'])"
    )
    for folder in [tmp_path, *tmp_path.parents][:4]:
        folder.chmod(0o755)
    try:
        end = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    finally:
        (tmp_path / "runs" / "closed").chmod(0o755)
    assert end.returncode == 0, end.stderr
    rows = {row["run"]: row["state"] for row in json.loads(end.stdout)}
    assert rows["closed"].startswith("unreadable")
    assert "Permission denied" in rows["closed"]
    assert rows["open"] == "trials used up" if os.getuid() else "unreadable" in rows["open"]


def test_without_git_one_line_says_so(run: Path, tmp_path: Path) -> None:
    """Every verb that reads or makes runs; `doctor` works, and says it too."""
    for arguments in (["list"], ["show", str(run)], ["run", "bin_packing"], ["resume", str(run)]):
        end = subprocess.run(
            [sys.executable, "-m", "evolve", *arguments],
            env={"PATH": str(tmp_path), "PYTHONPATH": os.environ["PYTHONPATH"]},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        if arguments == ["list"]:  # there are no runs
            assert end.returncode == 0
            continue
        assert end.returncode == 6
        assert end.stderr.splitlines() == [
            "evolve: git is not on PATH, and every run is a git repository: install it (sudo apt install git)"
        ]
    end = subprocess.run(
        [sys.executable, "-m", "evolve", "doctor"],
        env={"PATH": str(tmp_path), "PYTHONPATH": os.environ["PYTHONPATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 0, end.stderr
    assert "install it, since every run is a git repository" in end.stdout


def test_log_is_a_leaderboard(run: Path, invoke: Invoke) -> None:
    """Best first, of equals the first one; what has no score comes last."""
    rows = json.loads(invoke("log", run, "--limit", "0", "--json").output)
    fitness = [row["fitness"] for row in rows if row["fitness"] is not None]
    assert len(rows) == 31
    assert fitness == sorted(fitness, reverse=True)
    assert all(row["fitness"] is None for row in rows[len(fitness) :])
    assert rows[0]["number"] == History(run).best.number


def test_log_by_number_is_the_history(run: Path, invoke: Invoke) -> None:
    """Newest first, as git log does, and no more than asked for."""
    rows = json.loads(invoke("log", run, "--order", "number", "-n", "3", "--json").output)
    assert [row["number"] for row in rows] == [30, 29, 28]


def test_log_of_one_status(run: Path, invoke: Invoke) -> None:
    """Only trials that ended as asked for."""
    rows = json.loads(invoke("log", run, "--status", "ok", "-n", "0", "--json").output)
    assert {row["status"] for row in rows} == {"ok"}


def test_show_of_a_trial_agrees_with_git(run: Path, invoke: Invoke) -> None:
    """The commit that is named is the trial's, with its score in the trailers."""
    shown = json.loads(invoke("show", run, "best", "--json").output)
    assert git(run, "rev-parse", "best") == shown["commit"]
    assert float(git(run, "log", "-1", "--format=%(trailers:key=Score,valueonly)", "best")) == shown["score"]


def test_show_counts_trials_without_the_seed(run: Path, invoke: Invoke) -> None:
    """How they ended adds up to how many there were."""
    shown = json.loads(invoke("show", run, "--json").output)
    assert sum(shown["statuses"].values()) == shown["trials"] == 30


def test_diff_is_what_git_says(run: Path, invoke: Invoke) -> None:
    """The lines that differ between two programs are those that git finds."""
    best = History(run).commit(History(run).best.number)
    ours = invoke("diff", run, "seed", "best").output
    theirs = git(run, "diff", History(run).commit(0), best)
    changed = [[line for line in text.splitlines() if line[:1] in "+-"] for text in (ours, theirs)]
    assert changed[0]
    assert sorted(changed[0]) == sorted(changed[1])


def test_diff_of_one_trial_is_against_its_first_parent(run: Path, invoke: Invoke) -> None:
    """`diff RUN A` shows what A changed."""
    best = History(run).best
    assert best.parents
    assert invoke("diff", run, best.number).output == invoke("diff", run, best.parents[0], best.number).output


def test_diff_of_the_seed_is_all_of_it(run: Path, invoke: Invoke) -> None:
    """The seed changed nothing: every line is new."""
    assert "new file mode" in invoke("diff", run, "seed").output


def test_best_files_copies_a_single_file(run: Path, invoke: Invoke) -> None:
    """What is piped is the file, byte for byte."""
    assert invoke("best", run, "--files").stdout_bytes == History(run).best.program.files["program.py"]


def test_best_output_writes_the_program(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The folder then holds what the work tree of the run holds, and which files were written is said."""
    said = invoke("best", run, "--output", tmp_path / "best").stdout
    assert f"program.py in {tmp_path / 'best'}" in said
    assert (tmp_path / "best" / "program.py").read_bytes() == (run / "program.py").read_bytes()


def test_best_output_mixes_nothing(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A folder that holds something is refused unless it is asked for, and then its other files stay."""
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "program.py").write_text("mine")
    (tmp_path / "best" / "other.py").write_text("mine")
    refused = invoke("best", run, "--output", tmp_path / "best")
    assert refused.exit_code == 2
    assert "is not empty; give a new folder, or --force" in refused.stderr
    assert (tmp_path / "best" / "program.py").read_text() == "mine"
    assert invoke("best", run, "--output", tmp_path / "best", "--force").exit_code == 0
    assert (tmp_path / "best" / "program.py").read_text() != "mine"
    assert (tmp_path / "best" / "other.py").read_text() == "mine"
    assert invoke("best", run, "--force").exit_code == 2
    assert invoke("best", run, "--output", tmp_path / "best" / "other.py" / "x").exit_code == 2


def test_best_output_follows_no_link(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A link in the place of a file is replaced, what it points to stays as it was."""
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "program.py").symlink_to(tmp_path / "precious")
    assert invoke("best", run, "--output", tmp_path / "best", "--force").exit_code == 0
    assert (tmp_path / "precious").read_text() == "keep"
    assert not (tmp_path / "best" / "program.py").is_symlink()


def test_tree_reaches_the_best(run: Path, invoke: Invoke) -> None:
    """The tree shows what the best came from; --all shows every trial."""
    history = History(run)
    shown = json.loads(invoke("tree", run, "--json").output)
    numbers = [row["number"] for row in shown]
    assert numbers[0] == 0
    assert history.best.number in numbers
    assert len(json.loads(invoke("tree", run, "--all", "--json").output)) == 31
    assert len(invoke("tree", run, "--all").output.splitlines()) == 31


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_export_keeps_every_figure(form: str, run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Numbers come back from each format as they were."""
    path = tmp_path / f"trials.{form}"
    assert invoke("export", run, "--output", path).exit_code == 0
    trials = History(run).trials
    if form == "parquet":
        scores = pd.read_parquet(path)["score"].to_list()
    elif form == "csv":
        with path.open(newline="") as file:
            scores = [row["score"] or None for row in csv.DictReader(file)]
    else:
        scores = [row["score"] for row in json.loads(path.read_text())]
    assert [_plain(score) for score in scores] == [_plain(score) for score in trials["score"]]


def _plain(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def test_export_prints_csv_unless_told(run: Path, invoke: Invoke) -> None:
    """Without options the table goes to standard output."""
    rows = list(csv.DictReader(invoke("export", run).output.splitlines()))
    assert [int(row["number"]) for row in rows] == History(run).trials["number"].to_list()
    assert json.loads(rows[1]["parents"]) == [0]


@pytest.mark.parametrize(
    "arguments",
    [["--format", "parquet"], ["--output", "trials.xls"], ["--format", "xml"], ["--output", "nowhere/trials.csv"]],
    ids=" ".join,
)
def test_export_says_what_it_cannot(arguments: list[str], run: Path, invoke: Invoke) -> None:
    """A format that is not known, or that cannot be printed, is wrong usage."""
    assert invoke("export", run, *arguments).exit_code == 2


@pytest.mark.parametrize("verb", ["show", "best", "log", "tree", "export", "resume"])
def test_a_run_that_is_not_there(verb: str, invoke: Invoke) -> None:
    """One sentence names it, and the exit code is 4."""
    result = invoke(verb, "nowhere")
    assert result.exit_code == 4
    assert result.stderr.startswith("evolve: there is no run 'nowhere'")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("config", [b"x = = 1", b"\xff\xfe"])
@pytest.mark.parametrize("verb", ["show", "log", "best", "resume"])
def test_a_damaged_configuration(verb: str, config: bytes, run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The message names the file and where a copy is, and the exit code is 4."""
    shutil.copytree(run, tmp_path / "one")
    (tmp_path / "one" / ".evolve" / "config.toml").write_bytes(config)
    result = invoke(verb, tmp_path / "one")
    assert result.exit_code == 4
    assert "config.toml" in result.stderr
    command = result.stderr[result.stderr.index("git -C") :].split()
    copy = subprocess.run(command, capture_output=True, check=True).stdout
    assert copy == (run / ".evolve" / "config.toml").read_bytes()


def test_a_trial_that_is_not_there(run: Path, invoke: Invoke) -> None:
    """A number too high is an error of the run; what is no number is wrong usage."""
    assert invoke("show", run, "999").exit_code == 4
    assert invoke("show", run, "worst").exit_code == 2


def test_debug_shows_where_an_error_came_from(invoke: Invoke) -> None:
    """The message stays, the traceback comes before it."""
    result = invoke("--debug", "show", "nowhere")
    assert result.exit_code == 4
    assert "Traceback" in result.stderr


def test_a_clone_can_be_read(run: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A run that was cloned with git alone tells the same."""
    git(tmp_path, "clone", "-q", str(run), str(tmp_path / "clone"))
    there, here = (json.loads(invoke("log", path, "--json").output) for path in (run, tmp_path / "clone"))
    measured = {"seconds", "cpu_seconds", "memory_bytes", "held_out_score"}
    assert [{k: v for k, v in row.items() if k not in measured} for row in there] == [
        {k: v for k, v in row.items() if k not in measured} for row in here
    ]
