"""A run that ended at any moment whatever goes on as if nothing had happened."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve import journal
from evolve.testing.moody import moody_settings
from evolve.testing.searches import open_evolution
from evolve.types import Status

TRIALS = 14


def refs(path: Path) -> str:
    command = ["git", "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]
    return subprocess.run(command, cwd=path, check=True, capture_output=True, text=True).stdout


def moments(state: Path) -> Iterator[tuple[bytes, bytes]]:
    """Journal and transcript at each moment: calls of a trial lie between the asking for it and its proposal."""
    said: dict[int, list[bytes]] = {}
    for line in (state / "transcript.jsonl").read_bytes().splitlines(keepends=True):
        said.setdefault(json.loads(line)["trial"], []).append(line)
    written, asked = b"", b""
    for line in (state / "journal.jsonl").read_bytes().splitlines(keepends=True):
        event = json.loads(line)
        for call in said.pop(event["number"], ()) if event["event"] == "proposed" else ():
            yield written, asked + call[: len(call) // 2]
            asked += call
            yield written, asked
        yield written + line[: len(line) // 2], asked
        written += line
        yield written, asked


@pytest.mark.parametrize(
    "kind", [{}, {"races": True}, {"tuned": True}, {"gated": True}], ids=["plain", "races", "tuned", "gated"]
)
def test_every_moment_is_as_good_as_another(tmp_path: Path, kind: dict[str, bool]) -> None:
    """With one worker: whatever was the last thing that was written, whole or torn, the commits are the same, the
    budget is exact, and no question that was answered is asked again."""
    whole = tmp_path / "whole"
    given = moody_settings(**kind)
    with open_evolution(whole, trials=TRIALS, **given) as evolution:
        evolution.run()
        spent, best = dict(evolution.budget.spent), evolution.best
        statuses = set(evolution.learners.statuses)
    asked = len(given["models"][0].requests)
    assert statuses >= {Status.OK, Status.REJECTED, Status.DUPLICATE}
    assert asked >= 6
    expected = refs(whole)
    events = [event["event"] for event in journal.read(whole / ".evolve" / "journal.jsonl")]
    assert "duplicate" in events
    for number, (written, transcript) in enumerate(moments(whole / ".evolve")):
        path = tmp_path / str(number)
        (path / ".evolve").mkdir(parents=True)
        shutil.copy(whole / ".evolve" / "config.toml", path / ".evolve")
        (path / ".evolve" / "journal.jsonl").write_bytes(written)
        (path / ".evolve" / "transcript.jsonl").write_bytes(transcript)
        given = moody_settings(**kind)
        with open_evolution(path, trials=TRIALS, **given) as evolution:
            evolution.run()
            where = f"after {written.splitlines()[-1:]} and {transcript.splitlines()[-1:]}"
            assert evolution.budget.spent == spent, where
            assert evolution.best == best, where
            lines = [json.loads(line) for line in transcript.splitlines(keepends=True) if line.endswith(b"\n")]
            sent, answered = (sum(kind in line for line in lines) for kind in ("sent", "reply"))
            assert answered + len(given["models"][0].requests) == asked, where
            assert evolution.budget.committed("calls") == asked + sent - answered, where
        assert refs(path) == expected, where
        shutil.rmtree(path)
