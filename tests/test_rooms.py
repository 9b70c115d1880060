"""Rooms are kept for one scaffold after another, and none knows or pays for its predecessor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evolve.errors import ModelFault, SandboxFault
from evolve.folders import read_folder
from evolve.frames import Frame
from evolve.models.gateway import Lease
from evolve.resources import bundled
from evolve.rooms import Room, Rooms
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.scaffolds import Scaffold, ScaffoldFailed
from evolve.testing.models import ScriptedModel
from evolve.testing.sandboxes import available
from evolve.testing.scaffolds import HereSandbox
from evolve.types import Limits, Model, Program, Reply, Request, Role, Sandbox, Session

GATEWAY = {"gateway.py": read_folder(bundled("seeds") / "scaffold").files["gateway.py"]}
ASKS = b"""
import random
from gateway import asker
def propose(first, last):
    ask = asker({"models": ["scripted"], "max_tokens": 10})
    return [ask([("user", f"question {number}")], random.Random(1)) for number in range(first, last)]
"""
NOBODY = Program({"scaffold.py": b"def propose():\n    return 1\n"})


class Counted:
    """A sandbox that counts. Of its first sessions `breaking` break when they have the answer to a call."""

    name = "counted"
    weaknesses: tuple[str, ...] = ()

    def __init__(self, sandbox: Sandbox, breaking: int = 0) -> None:
        self._sandbox, self._breaking = sandbox, breaking
        self.opened: list[Watched] = []

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """One more."""
        session = self._sandbox.open(role, limits, gateway=gateway)
        self.opened.append(Watched(session, breaks=len(self.opened) < self._breaking))
        return self.opened[-1]

    def close(self) -> None:
        """As it is."""
        self._sandbox.close()


class Watched:
    """A session that may break, and knows whether it was closed."""

    def __init__(self, session: Session, *, breaks: bool) -> None:
        self._session, self._breaks = session, breaks
        self.send, self.closed = session.send, False

    def receive(self, timeout: float) -> Frame:
        """What comes, unless it breaks."""
        frame = self._session.receive(timeout)
        if self._breaks and frame.buffers:
            raise SandboxFault("it broke")
        return frame

    def close(self) -> None:
        """Seen."""
        self.closed = True
        self._session.close()


def lease(calls: int) -> Lease:
    return Lease(calls=calls, tokens=10**6, nanodollars=10**12, seconds=600.0, models=("scripted",))


def scaffold(program: Program, rooms: Rooms, model: ScriptedModel, calls: int = 8) -> Scaffold:
    def ask(asked: Model, request: Request) -> Reply:
        return asked.complete(request)

    return Scaffold(program, rooms, [model], lease(calls), ask=ask, seconds=20.0)


@pytest.fixture
def process() -> Iterator[Sandbox]:
    """The scaffolds here are ours."""
    made = ProcessSandbox()
    yield made
    made.close()


def test_a_room_is_kept_for_the_next_scaffold() -> None:
    """Until it has had as many as it may have, or something was wrong; closing closes all, those in use too."""
    sandbox = Counted(HereSandbox())
    rooms = Rooms(sandbox, most=2)
    for _ in range(3):
        one = scaffold(NOBODY, rooms, ScriptedModel([]))
        assert one.call("propose") == 1
        one.close()
    assert [session.closed for session in sandbox.opened] == [True, False]
    doubtful = rooms.take()
    doubtful.unclean = "there was something"
    rooms.give(doubtful)
    assert sandbox.opened[1].closed
    deaf = rooms.take()
    deaf.end()
    deaf.door.deafen()
    rooms.give(deaf)
    assert sandbox.opened[2].closed
    used, idle = rooms.take(), rooms.take()
    idle.end()
    rooms.give(idle)
    rooms.close()
    assert [session.closed for session in sandbox.opened[3:]] == [True, True]
    rooms.give(used)
    with pytest.raises(SandboxFault, match="closed"):
        rooms.take()
    assert all(session.closed for session in sandbox.opened)


def test_who_is_in_a_room_that_is_closed_has_not_failed(process: Sandbox) -> None:
    """It is no fault of the scaffold's, although a session without one could still be opened."""
    rooms = Rooms(process)
    one = scaffold(Program({**GATEWAY, "scaffold.py": ASKS}), rooms, ScriptedModel(lambda _: closes(rooms)))
    with pytest.raises(SandboxFault, match="the evaluator is closed"):
        one.call("propose", 0, 1)
    one.close()


def closes(rooms: Rooms) -> str:
    rooms.close()
    return "too late"


def test_a_room_that_was_never_left_in_order_is_not_kept() -> None:
    """A scaffold that is closed in the middle of a call leaves nobody a session that goes on with it."""
    sandbox = Counted(HereSandbox())
    rooms = Rooms(sandbox, most=9)
    room = rooms.take()
    rooms.give(room)
    assert room.unclean
    assert sandbox.opened[0].closed
    rooms.close()


def test_a_session_that_cannot_be_opened_leaves_no_door(tmp_path: Path) -> None:
    """Nor a socket that a warning would tell of."""

    class Failing(HereSandbox):
        def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
            assert gateway is not None
            doors.append(gateway)
            raise SandboxFault("no")

    doors: list[Path] = []
    with pytest.raises(SandboxFault, match="no"):
        Room(Failing(), Limits())
    assert [door.exists() for door in doors] == [False]


@pytest.mark.parametrize("breaking", [0, 1])
def test_what_is_answered_again_counts_once(process: Sandbox, breaking: int) -> None:
    """A session that breaks costs a scaffold nothing of its lease, neither in this call nor in later ones."""
    sandbox, model = Counted(process, breaking), ScriptedModel(lambda _: "hello")
    one = scaffold(Program({**GATEWAY, "scaffold.py": ASKS}), Rooms(sandbox), model, calls=5)
    assert one.call("propose", 0, 2) == ["hello"] * 2
    assert one.used.calls == len(model.requests) == 2
    assert one.call("propose", 2, 4) == ["hello"] * 2
    assert one.used.calls == 4
    with pytest.raises(Exception, match="429"):
        one.call("propose", 4, 6)
    assert one.used.calls == len(model.requests) == 5
    one.close()
    assert one.used.calls == 5
    assert len(sandbox.opened) == 1 + breaking


WAVERS = b"""
import os, random
from gateway import asker
def propose(count):
    ask = asker({"models": ["scripted"], "max_tokens": 10})
    return [ask([("user", os.urandom(8).hex())], random.Random(1)) for _ in range(count)]
"""


def test_a_session_that_breaks_lends_nobody_more(process: Sandbox) -> None:
    """Else who can break one would have two leases, and the better of two sets of answers."""
    sandbox, model = Counted(process, breaking=1), ScriptedModel(lambda _: "hello")
    one = scaffold(Program({**GATEWAY, "scaffold.py": WAVERS}), Rooms(sandbox), model, calls=3)
    with closing(one), pytest.raises(ScaffoldFailed, match="429"):
        one.call("propose", 2)
    assert one.used.calls == len(model.requests) == 3


INSISTS = b"""
import random
from gateway import NoAnswer, asker
def insist():
    ask, said = asker({"models": ["scripted"], "max_tokens": 10}), []
    for number in range(20):
        try:
            ask([("user", f"question {number}")], random.Random(1))
        except NoAnswer as no:
            said.append("no more" if "lease_exhausted" in str(no) else "refused")
    return said
"""


def test_what_a_service_refuses_is_passed_on_so_often_in_a_lease(process: Sandbox) -> None:
    """Not in each of its calls, nor once more when the session breaks: whoever else asks would bear it."""
    sandbox, model = Counted(process), ScriptedModel(lambda _: ModelFault("no", sent=False, unfit=True))
    with closing(scaffold(Program({**GATEWAY, "scaffold.py": INSISTS}), Rooms(sandbox), model, calls=3)) as one:
        assert one.call("insist") == ["refused"] * 13 + ["no more"] * 7
        assert one.call("insist") == ["no more"] * 20
    assert len(model.requests) == 13


def test_what_keeps_models_from_answering_is_told_when_the_session_breaks_too(process: Sandbox) -> None:
    """It is not tried once more: there would be no answer again."""
    sandbox = Counted(process, breaking=1)
    program = {
        **GATEWAY,
        "scaffold.py": ASKS
        + b"def calm():\n    try:\n        propose(0, 1)\n    except Exception:\n        return 1\n",
    }
    one = scaffold(Program(program), Rooms(sandbox), ScriptedModel([ModelFault("down", sent=False), "hello"]))
    with pytest.raises(ModelFault, match="down"):
        one.call("calm")
    one.close()
    assert len(sandbox.opened) == 1


FLOODS = (
    b"""
import http.client, os, socket
def flood():
    line = http.client.HTTPConnection("gateway")
    line.sock = socket.socket(socket.AF_UNIX)
    line.sock.connect(os.environ["EVOLVE_GATEWAY"])
    for count in range(5000):
        try:
            line.request("GET", "/v1/models")
            line.getresponse().read()
        except (OSError, http.client.HTTPException):
            return count
"""
    + ASKS
)


def test_who_is_not_heard_any_more_is_heard_in_its_next_call(process: Sandbox) -> None:
    """In another room: what a call spoils is that call's, and the lease is what is left of it."""
    sandbox, model = Counted(process), ScriptedModel(lambda _: "hello")
    with closing(scaffold(Program({**GATEWAY, "scaffold.py": FLOODS}), Rooms(sandbox), model, calls=3)) as one:
        assert one.call("propose", 0, 2) == ["hello"] * 2
        assert 900 < one.call("flood") <= 1000
        with pytest.raises(ScaffoldFailed, match="429"):
            one.call("propose", 2, 4)
    assert one.used.calls == len(model.requests) == 3
    assert [session.closed for session in sandbox.opened] == [True, True]


LINGERS = b"""
import os, random, time
from gateway import asker
def linger():
    open("/tmp/mark", "w").close()
    if os.fork() == 0:
        os.setsid()
        ask = asker({"models": ["scripted"], "max_tokens": 10})
        while True:
            try:
                ask([("user", "in the name of another")], random.Random(1))
            except Exception:
                time.sleep(0.01)
    return 1
def look():
    time.sleep(1)
    return os.listdir("/tmp"), os.path.exists("/tmp/mark")
"""


@pytest.mark.parametrize("kind", [BubblewrapSandbox, DockerSandbox])
def test_nothing_of_a_scaffold_is_left_in_its_room(kind: Callable[[], Sandbox]) -> None:
    """Neither a file nor a process that would spend the next one's lease."""
    made = available(kind)
    sandbox = Counted(made)
    rooms = Rooms(sandbox, Limits(), most=9)
    program = Program({**GATEWAY, "scaffold.py": LINGERS})
    try:
        first, model = scaffold(program, rooms, ScriptedModel(lambda _: "hello"), 50), ScriptedModel(lambda _: "hello")
        assert first.call("linger") == 1
        first.close()
        second = scaffold(program, rooms, model)
        assert second.call("look")[1] is False
        assert second.used.calls == len(model.requests) == 0
        second.close()
        third = scaffold(Program({**GATEWAY, "scaffold.py": ASKS}), rooms, model)
        assert third.call("propose", 0, 1) == ["hello"]
        third.close()
        assert third.used.calls == 1
    finally:
        rooms.close()
        made.close()
