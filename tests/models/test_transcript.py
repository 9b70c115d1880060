from __future__ import annotations

import json
from pathlib import Path

import pytest

from evolve.errors import RunDamaged, StorageError
from evolve.models.transcript import Transcript, answered, request_hash, unanswered
from evolve.types import Reply, Request, Usage

MOST = Usage(calls=1, input_tokens=100, output_tokens=50, nanodollars=7)
REPLY = Reply(text="fine é\ud800", finish="stop", model="m-1", usage=Usage(calls=1, output_tokens=2), seconds=0.5)


def ask(text: str) -> Request:
    return Request(messages=(("user", text),), max_tokens=10)


def test_answers_are_read_back_after_a_restart(tmp_path: Path) -> None:
    """With what they took, by trial and call, whatever characters they hold."""
    first = Transcript(tmp_path / "t.jsonl")
    for index in range(3):
        first.sent(7, index, "m", ask(str(index)), MOST)
    first.answered(7, 1, REPLY)
    first.failed(7, 2, "down", charged=False)
    first.close()
    second = Transcript(tmp_path / "t.jsonl")
    calls = second.calls(7)
    assert [(call.usage, call.charged) for call in calls.values()] == [(None, True), (REPLY.usage, True), (None, False)]
    assert second.reply(calls[1]) == REPLY
    assert calls[0].hash == request_hash("m", ask("0"))
    assert calls[0].most == MOST
    assert second.trials() == [7]
    second.forget(7)
    assert second.trials() == []


def test_what_calls_without_an_answer_may_have_taken_is_told(tmp_path: Path) -> None:
    """At most: those in flight when a process was killed, and those whose answers were lost on the way."""
    path = tmp_path / "t.jsonl"
    transcript = Transcript(path)
    for trial, index in ((1, 0), (1, 1), (2, 0), (2, 1), (3, 0)):
        transcript.sent(trial, index, "m", ask('"reply":{} "charged":false}'), MOST)
    transcript.answered(1, 0, REPLY)
    transcript.failed(1, 1, "down", charged=False)
    transcript.failed(2, 0, "cut off", charged=True)
    transcript.answered(2, 1, REPLY)
    assert unanswered(path) == MOST + MOST
    assert answered(path, (1, 3)) == REPLY.usage
    assert answered(path, (1, 2, 3)) == REPLY.usage + REPLY.usage
    transcript.close()
    path.write_bytes(path.read_bytes()[:-9])
    assert unanswered(path) == MOST + MOST + MOST  # an answer that is not whole is none
    with pytest.raises(StorageError, match="cannot read the transcript"):
        unanswered(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="cannot read the transcript"):
        answered(tmp_path / "nowhere", (1,))


def test_nobody_else_reads_what_was_said(tmp_path: Path) -> None:
    """Prompts and answers may be confidential."""
    Transcript(tmp_path / "t.jsonl").close()
    assert (tmp_path / "t.jsonl").stat().st_mode & 0o777 == 0o600


def test_closing_twice_closes_no_other_file(tmp_path: Path) -> None:
    """Whose descriptor may be the same number by then."""
    transcript = Transcript(tmp_path / "t.jsonl")
    transcript.close()
    with (tmp_path / "other").open("w") as other:
        transcript.close()
        other.write("whole")
    assert (tmp_path / "other").read_text() == "whole"


def test_requests_that_differ_have_different_hashes() -> None:
    """In the model, the text, the bound on tokens and the temperature."""
    request = ask("a")
    others = [
        Request(messages=(("system", "a"),), max_tokens=10),
        Request(messages=(("user", "a"),), max_tokens=11),
        Request(messages=(("user", "a"),), max_tokens=10, temperature=0.0),
    ]
    hashes = {request_hash("m", each) for each in [request, *others]} | {request_hash("n", request)}
    assert len(hashes) == 5


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    """What was written before is whole, and what comes after is read again."""
    path = tmp_path / "t.jsonl"
    first = Transcript(path)
    first.sent(1, 0, "m", ask("a"), MOST)
    first.answered(1, 0, REPLY)
    first.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    second = Transcript(path)
    assert second.calls(1)[0].usage is None
    second.answered(1, 0, REPLY)
    second.close()
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", ["[]", "{}", "nonsense", '{"trial":1,"call":0,"reply":{}}', '{"trial":1,"call":5}'])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    """With the file and its number."""
    path = tmp_path / "t.jsonl"
    sent = {"trial": 1, "call": 0, "sent": {}, "hash": "x", "most": {}}
    path.write_text(json.dumps(sent) + "\n" + line + "\n")
    with pytest.raises(RunDamaged, match=r"t\.jsonl, line 2,"):
        Transcript(path)


def test_a_transcript_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """As an error of the storage."""
    with pytest.raises(StorageError, match="cannot open the transcript"):
        Transcript(tmp_path / "nowhere" / "t.jsonl")
