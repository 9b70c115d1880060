from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import RunDamaged
from evolve.journal import (
    Journal,
    Replay,
    decode_evaluation,
    decode_proposal,
    encode_evaluation,
    encode_proposal,
    read,
)
from evolve.types import Cost, Evaluation, Program, Proposal, Status, Usage

FILES = st.dictionaries(
    st.sampled_from(["a.py", "b/c.txt", "d.bin"]), st.one_of(st.text().map(str.encode), st.binary()), max_size=3
)
PROGRAM = FILES.flatmap(
    lambda files: (
        st.sets(st.sampled_from(sorted(files))).map(lambda x: Program(files, frozenset(x)))
        if files
        else st.just(Program({}))
    )
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


def journal_with(path: Path, *events: Mapping[str, object]) -> Path:
    journal = Journal(path)
    for event in events:
        journal.append(event)  # type: ignore[arg-type] # objects that are JSON all the same
    journal.close()
    return path


@given(base=st.one_of(st.none(), PROGRAM), program=PROGRAM)
def test_a_proposal_survives_the_journal(base: Program | None, program: Program) -> None:
    """Whatever the files, the program read back is the one written, from its difference to the parent's alone."""
    proposal = Proposal(
        program=program,
        parents=(1,) if base else (),
        operator="x",
        summary="é\n",
        usage=Usage(calls=2),
        note={"k": [1]},
    )
    event = json.loads(json.dumps({"number": 3, **encode_proposal(proposal, base)}))
    assert decode_proposal(event, base) == proposal


@given(
    evaluation=st.builds(
        Evaluation,
        status=st.sampled_from(Status),
        score=st.one_of(st.none(), NUMBER),
        fitness=st.one_of(st.none(), NUMBER),
        metrics=st.dictionaries(st.text(), NUMBER),
        instances=st.dictionaries(st.text(), NUMBER),
        feedback=st.text(st.characters(exclude_categories=["Cs"])),
        cost=st.builds(
            Cost,
            seconds=st.sampled_from([0.0, 0.25]),
            cpu_seconds=st.sampled_from([0.0, 2.5]),
            memory_bytes=st.integers(0, 2**40),
            cached=st.booleans(),
        ),
    )
)
def test_an_evaluation_survives_the_journal(evaluation: Evaluation) -> None:
    """Score, fitness and everything else read back are those written, to the last bit."""
    if (evaluation.score is None) != (evaluation.fitness is None):
        return
    assert decode_evaluation(json.loads(json.dumps(encode_evaluation(evaluation)))) == evaluation


def test_a_small_edit_of_a_large_file_takes_a_short_line() -> None:
    """The journal grows with what changes, not with the size of the programs."""
    text = "".join(f"line {i}\n" for i in range(10_000))
    base, changed = (Program({"a": t.encode()}) for t in (text, text.replace("line 5000\n", "line five\n")))
    proposal = Proposal(program=changed, parents=(0,), operator="x", summary="s")
    assert len(json.dumps(encode_proposal(proposal, base))) < 300


@pytest.mark.parametrize("torn", [b'{"event": "told", "num', b"\0\0\0", b"x" * 200_000])
def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path, torn: bytes) -> None:
    """A process killed while it wrote loses that line alone."""
    whole = [{"event": "ledger"}] * 5000
    path = journal_with(tmp_path / "journal.jsonl", *whole)
    with path.open("ab") as file:
        file.write(torn)
    assert list(read(path)) == whole
    journal_with(path, {"event": "stopped", "reason": "trials"})
    assert [event["event"] for event in read(path)] == ["ledger"] * 5000 + ["stopped"]


@pytest.mark.parametrize("line", [b"not json\n", b"[1]\n", b'{"number": 1}\n'])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, line: bytes) -> None:
    """Silently skipping it would lose a trial."""
    path = journal_with(tmp_path / "journal.jsonl", {"event": "ledger"})
    with path.open("ab") as file:
        file.write(line + b'{"event": "ledger"}\n')
    with pytest.raises(RunDamaged, match="line 3, is no journal event"):
        list(read(path))


def test_a_journal_of_another_version_is_not_read(tmp_path: Path) -> None:
    """What its events mean is not known."""
    path = tmp_path / "journal.jsonl"
    path.write_text('{"event": "journal", "version": 99}\n')
    for only in ("", "opened"):
        with pytest.raises(RunDamaged, match="version 99"):
            list(read(path, only))


FULL_DISK = """
import resource, sys
from pathlib import Path
from evolve.errors import StorageError
from evolve.journal import Journal, read
path = Path(sys.argv[1])
journal = Journal(path)
journal.append({"event": "ledger"})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    journal.append({"event": "stopped", "reason": "x" * 200})
except StorageError as error:
    print(error)
print([event["event"] for event in read(path)], path.read_bytes()[-1:])
"""


def test_a_write_that_the_disk_cuts_short_leaves_no_torn_line(tmp_path: Path) -> None:
    """The file is as it was before, and the error says what to do."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / "journal.jsonl")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "nothing recorded is lost: make room, then resume" in said
    assert said.endswith("['ledger'] b'\\n'\n")


def test_a_program_that_is_not_the_recorded_one_is_found_out() -> None:
    """A journal edited by hand cannot smuggle in another program under the old tree id."""
    proposal = Proposal(program=Program({"a": b"1"}), parents=(), operator="seed", summary="s")
    event = {"event": "proposed", "number": 0, **encode_proposal(proposal, None)}
    event["changes"] = {"a": ["2"]}
    with pytest.raises(RunDamaged, match="does not have the tree"):
        decode_proposal(event, None)


def test_events_that_cannot_be_are_named() -> None:
    """A trial told that nobody proposed."""

    def no_program(number: int) -> Program:
        raise KeyError(number)

    with pytest.raises(RunDamaged, match="contradicts itself"):
        Replay(no_program).fold({"event": "told", "number": 4, "status": "ok", "score": 1.0})
