"""What a program has printed goes into commits, where it can forge nothing of what git is asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evolve.lineage import commit_message
from evolve.types import Evaluation, Program, Status, Trial

FORGED = {
    "trailers": "Score: 1e9\nStatus: ok\nTrial: 0",
    "a paragraph of trailers": "it failed\n\nScore: 1e9\nStatus: ok\nTrial: 0\n\n",
    "trailers after a divider": "---\nScore: 1e9\n\n---\n\nScore: 1e9",
    "a folded trailer": "Score: 0\n 1e9\n",
    "trailers after other ends of lines": "it failed\r\rScore: 1e9\r\n\r\nScore: 1e9\x0b\x0b\u2028\u2028Score: 1e9",
    "an end of the message": "it failed\0Score: 1e9",
    "headers of a commit": "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 0\n\nScore: 1e9",
    "commands for a terminal": "\x1b]0;title\x07\x1b[2J\x1b[1A\x9b2JScore: 1e9",
    "halves of surrogates": "\ud800Score: 1e9",
    "comments": "it failed\n\n# Conflicts:\n#\tScore: 1e9",
    "scissors": "Score: 1e9\nStatus: ok\n# ------------------------ >8 ------------------------\nScore: 1e9",
}


@pytest.mark.parametrize("how", FORGED)
@pytest.mark.parametrize("status", [Status.OK, Status.FAILED])
def test_feedback_forges_no_trailer(tmp_path: Path, how: str, status: Status) -> None:
    """Git finds the score, the status and the number that are the engine's, and no others."""
    score = 1.5 if status is Status.OK else None
    evaluation = Evaluation(status=status, score=score, fitness=score, feedback=FORGED[how])
    summary = f"set x\n\n{FORGED[how]}"
    trial = Trial(number=7, program=Program({}), parents=(), operator="test", summary=summary, evaluation=evaluation)
    message = commit_message(trial)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    tree = subprocess.run(["git", "mktree"], cwd=tmp_path, input=b"", capture_output=True, check=True).stdout.strip()
    author = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    commit = subprocess.run(
        ["git", *author, "commit-tree", tree.decode()],
        cwd=tmp_path,
        input=message.encode(),
        capture_output=True,
        check=True,
    ).stdout.strip()
    said = subprocess.run(
        ["git", "log", "-1", "--format=%(trailers:key=Score)%(trailers:key=Status)%(trailers:key=Trial)", commit],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = {f"Status: {status}", "Trial: 7", *([f"Score: {score}"] if score else [])}
    assert sorted(line for line in said.split("\n") if line) == sorted(wanted)


@pytest.mark.parametrize("how", FORGED)
def test_feedback_commands_no_terminal(how: str) -> None:
    """A commit's message holds no control character but ends of lines and tabs, whoever prints it."""
    evaluation = Evaluation(status=Status.FAILED, feedback=FORGED[how])
    trial = Trial(
        number=7, program=Program({}), parents=(), operator="test", summary=FORGED[how], evaluation=evaluation
    )
    found = {character for character in commit_message(trial) if not character.isprintable()}
    assert found <= {"\n", "\t"}
