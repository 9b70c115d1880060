"""A person at work in the directory of a run: in a session, between two, and in the way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve.lineage import Lineage
from evolve.types import Evaluation, Program, Status, Trial

ANNA = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *ANNA, *arguments], cwd=path, check=True, capture_output=True, text=True).stdout


PROGRAMS = [Program({"p.py": f"x = {i}\n".encode(), "q.py": b"y = 0\n"}) for i in range(5)]


def record(lineage: Lineage, number: int) -> None:
    """Trial `number` is told, and is the best."""
    evaluation = Evaluation(status=Status.OK, score=float(number), fitness=float(number))
    parents = (number - 1,) if number else ()
    trial = Trial(
        number=number,
        program=PROGRAMS[number],
        parents=parents,
        operator="test",
        summary=f"x = {number}",
        evaluation=evaluation,
    )
    lineage.record(trial, PROGRAMS[number - 1] if number else None)
    lineage.point("best", lineage.commit(number))


class Session:
    """A lineage that is open, and what it said."""

    def __init__(self, path: Path, told: int) -> None:
        self.notices: list[str] = []
        self.lineage = Lineage(path, started=0, on_notice=self.notices.append)
        self.lineage.begin_replay()
        for number in range(told):
            record(self.lineage, number)
        self.lineage.end_replay()
        self.told = told

    def show(self) -> bool:
        return self.lineage.show(self.told - 1, PROGRAMS[self.told - 1].tree)

    def tell(self) -> bool:
        """One more trial, and the work tree is to show it."""
        record(self.lineage, self.told)
        self.told += 1
        return self.show()


@pytest.fixture(params=["in the same session", "after a resume"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """A session that showed two bests, or the one after it that has shown nothing yet."""
    session = Session(tmp_path, 0)
    assert session.tell()
    assert session.tell()
    if request.param == "after a resume":
        session.lineage.close()
        session = Session(tmp_path, 2)
    yield session
    session.lineage.close()


def branches(path: Path) -> dict[str, str]:
    return dict(
        line.split() for line in git(path, "branch", "--format=%(refname:short) %(objectname)").strip().splitlines()
    )


def test_a_commit_of_a_person_is_kept_and_said_once(session: Session, tmp_path: Path) -> None:
    """The branch follows the run again; what was committed stays reachable, with its file."""
    (tmp_path / "p.py").write_text("mine\n")
    git(tmp_path, "commit", "-q", "-a", "-m", "mine")
    mine = git(tmp_path, "rev-parse", "best").strip()
    assert session.tell()
    kept = f"kept/best-{mine[:10]}"
    assert branches(tmp_path) == {"best": session.lineage.commit(2), kept: mine}
    assert git(tmp_path, "show", f"{kept}:p.py") == "mine\n"
    assert (tmp_path / "p.py").read_text() == "x = 2\n"
    assert session.tell()
    assert len(session.notices) == 1
    assert kept in session.notices[0]


def test_a_commit_of_a_person_is_kept_when_nothing_is_told_after_it(session: Session, tmp_path: Path) -> None:
    """A resume that only closes again moves nothing without a word."""
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "mine")
    mine = git(tmp_path, "rev-parse", "best").strip()
    session.lineage.close()
    again = Session(tmp_path, 2)
    assert again.show()
    again.lineage.close()
    assert mine in branches(tmp_path).values()
    assert branches(tmp_path)["best"] == again.lineage.commit(1)
    assert len([*session.notices, *again.notices]) == 1


def test_an_edit_is_left_alone_and_said_once(session: Session, tmp_path: Path) -> None:
    """With the file that is in the way, and how to see the best."""
    (tmp_path / "p.py").write_text("mine\n")
    assert not session.tell()
    assert not session.show()
    assert (tmp_path / "p.py").read_text() == "mine\n"
    (notice,) = session.notices
    assert "p.py was changed by hand" in notice
    assert f"evolve best {tmp_path} -o DIR" in notice


def test_a_staged_edit_is_left_alone(session: Session, tmp_path: Path) -> None:
    """Git has no other copy of it."""
    (tmp_path / "p.py").write_text("mine\n")
    git(tmp_path, "add", "p.py")
    assert not session.tell()
    assert (tmp_path / "p.py").read_text() == "mine\n"
    assert git(tmp_path, "show", ":p.py") == "mine\n"
    assert "staged changes (p.py)" in session.notices[0]


def test_what_else_keeps_git_from_the_work_tree_is_said_in_its_words(session: Session, tmp_path: Path) -> None:
    """As when a person's git works there in that very moment."""
    lock = tmp_path / ".git" / "index.lock"
    lock.touch()
    assert not session.tell()
    (notice,) = session.notices
    assert "git says" in notice
    assert "index.lock" in notice
    lock.unlink()
    assert session.show()


def test_a_file_that_a_person_added_is_left_alone(session: Session, tmp_path: Path) -> None:
    """Where the program has none of that name it is in nobody's way."""
    (tmp_path / "notes.txt").write_text("mine\n")
    assert session.tell()
    assert (tmp_path / "notes.txt").read_text() == "mine\n"
    assert session.notices == []


def test_another_branch_in_the_work_tree_stays(session: Session, tmp_path: Path) -> None:
    """Its files are not those of the best, and nothing is staged on it."""
    git(tmp_path, "checkout", "-q", "-b", "mine")
    assert not session.tell()
    assert git(tmp_path, "status", "--porcelain") == ""
    assert (tmp_path / "p.py").read_text() == "x = 1\n"
    assert "branch mine" in session.notices[0]
    git(tmp_path, "checkout", "-q", "--detach")
    assert not session.show()
    assert "no branch" in session.notices[1]
    git(tmp_path, "checkout", "-q", "best")
    assert session.show()
    assert (tmp_path / "p.py").read_text() == "x = 2\n"


def test_a_copied_work_tree_is_not_taken_for_an_edited_one(session: Session, tmp_path: Path) -> None:
    """Times that the index does not know are no edit."""
    text = (tmp_path / "p.py").read_bytes()
    (tmp_path / "p.py").unlink()
    (tmp_path / "p.py").write_bytes(text)
    assert session.tell()
    assert session.notices == []


def test_nothing_dangles(session: Session, tmp_path: Path) -> None:
    """`git fsck` has nothing to say of a run."""
    assert session.tell()
    session.lineage.close()
    said = subprocess.run(["git", "fsck", "--strict"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == ""
