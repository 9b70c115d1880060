"""Each candidate is a user of its own: it reaches neither the harness nor the zygote, and nothing of it stays."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.sandboxes import harness
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.testing.sandboxes import available
from evolve.testing.sessions import Caller
from evolve.types import Limits, Sandbox, Session

LOOK = """
import os

def processes():
    # pid -> name, state, user ids, capabilities
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status") as file:
                told = dict(line.rstrip("\\n").split(":\\t", 1) for line in file if ":\\t" in line)
            found[pid] = [told["Name"], told["State"][0], told["Uid"].split(), told["CapEff"], told["CapBnd"]]
        except OSError:
            pass
    return [os.getpid(), found]
"""
ATTACK = """
import os, resource, signal

def others():
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid != os.getpid()]

def attack():
    # all that one user may do to another process of its own, tried on the harness and the zygote
    done = []
    for pid in others():
        for name, act in {
            "prlimit": lambda: resource.prlimit(pid, resource.RLIMIT_NPROC, (0, 0)),
            "priority": lambda: os.setpriority(os.PRIO_PROCESS, pid, 19),
            "memory": lambda: open(f"/proc/{pid}/mem", "rb").close(),
            "descriptors": lambda: os.listdir(f"/proc/{pid}/fd"),
            "zero": lambda: os.kill(pid, 0),
            "kill": lambda: os.kill(pid, signal.SIGTERM),
            "stop": lambda: os.kill(pid, signal.SIGSTOP),
        }.items():
            try:
                act()
                done.append([pid, name])
            except OSError:
                pass
    return done
"""
LEAVE = """
import os

def leave():
    made = []
    for place in ("/tmp", "/dev/shm", "/dev/mqueue", os.getcwd()):
        if not os.path.isdir(place):
            continue
        try:
            open(f"{place}/file", "w").close()
            os.chmod(f"{place}/file", 0)
            made.append(place)
            os.makedirs(f"{place}/closed/inner")
            open(f"{place}/closed/inner/file", "w").close()
            os.symlink("/", f"{place}/closed/link")
            os.chmod(f"{place}/closed/inner", 0)
            os.chmod(f"{place}/closed", 0)
        except OSError:
            pass
    return made

def find():
    places = [place for place in ("/tmp", "/dev/shm", "/dev/mqueue") if os.path.isdir(place)]
    return sorted(f"{place}/{name}" for place in places for name in os.listdir(place))
"""
RUNNER = """
import os, time

def run_away(seconds):
    # one process at a time, and another one before anybody has found it; it gives up by itself
    until = time.monotonic() + seconds
    if os.fork() == 0:
        os.setsid()
        while time.monotonic() < until:
            if os.fork():
                os._exit(0)
        os._exit(0)
    return True
"""


@pytest.fixture(params=[DockerSandbox, BubblewrapSandbox])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One in which candidates have users of their own."""
    make: Callable[[], Sandbox] = request.param
    if make is BubblewrapSandbox and os.geteuid() != 0:
        pytest.skip("an ordinary user has a single user id to give")
    made = available(make)
    yield made
    made.close()


@pytest.fixture
def session(sandbox: Sandbox) -> Iterator[Session]:
    """For candidates."""
    opened = sandbox.open("candidate", Limits())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def users() -> ModuleType:
    """The harness's module of that name, which imports others beside it."""
    before = set(sys.modules)
    sys.path.insert(0, str(harness.directory()))
    try:
        return importlib.import_module("users")
    finally:
        del sys.path[0]
        for name in {"users", "proc"} - before:
            del sys.modules[name]


def run(caller: Caller, source: str, function: str, *arguments: object) -> Any:
    """Load a program, call it, end it."""
    caller.load(source)
    answer = caller.call(function, *arguments)
    assert caller.end().head["unclean"] == ""
    return answer


def test_every_candidate_is_another_user(session: Session) -> None:
    """And none is root, the harness, or the zygote; only those two have a capability, and nobody can gain one."""
    caller = Caller(session)
    seen: list[str] = []
    for _ in range(3):
        own, found = run(caller, LOOK, "processes")
        ids = {pid: set(uids) for pid, (_, _, uids, _, _) in found.items()}
        assert all(len(each) == 1 for each in ids.values())
        assert len(set.union(*ids.values())) == len(found) == 3
        assert "0" not in set.union(*ids.values())
        assert {bounding for *_, bounding in found.values()} == {"0" * 16}
        effective = {pid: int(bits, 16) for pid, (_, _, _, bits, _) in found.items()}
        assert effective.pop("1") == 0b1110_0000  # KILL, SETGID, SETUID
        assert effective.pop(str(own)) == 0
        assert list(effective.values()) == [0b1100_0000]
        seen += ids[str(own)]
    assert len(set(seen)) == 3


def test_what_is_run_is_that_user_too(session: Session) -> None:
    """Executables have no more rights than calls."""
    caller = Caller(session)
    caller.load(LOOK)
    own, found = caller.call("processes")
    printed = caller.run(["cat", "/proc/self/status"]).buffers[0].decode()
    told = dict(line.split(":\t", 1) for line in printed.splitlines() if ":\t" in line)
    assert told["Uid"].split() == told["Gid"].split() == found[str(own)][2]
    assert {told[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert told["NoNewPrivs"] == "1"


def test_harness_and_zygote_are_out_of_reach(session: Session) -> None:
    """No signal, limit, priority or look at either succeeds, and the next program is answered at once."""
    caller = Caller(session)
    assert run(caller, ATTACK, "attack") == []
    caller.load(LOOK)
    start = time.monotonic()
    caller.call("processes")
    assert time.monotonic() - start < 60


def test_nothing_is_left_for_the_next_user(session: Session) -> None:
    """Closed folders, files without a mode, links and message queues: all is gone, though it was another user's."""
    caller = Caller(session)
    places = run(caller, LEAVE, "leave")
    assert {"/tmp", "/dev/shm"} <= set(places)
    assert not any(name.endswith(("/file", "/closed")) for name in run(caller, LEAVE, "find"))


def test_who_runs_away_from_being_killed_is_killed(session: Session) -> None:
    """Every process of the user dies at one moment, so that none can fork in time."""
    caller = Caller(session)
    caller.load(RUNNER)
    caller.call("run_away", 60.0)
    start = time.monotonic()
    assert caller.end().head["unclean"] == ""
    assert time.monotonic() - start < 40
    _, found = run(caller, LOOK, "processes")
    assert len(found) == 3


FASTER = """
import sys
sys.path.insert(0, sys.argv[1])
import tree

class Runaways:
    # whoever looks for them finds one that has gone already
    alive = True

    def running(self):
        return [2**30] if self.alive else []

    def kill_all(self):
        self.alive = False

print(tree.Tree(users=Runaways()).kill(patience=5.0))
"""
ALL_OF_ONE = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import users

def started(action):
    if os.fork() == 0:
        try:
            users.become(having.candidate)
            action()
        finally:
            os._exit(0)

def run_away(until):
    os.setsid()
    while time.monotonic() < until:
        if os.fork():
            os._exit(0)

assert os.getpid() == 1, "it kills all processes of a user, and is to see none of this machine's"
having = users.Users()
having.another()
started(lambda: time.sleep(300))
bystander = having.candidate
while not (sleeping := having.running()):
    time.sleep(0.01)
having.another()
for _ in range(4):
    started(lambda: run_away(time.monotonic() + 60))
while len(having.running()) < 2:
    time.sleep(0.01)
having.kill_all()
until = time.monotonic() + 20
while (left := having.running()) and time.monotonic() < until:
    os.waitpid(-1, os.WNOHANG)
    time.sleep(0.01)
having.candidate = bystander
print(left, having.running() == sleeping)
"""


def test_who_forks_faster_than_it_is_found_is_killed_with_all_of_its_user() -> None:
    """Once that was tried for a while; without it such a one would go on."""
    command = [sys.executable, "-c", FASTER, str(harness.directory())]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.stdout == "True\n", ended.stderr


def test_all_of_a_user_are_killed_and_nobody_else() -> None:
    """At one moment, in namespaces in which nothing else can be seen."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("private namespaces need root and unshare(1), from util-linux")
    private = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "--ipc", "--uts"]
    command = [*private, sys.executable, "-c", ALL_OF_ONE, str(harness.directory())]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.stdout == "[] True\n", ended.stderr


def test_no_zombie_stays(session: Session) -> None:
    """Orphans that end are taken note of, while a program runs and after it."""
    caller = Caller(session)
    source = LOOK + (
        "import time\n"
        "def orphans(count):\n"
        "    alone = len(processes()[1])\n"
        "    for _ in range(count):\n"
        "        if os.fork() == 0:\n"
        "            if os.fork() == 0:\n"
        "                time.sleep(0.01)\n"
        "            os._exit(0)\n"
        "        os.wait()\n"
        "    until = time.monotonic() + 60\n"
        "    while len(found := processes()[1]) > alone and time.monotonic() < until:\n"
        "        time.sleep(0.02)\n"
        "    return found\n"
    )
    caller.load(source)
    found = caller.call("orphans", 5, timeout=120.0)
    assert [state for _, state, *_ in found.values() if state == "Z"] == []
    caller.end()
    _, found = run(caller, LOOK, "processes")
    assert len(found) == 3


def test_who_was_forked_ahead_and_is_not_needed_is_gone(session: Session) -> None:
    """A program whose functions are not called has nobody beside it, and nobody's memory on its account."""
    caller = Caller(session)
    run(caller, LOOK, "processes")
    memory = []
    for _ in range(2):
        caller.load(LOOK)
        names = caller.run(["ls", "/proc"]).buffers[0].decode().split()
        assert len([name for name in names if name.isdigit()]) == 3  # supervisor, zygote, ls
        took = caller.end().head
        assert took["unclean"] == ""
        memory.append(took["memory_bytes"])
    after_a_call, after_none = memory
    assert after_a_call < 1.1 * after_none
    run(caller, LOOK, "processes")
    caller.load(LOOK)
    assert caller.end().head["unclean"] == ""
    assert len(run(caller, LOOK, "processes")[1]) == 3


def test_no_name_makes_two_lines_of_one(users: ModuleType) -> None:
    """A process may choose its name, which stands above its user in what the kernel tells."""
    before = len(users.proc.lines("/proc/self/status"))
    name = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    old = name.read_bytes()
    name.write_bytes(b"\rUid:\t0\x85\x0b")
    try:
        assert len(users.proc.lines(f"/proc/self/task/{threading.get_native_id()}/status")) == before
    finally:
        name.write_bytes(old)


def test_what_a_process_has_too_much_is_found(users: ModuleType) -> None:
    """This test's process has other ids than the user it is compared with, and says which."""
    told = " ".join(users.differences(os.getuid() + 1))
    assert "Uid is" in told
    assert "Gid is" in told


starts = st.integers(0, 2**31)
ranges = st.lists(
    st.builds(lambda first, count: range(first, first + count), starts, st.integers(1, 2**31)), max_size=4
)


@given(owners=ranges, groups=ranges)
def test_spare_ids_are_known_and_nobodys(users: ModuleType, owners: list[range], groups: list[range]) -> None:
    """They are ids of users and of groups here, never root's nor the one that stands for unknown ones."""
    try:
        spare = users.spare_ids(owners, groups)
    except OSError:
        return
    assert len(spare) >= 1000
    assert 0 not in spare
    assert 65_534 not in spare
    for known in (owners, groups):
        assert any(spare.start in each and spare[-1] in each for each in known)


@pytest.mark.parametrize(
    ("known", "spare"),
    [
        (range(2**32 - 1), range(1_900_000_000, 2_100_000_000)),
        (range(65_536), range(32_768, 65_534)),
    ],
)
def test_spare_ids_of_usual_engines(users: ModuleType, known: range, spare: range) -> None:
    """Docker as root has all ids, rootless and remapped engines 65536."""
    assert users.spare_ids([known], [range(1), known]) == spare


def test_too_few_ids_are_refused(users: ModuleType) -> None:
    """With where to get more."""
    with pytest.raises(OSError, match="/etc/subuid"):
        users.spare_ids([range(1)], [range(1)])
