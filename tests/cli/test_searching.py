"""The verbs that search and score: run, resume, eval, init."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import Result

from evolve.cli.progress import Progress
from evolve.history import History
from evolve.testing.fakes import number_program
from evolve.types import Evaluation, Status, Trial

Invoke: TypeAlias = Callable[..., Result]

QUICK = ["--workers", "1", "--sandbox", "process"]


def lines_of_trials(output: str) -> list[str]:
    """The lines that tell of a new best."""
    return [line for line in output.splitlines() if line[:6].strip().isdigit()]


def test_a_new_task_works_at_once(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """What `init` made is scored, searched and improved without a change."""
    seed = json.loads(invoke("eval", task, "--sandbox", "process", "--json").output)
    assert seed["status"] == "ok"
    result = invoke("run", task, *QUICK, "--trials", "60", "--seed", "1", "--runs", tmp_path, "--json")
    assert result.exit_code == 0
    record = json.loads(result.stdout)
    assert record["seed"]["score"] == seed["score"] < record["best"]["score"]
    assert record["best"]["held_out_score"] > record["seed"]["held_out_score"]
    assert (record["trials"], record["reason"], record["run"]) == (60, "trials", str(tmp_path / "sine-1"))


def test_a_run_says_where_it_is_and_what_it_is_not_safe_from(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Before: sandbox and weaknesses. While: each new best. After: scores, held out too, and commands for git."""
    result = invoke("run", task, *QUICK, "--trials", "20", "--runs", tmp_path, "--name", "first")
    assert "sandbox process" in result.stderr
    assert "reads every file" in result.stderr
    assert lines_of_trials(result.stderr)
    assert "Trials used up after 20 trials" in result.stdout
    assert "held out" in result.stdout
    commands = [line[line.index("git -C") :] for line in result.stdout.splitlines() if "git -C" in line]
    assert len(commands) == 2
    for line in commands:
        assert subprocess.run(line.split(), capture_output=True, check=True).stdout


def test_quiet_says_only_the_result(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Nothing on standard error, for a search that finds something."""
    result = invoke("run", task, *QUICK, "--trials", "30", "--runs", tmp_path, "--quiet")
    assert result.stderr == ""
    assert "after 30 trials" in result.stdout


def test_runs_are_numbered(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Without a name the first free number is taken."""
    for _ in range(2):
        assert invoke("run", task, *QUICK, "--trials", "1", "--runs", tmp_path, "--quiet").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sine-1", "sine-2"]


def test_resume_takes_a_new_total(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """5 trials and then 9 in all are 9, not 14."""
    invoke("run", task, *QUICK, "--trials", "5", "--runs", tmp_path, "--name", "one", "--quiet")
    result = invoke("resume", tmp_path / "one", "--trials", "9", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["trials"] == 9
    assert History(tmp_path / "one").trials["number"].to_list() == list(range(10))


def test_a_name_that_is_taken(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Nothing is overwritten; the message says how to continue."""
    (tmp_path / "one").mkdir()
    result = invoke("run", task, *QUICK, "--trials", "1", "--runs", tmp_path, "--name", "one")
    assert result.exit_code == 4
    assert "evolve resume" in result.stderr


@pytest.mark.parametrize("name", ["../out", "a/b", "..", ".", "", "a\nb"])
def test_a_name_is_no_path(name: str, task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A run goes nowhere but below the folder of the runs."""
    assert invoke("run", task, "--runs", tmp_path / "runs", "--name", name).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_task_that_is_not_there(invoke: Invoke) -> None:
    """The message names the bundled ones and what may have been meant."""
    result = invoke("run", "bin_paking")
    assert result.exit_code == 3
    assert "did you mean bin_packing?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--trials", "0"], ["--seconds", "0"], ["--seconds", "nan"], ["--seconds", "inf"], ["--workers", "0"]],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], invoke: Invoke) -> None:
    """An option that makes no sense is refused before anything begins."""
    assert invoke("run", "bin_packing", *arguments).exit_code == 2


@pytest.mark.parametrize("option", ["--sandbox", "--proposer", "--archive"])
def test_a_part_that_does_not_exist(option: str, task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The message names those there are, and nothing is left behind."""
    arguments = {"--sandbox": "process"} | {option: "nonsense"}
    result = invoke("run", task, *sum(arguments.items(), ()), "--runs", tmp_path)
    assert result.exit_code == 3
    assert "nonsense" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_sandbox_that_does_not_work(task: Path, tmp_path: Path) -> None:
    """What is asked for by name is not replaced by something weaker."""
    # a process of its own: the SDK forgets a socket when nobody answers, and a warning there is an error here
    end = subprocess.run(
        [sys.executable, "-m", "evolve", "run", str(task), "--sandbox", "docker", "--runs", str(tmp_path / "runs")],
        env=os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/nothing.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert end.returncode == 5
    assert end.stderr.startswith("evolve: ")
    assert not (tmp_path / "runs").exists()


def test_a_proposer_that_is_not_ours_needs_isolation(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Its programs are refused in a plain process, unless that is allowed."""
    arguments = [
        "run",
        task,
        *QUICK,
        "--trials",
        "2",
        "--runs",
        tmp_path,
        "--proposer",
        "evolve.proposers.mutation:Mutation",
    ]
    result = invoke(*arguments)
    assert result.exit_code == 5
    assert "--allow-unsafe" in result.stderr
    assert invoke(*arguments, "--allow-unsafe").exit_code == 0


def test_a_place_that_cannot_be_written(task: Path, invoke: Invoke) -> None:
    """The disk has an exit code of its own."""
    result = invoke("run", task, *QUICK, "--runs", "/proc/nothing")
    assert result.exit_code == 8
    assert "/proc/nothing" in result.stderr


def test_a_run_that_is_in_use(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A second session is refused and told of the first; reading is not."""
    with begin(task, tmp_path) as process:
        refused = invoke("resume", tmp_path / "one")
        (row,) = json.loads(invoke("list", "--runs", tmp_path, "--json").output)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert refused.exit_code == 4
    assert str(process.pid) in refused.stderr
    assert row["state"] == "running"


def test_a_run_can_go_on_after_kill(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """`kill -9`, then resume with a new total: exactly that many trials."""
    with begin(task, tmp_path) as process:
        process.kill()
        process.communicate(timeout=300)
    # git stores what it was given before it lets go of the run
    patience = time.monotonic() + 300
    while (row := json.loads(invoke("list", "--runs", tmp_path, "--json").output)[0])["state"] == "running":
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert row["state"] == "cut short"
    total = row["trials"] + 3
    assert invoke("resume", tmp_path / "one", "--trials", str(total), "--quiet").exit_code == 0
    assert sorted(trial.number for trial in History(tmp_path / "one").order) == list(range(total + 1))


def test_a_seed_without_a_score(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The search ends at once with a code of its own, and says what is wrong with the seed."""
    broken = tmp_path / "broken"
    (broken / "seed").mkdir(parents=True)
    for name in ("task.toml", "evaluate.py"):
        (broken / name).write_text((task / name).read_text())
    (broken / "seed" / "program.py").write_text("def predict(x):\n    raise ValueError('not today')\n")
    result = invoke("run", broken, *QUICK, "--runs", tmp_path / "runs")
    assert result.exit_code == 7
    assert "not today" in result.stderr


def test_eval_scores_a_file_or_a_folder(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Both stand in the place of the seed, and the held-out split can be asked for."""
    (tmp_path / "mine.py").write_text("import math\n\ndef predict(x):\n    return math.sin(x)\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "program.py").write_text((tmp_path / "mine.py").read_text())
    for program in ("mine.py", "folder"):
        for split in ("search", "held_out"):
            arguments = [task, tmp_path / program, "--split", split, "--sandbox", "process", "--json"]
            assert json.loads(invoke("eval", *arguments).stdout)["score"] == 0.0


def test_eval_of_a_bad_program_is_a_result(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A status and what went wrong, with exit code 0."""
    (tmp_path / "bad.py").write_text("def predict(x:\n")
    result = invoke("eval", task, tmp_path / "bad.py", "--sandbox", "process")
    assert result.exit_code == 0
    assert "failed" in result.stdout
    assert "SyntaxError" in result.stdout


def test_eval_says_what_it_scored(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A folder is the whole program, modes included; a file stands for one of the seed's, or is refused."""
    several = tmp_path / "several"
    several.mkdir()
    for name in ("task.toml", "evaluate.py"):
        (several / name).write_text((task / name).read_text())
    (several / "evaluate.py").write_text(
        "def evaluate(program):\n"
        "    done = program.run(['./tool.sh']) if 'tool.sh' in program.files else None\n"
        "    return {'score': len(program.files), 'code': done.returncode if done else None}\n"
    )
    (several / "seed").mkdir()
    for name in ("one.py", "two.py"):
        (several / "seed" / name).write_text("x = 1\n")

    def score(*arguments: object) -> dict[str, Any]:
        found = invoke("eval", several, *map(str, arguments), "--sandbox", "process", "--json")
        assert found.exit_code == 0, found.stderr
        told: dict[str, Any] = json.loads(found.stdout)
        return told

    program = tmp_path / "program"
    program.mkdir()
    assert score()["program"] == "the seed"
    refused = invoke("eval", several, "/dev/null", "--sandbox", "process")
    assert (refused.exit_code, "neither a file nor a folder" in refused.stderr) == (3, True)
    refused = invoke("eval", several, program, "--sandbox", "process")
    assert (refused.exit_code, "there is no file in" in refused.stderr) == (3, True)
    (program / "tool.sh").write_text("#!/bin/sh\nexit 7\n")
    (program / "tool.sh").chmod(0o755)
    whole = score(program)
    assert (whole["score"], whole["metrics"]) == (1.0, {"code": 7})
    assert whole["program"] == f"the folder {program} (1 file)"
    assert "one.py was removed" in whole["rejected"]
    (program / "two.py").write_text("x = 2\n")
    assert score(program / "two.py")["program"] == f"{program / 'two.py'} as two.py, with 1 other file of the seed"
    refused = invoke("eval", several, program / "tool.sh", "--sandbox", "process")
    assert (refused.exit_code, "has one.py, two.py" in refused.stderr) == (3, True)
    text = (several / "task.toml").read_text().replace("[task]", '[task]\nmodule = "one"', 1)
    (several / "task.toml").write_text(text)
    (program / "mine.py").write_text("x = 3\n")
    assert score(program / "mine.py")["program"].startswith(f"{program / 'mine.py'} as one.py")


def test_eval_shows_what_it_scored(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """People read it too, and that a search would not take such a program."""
    text = (task / "seed" / "program.py").read_text()
    (tmp_path / "mine.py").write_text("import math\n" + text)
    shown = invoke("eval", task, tmp_path / "mine.py", "--sandbox", "process").stdout
    assert f"{tmp_path / 'mine.py'} as program.py" in shown
    assert "a search would reject it: program.py:1 is outside the regions" in shown
    assert "reject" not in invoke("eval", task, "--sandbox", "process").stdout


def test_init_says_what_to_type(tmp_path: Path, invoke: Invoke) -> None:
    """Also where a path has spaces in it."""
    said = invoke("init", tmp_path / "my task").stdout
    assert f"evolve run '{tmp_path / 'my task'}'" in said


def test_init_adds_its_own_files_and_overwrites_nothing(tmp_path: Path, invoke: Invoke) -> None:
    """What else lies in the folder stays; a task, or what would be taken for a part of one, is left alone."""
    (tmp_path / "notes.txt").write_text("mine")
    assert invoke("init", tmp_path).exit_code == 0
    assert (tmp_path / "notes.txt").read_text() == "mine"
    (tmp_path / "task.toml").write_text("mine")
    refused = invoke("init", tmp_path)
    assert refused.exit_code == 3
    assert "already has task.toml and evaluate.py and seed" in refused.stderr
    assert (tmp_path / "task.toml").read_text() == "mine"
    (tmp_path / "file").write_text("")
    assert "is no folder" in invoke("init", tmp_path / "file").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_cleanly(number: signal.Signals, task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The run ends with 130 and says how to go on; going on ends with exactly the budget."""
    with begin(task, tmp_path) as process:
        process.send_signal(number)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "evolve resume" in said
    before = len(History(tmp_path / "one"))
    assert History(tmp_path / "one").stopped == "interrupted"
    total = before + 4
    assert invoke("resume", tmp_path / "one", "--trials", str(total), "--quiet").exit_code == 0
    assert sorted(trial.number for trial in History(tmp_path / "one").order) == list(range(total + 1))


SLEEP = "import time\n\ndef evaluate(program, split):\n    time.sleep(600 * (split == {split!r}))\n    return 1.0\n"


@pytest.fixture
def sleepy(request: pytest.FixtureRequest, task: Path, tmp_path: Path) -> Path:
    """A task whose evaluator sleeps for ten minutes on one split."""
    folder = tmp_path / "sleepy"
    (folder / "seed").mkdir(parents=True)
    (folder / "task.toml").write_text((task / "task.toml").read_text().replace("timeout = 10.0", "timeout = 600.0"))
    (folder / "evaluate.py").write_text(SLEEP.format(split=request.param))
    (folder / "seed" / "program.py").write_text("x = 1\ny = x + 2\n")
    return folder


@pytest.mark.parametrize("sleepy", ["search", "held_out"], indirect=True)
def test_one_signal_does_not_wait_for_an_evaluation(sleepy: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Not for the seed's, and not for a held-out one; resume scores what was not scored."""
    held_out = "held_out" in (sleepy / "evaluate.py").read_text()
    with begin(sleepy, tmp_path, "--trials", "2", until="sandbox process") as process:
        patience = time.monotonic() + 300
        while "trials" not in History(tmp_path / "one").stopped and held_out:
            assert time.monotonic() < patience
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"evolve resume {tmp_path}/one" in said
    assert len(History(tmp_path / "one")) == (3 if held_out else 0)
    assert History(tmp_path / "one").held_out == {}


STUCK = """
import time
from evolve.sandboxes.process import ProcessSandbox

class Stuck(ProcessSandbox):
    def close(self):
        print("closing", file=__import__("sys").stderr, flush=True)
        time.sleep(600)
"""


def test_two_signals_kill(task: Path, tmp_path: Path) -> None:
    """Even when something will not end, the second Ctrl-C ends the run at once, and says how to go on."""
    (tmp_path / "stuck.py").write_text(STUCK)
    with begin(task, tmp_path, "--sandbox", "stuck:Stuck", "--allow-unsafe") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "closing" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"continue with: evolve resume {tmp_path}/one" in said


def test_a_hangup_that_is_ignored_stays_ignored(task: Path, tmp_path: Path) -> None:
    """As `nohup` asks."""
    with begin(task, tmp_path, before=["nohup"]) as process:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
    assert process.returncode == 130


@contextmanager
def begin(
    task: Path, runs: Path, *options: str, until: str = "", before: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """A search in a process of its own, once it said this, or told of its first trial. It ends with the test."""
    arguments = ["run", str(task), *QUICK, "--trials", "100000", "--seconds", "3000", "--runs", str(runs), *options]
    with subprocess.Popen(
        [*before, sys.executable, "-m", "evolve", *arguments, "--name", "one"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=runs,
        env=os.environ,
    ) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if until in line if until else lines_of_trials(line):
                    break
            yield process
        finally:
            process.kill()


def test_a_search_in_which_nothing_has_a_score_says_why(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The commonest status, the first lines of a feedback, and how to see more."""
    folder = changed(
        task, tmp_path, "n = 0\n\ndef evaluate(program):\n    global n\n    n += 1\n    1 / (n == 1)\n    return 1\n"
    )
    result = invoke("run", folder, *QUICK, "--trials", "6", "--runs", tmp_path / "my runs", "--name", "one")
    assert result.exit_code == 0
    assert "No program but the seed has a score: " in result.stderr
    assert " failed" in result.stderr
    assert "ZeroDivisionError" in result.stderr
    assert f"evolve log '{tmp_path}/my runs/one'" in result.stderr
    shown = result.stderr[result.stderr.index("evolve show ") :].splitlines()[0]
    number = int(shown.split()[-1])
    assert History(tmp_path / "my runs" / "one")[number].evaluation.status == "failed"


def test_a_search_in_which_nothing_got_better_says_so(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Calmly, and only then."""
    folder = changed(task, tmp_path, "def evaluate(program):\n    return 1.0\n")
    result = invoke("run", folder, *QUICK, "--trials", "6", "--runs", tmp_path, "--name", "flat")
    assert "No program was better than the seed" in result.stderr
    result = invoke("run", task, *QUICK, "--trials", "30", "--runs", tmp_path, "--name", "good")
    assert History(tmp_path / "good").best.number > 0
    assert "No program" not in result.stderr


def changed(task: Path, tmp_path: Path, evaluate: str, seed: str = "x = 1\ny = x + 2 * 3\n") -> Path:
    """The task with another evaluator and another seed."""
    folder = tmp_path / "changed"
    (folder / "seed").mkdir(parents=True)
    (folder / "task.toml").write_text((task / "task.toml").read_text())
    (folder / "evaluate.py").write_text(evaluate)
    (folder / "seed" / "program.py").write_text(seed)
    return folder


@pytest.mark.parametrize("evaluate", ["import nothing_of_that_name\n", "def evaluate(program:\n", "x = 1\n"])
def test_a_start_with_an_evaluator_that_cannot_be_used_leaves_nothing(
    evaluate: str, task: Path, tmp_path: Path, invoke: Invoke
) -> None:
    """There is nothing to see in it, and with the evaluator mended the name is free."""
    folder = changed(task, tmp_path, evaluate)
    result = invoke("run", folder, *QUICK, "--trials", "6", "--runs", tmp_path / "runs", "--name", "one")
    assert result.exit_code == 3
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_whose_seed_has_no_score_says_so(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """It stays, for the reason can be looked at; `list` and `show` tell it."""
    folder = changed(task, tmp_path, "def evaluate(program):\n    raise ValueError('not today')\n")
    result = invoke("run", folder, *QUICK, "--trials", "6", "--runs", tmp_path, "--name", "one")
    assert result.exit_code == 7
    assert "the seed program has no score" in invoke("list", "--runs", tmp_path).output
    assert "the seed program has no score" in invoke("show", tmp_path / "one").output
    assert "not today" in invoke("show", tmp_path / "one", "seed").output
    again = invoke("resume", tmp_path / "one")
    assert again.exit_code == 7
    assert "not today" in again.stderr


def test_a_finished_run_resumed_shows_no_empty_table(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """The head of the table comes with its first line."""
    invoke("run", task, *QUICK, "--trials", "3", "--runs", tmp_path, "--name", "one", "--quiet")
    result = invoke("resume", tmp_path / "one")
    assert "new best" not in result.stderr
    assert "after 3 trials" in result.stdout


def trial(number: int, score: float) -> Trial:
    """A trial with this score."""
    evaluation = Evaluation(status=Status.OK, score=score, fitness=score)
    program, parents = number_program(score), (0,) if number else ()
    return Trial(
        number=number, program=program, parents=parents, operator="test", summary="a\x1b[2Jb", evaluation=evaluation
    )


def test_progress_counts_trials_and_not_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """Trials are told out of order, and a number that goes back looks like work undone."""
    progress = Progress(live=False)
    progress.begin(9, told=1, best=trial(0, 1.0))
    counts = []
    for number in (3, 1, 2):
        progress.tell(trial(number, 0.0))
        counts.append(progress.line().split(" · ")[0])
    assert counts == ["1 of 9 trials", "2 of 9 trials", "3 of 9 trials"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("live", [False, True])
def test_progress_tells_each_new_best(live: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each rise and none for what is no better, on a terminal too; nothing rewrites the screen."""
    with Progress(live=live) as progress:
        for number, score in enumerate([1.0, 3.0, 2.0, 4.0]):
            progress.tell(trial(number, score))
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split()[:2] for line in lines_of_trials(told.err)] == [["0", "1"], ["1", "3"], ["3", "4"]]
    assert "\x1b[2J" not in told.err


def test_quiet_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a byte."""
    with Progress(quiet=True, live=True) as progress:
        progress.tell(trial(0, 1.0))
    assert capsys.readouterr() == ("", "")


def test_what_a_person_did_in_a_run_is_kept_and_said(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """A commit on the branch of the best, and an edit in the work tree, outlive a resume, even a quiet one."""
    path = tmp_path / "one"
    invoke("run", task, *QUICK, "--trials", "5", "--runs", tmp_path, "--name", "one", "--quiet")
    git = ["git", "-C", str(path), "-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    (path / "program.py").write_text("committed\n")
    subprocess.run([*git, "commit", "-q", "-a", "-m", "mine"], check=True)
    (path / "program.py").write_text("edited\n")
    result = invoke("resume", path, "--trials", "6", "--quiet")
    assert result.exit_code == 0
    branches = subprocess.run([*git, "branch", "--list", "kept/*"], capture_output=True, text=True, check=True).stdout
    assert branches.split()[0] in result.stderr
    assert "program.py was changed by hand" in result.stderr
    assert (path / "program.py").read_text() == "edited\n"


@pytest.mark.parametrize("limit", ["--trials", "--evaluations", "--seconds"])
def test_resume_says_that_a_limit_was_reached_before(limit: str, task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Which one, how much of it is used, and how to go on; and not when something was tried."""
    path = tmp_path / "one"
    invoke("run", task, *QUICK, "--trials", "3", "--runs", tmp_path, "--name", "one")
    amount = "0.000001" if limit == "--seconds" else "2"
    result = invoke("resume", path, "--trials", "9", limit, amount)
    assert result.exit_code == 0
    assert f"Nothing new was proposed: the limit is {amount} {limit[2:]}, " in result.stderr
    assert f"evolve resume {path} {limit} N" in result.stderr
    assert json.loads(invoke("resume", path, limit, amount, "--json").stdout)["trials_before"] == 3
    more = invoke("resume", path, "--trials", "5", "--evaluations", "50", "--seconds", "50")
    assert "Nothing new was proposed" not in more.stderr


def test_a_limit_on_money_that_one_call_may_pass_is_said_to(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    """Nobody was asked and nothing was spent, and yet the search is over."""
    model = ["--model", "m", "--price", "1/2", "--base-url", "http://127.0.0.1:9/v1", "--api-key-env", "PATH"]
    result = invoke(
        "run", task, *QUICK, *model, "--dollars", "0.000001", "--runs", tmp_path, "--name", "one", "--allow-unsafe"
    )
    assert result.exit_code == 0
    assert (
        "Nothing new was proposed: the limit is 0.000001 dollars, and what is left of it after 0 dollars is not enough"
        in result.stderr
    )
