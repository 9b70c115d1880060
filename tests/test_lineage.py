from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve.errors import LineageError
from evolve.lineage import Lineage, commit_message
from evolve.types import Evaluation, Program, Status, Trial, Usage

STARTED = 1_700_000_000


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


def trial(number: int, files: dict[str, bytes], parents: tuple[int, ...] = (), **fields: object) -> Trial:
    score = float(number)
    values: dict[str, object] = {
        "summary": f"change {number}",
        "operator": "test",
        "evaluation": Evaluation(status=Status.OK, score=score, fitness=score),
    }
    return Trial(number=number, program=Program(files), parents=parents, **(values | fields))  # type: ignore[arg-type]


@pytest.fixture
def notices() -> list[str]:
    """What the lineage said of what a person did."""
    return []


@pytest.fixture
def lineage(tmp_path: Path, notices: list[str]) -> Iterator[Lineage]:
    lineage = Lineage(tmp_path, started=STARTED, config=b"seed = 1\n", on_notice=notices.append)
    yield lineage
    lineage.close()


def test_a_trial_is_a_commit_with_parents_subject_and_trailers(lineage: Lineage) -> None:
    """A crossover is a merge; git's own format options read the trailers."""
    first, second = trial(0, {"p.py": b"a\nb\n"}), trial(1, {"p.py": b"a\nc\n"}, (0,))
    child = trial(2, {"p.py": b"a\nd\n", "q.py": b""}, (1, 0), usage=Usage(calls=1, input_tokens=5, nanodollars=7))
    for each, base in ((first, None), (second, first.program), (child, second.program)):
        lineage.record(each, base)
    lineage.point("best", lineage.commit(2))
    lineage.flush()
    form = "%s|%P|%at|%(trailers:key=Score,valueonly,separator=)|%(trailers:key=Dollars,valueonly,separator=)"
    said = git(lineage.path, "log", "-1", f"--format={form}", "best")
    parents = f"{lineage.commit(1)} {lineage.commit(0)}"
    assert said == f"change 2|{parents}|{STARTED + 2}|2.0|0.000000007"
    assert git(lineage.path, "ls-tree", "--name-only", "best").split() == ["p.py", "q.py"]
    assert git(lineage.path, "rev-parse", "best") == lineage.commit(2)


def test_every_trial_is_reachable_from_the_ledger(lineage: Lineage) -> None:
    """The failed ones too, in the order of tell, without a ref for each."""
    failed = Evaluation(status=Status.FAILED, feedback="Traceback: boom")
    lineage.record(trial(0, {"p": b"0"}), None)
    lineage.record(trial(2, {"p": b"2"}, (0,), evaluation=failed), Program({"p": b"0"}))
    lineage.ledger({"spent": {"trials": 1}})
    lineage.record(trial(1, {"p": b"1"}, (0,)), Program({"p": b"0"}))
    lineage.ledger({"spent": {"trials": 2}})
    lineage.close()
    first = git(lineage.path, "rev-parse", "trials~1")
    assert git(lineage.path, "log", "-1", "--format=%P", "trials").split() == [first, lineage.commit(1)]
    assert git(lineage.path, "log", "-1", "--format=%P", first).split() == [lineage.commit(0), lineage.commit(2)]
    assert "boom" in git(lineage.path, "show", f"{first}:evaluations.jsonl")
    assert git(lineage.path, "show", "trials:config.toml") == "seed = 1"
    assert git(lineage.path, "for-each-ref", "--format=%(refname)", "refs/heads") == "refs/heads/trials"
    assert git(lineage.path, "fsck", "--strict", "--no-dangling") == ""


def test_files_are_added_changed_removed_and_made_executable(lineage: Lineage) -> None:
    """The tree of the commit is the program, odd names included."""
    old = Program({"a b.txt": b"1", 'q"uote': b"2", "gone": b"3", "dir/é.py": b"4"})
    new = Program({"a b.txt": b"9", 'q"uote': b"2", "dir/é.py": b"4", "dir/new": b"\0\n"}, frozenset({"dir/é.py"}))
    lineage.record(trial(0, dict(old.files)), None)
    ok = Evaluation(status=Status.OK, score=0.0, fitness=0.0)
    changed = Trial(number=1, program=new, parents=(0,), operator="x", summary="s", evaluation=ok)
    lineage.record(changed, old)
    assert lineage.program(1) == new
    assert git(lineage.path, "rev-parse", f"{lineage.commit(1)}^{{tree}}") == new.tree


def test_the_work_tree_shows_the_best_and_leaves_a_persons_edits(lineage: Lineage) -> None:
    """Nothing that a person changed is written over; what they did not touch follows."""
    programs = [Program({"p.py": f"{i}\n".encode()}) for i in range(3)]
    for number, program in enumerate(programs):
        lineage.record(trial(number, dict(program.files), () if number == 0 else (0,)), programs[0] if number else None)
    lineage.point("best", lineage.commit(1))
    assert lineage.show(1, programs[1].tree)
    assert (lineage.path / "p.py").read_text() == "1\n"
    assert git(lineage.path, "status", "--porcelain") == ""

    (lineage.path / "p.py").write_text("mine\n")
    lineage.point("best", lineage.commit(2))
    assert not lineage.show(2, programs[2].tree)
    assert (lineage.path / "p.py").read_text() == "mine\n"

    git(lineage.path, "checkout", "-q", "--force", "best")
    assert lineage.show(2, programs[2].tree)
    assert git(lineage.path, "status", "--porcelain") == ""


def test_objects_that_were_lost_are_written_again(tmp_path: Path) -> None:
    """The same trials recorded in a repository that lost some give the same commits, and no second copy of the rest."""
    trials = [trial(0, {"p": b"0"}), trial(1, {"p": b"1"}, (0,)), trial(2, {"p": b"2"}, (1,))]

    def replay(path: Path) -> list[str]:
        lineage = Lineage(path, started=STARTED)
        lineage.begin_replay()
        base = None
        for each in trials:
            lineage.record(each, base)
            base = each.program
        lineage.end_replay()
        lineage.point("best", lineage.commit(2))
        lineage.close()
        return [lineage.commit(number) for number in range(3)]

    first = replay(tmp_path)
    packs = tmp_path / ".git" / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) == 1
    assert replay(tmp_path) == first
    assert len(list(packs.glob("*.pack"))) == 1
    for file in packs.iterdir():
        file.unlink()
    assert replay(tmp_path) == first
    assert git(tmp_path, "fsck", "--strict", "--no-dangling") == ""


def test_a_git_that_dies_is_a_fault_with_its_last_words(lineage: Lineage) -> None:
    """Never a hang, never a silent loss."""
    lineage.record(trial(0, {"p": b"0"}), None)
    lineage.flush()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    importers = [int(pid) for pid in children if b"fast-import" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(importers) == 1
    os.kill(importers[0], signal.SIGKILL)

    def go_on() -> None:
        lineage.record(trial(1, {"p": b"x" * 100_000}, (0,)), Program({"p": b"0"}))
        lineage.flush()

    with pytest.raises(LineageError, match="fast-import ended"):
        go_on()
    with pytest.raises(LineageError, match="died before"):
        go_on()


def test_the_message_cannot_be_forged_by_what_a_proposer_or_a_candidate_says() -> None:
    """A summary or a feedback that imitates a trailer does not become one."""
    forged = trial(
        4,
        {"p": b""},
        summary="better\n\nScore: 99\nStatus: ok\x1b[31m",
        evaluation=Evaluation(status=Status.FAILED, feedback="oops\n\nScore: 99\r\n\nScore: 98"),
    )
    parsed = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=commit_message(forged),
        capture_output=True,
        text=True,
        check=True,
    )
    assert parsed.stdout == "Trial: 4\nStatus: failed\nOperator: test\n"
    assert commit_message(forged).split("\n")[0] == "better Score: 99 Status: ok [31m"


def test_packs_are_put_together(tmp_path: Path) -> None:
    """A checkpoint makes a pack; their number stays logarithmic all the same."""
    lineage = Lineage(tmp_path, started=STARTED)
    base = None
    for number in range(130):
        each = trial(number, {"p": str(number).encode()}, (number - 1,) if number else ())
        lineage.record(each, base)
        base = each.program
        lineage.checkpoint()
    lineage.point("best", lineage.commit(129))
    lineage.close()
    assert len(list((tmp_path / ".git" / "objects" / "pack").glob("*.pack"))) < 20
    assert git(tmp_path, "rev-list", "--count", "best") == "130"


def test_decisions_are_commits_of_a_branch_of_their_own(lineage: Lineage) -> None:
    """Its tree is what is adopted, its parents the decision before and the trial; a rollback has the tree of before."""
    seed, child = trial(0, {"p.py": b"a\n", "q": b""}), trial(1, {"p.py": b"b\n"}, (0,))
    lineage.record(seed, None)
    lineage.record(child, seed.program)
    first = lineage.decide(1, child.program, "Adopt trial 1\n\nGate: adopt\n", told=1)
    second = lineage.decide(1, seed.program, "Roll trial 1 back to trial 0\n", told=9)
    lineage.flush()
    form = "%H|%P|%at|%s|%(trailers:key=Gate,valueonly,separator=)"
    assert git(lineage.path, "log", "--first-parent", "-2", f"--format={form}", "adopted").splitlines() == [
        f"{second}|{first} {lineage.commit(1)}|{STARTED + 9}|Roll trial 1 back to trial 0|",
        f"{first}|{lineage.commit(1)}|{STARTED + 1}|Adopt trial 1|adopt",
    ]
    assert git(lineage.path, "ls-tree", "--name-only", first).split() == ["p.py"]
    assert git(lineage.path, "rev-parse", "adopted^{tree}") == seed.program.tree
    assert git(lineage.path, "fsck", "--strict", "--no-dangling") == ""


def test_decisions_that_are_made_again_are_the_same_commits(lineage: Lineage, tmp_path: Path) -> None:
    """A replay writes what is missing and nothing else."""
    seed = trial(0, {"p.py": b"a\n"})
    lineage.record(seed, None)
    decided = [lineage.decide(0, seed.program, f"Reject trial {n}\n", told=n) for n in range(3)]
    lineage.close()
    again = Lineage(tmp_path, started=STARTED, config=b"seed = 1\n")
    again.begin_replay()
    again.record(seed, None)
    assert [again.decide(0, seed.program, f"Reject trial {n}\n", told=n) for n in range(2)] == decided[:2]
    again.end_replay()
    assert again.decide(0, seed.program, "Reject trial 2\n", told=2) == decided[2]
    again.close()
    assert git(tmp_path, "rev-parse", "adopted") == decided[2]
