"""Each guard is what catches an attack: with that guard alone taken away, the same attack gets through.

A weakened bubblewrap runs in a process id, mount, network and IPC namespace of its own, which this file makes by
running itself as a program under unshare(1), and in which it refuses to go on if it finds itself anywhere else. A
weakened container shares no namespace with this machine in any case.
"""

from __future__ import annotations

import fcntl
import json
import os
import py_compile
import secrets
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient

from evolve.errors import SandboxFault
from evolve.evaluation.native import NativeEvaluator
from evolve.frames import Frame
from evolve.sandboxes import harness
from evolve.sandboxes.bubblewrap import BubblewrapSandbox, _become, _spare_user, _Started
from evolve.sandboxes.cgroups import Group, Groups
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.attacks import Arena, attacks, namespaces
from evolve.testing.sandboxes import available
from evolve.types import Limits, Program, Role, Sandbox, Session

FOLDER = Path(__file__).parent
ATTACKS = {attack.name: attack for attack in attacks(FOLDER)}
_UP = struct.pack("16sH22x", b"lo", 0x41)  # IFF_UP and IFF_RUNNING
_SET_FLAGS = 0x8914


@dataclass(frozen=True)
class Guard:
    """A guard, the attacks that it catches, and what is done to take it away.

    `without` are options of bubblewrap to leave out. `appended` is code for the end of a module of the harness, which
    is told `settings`. `times` is by how much the control group's limits and the size of the disk are raised.
    Without `veiled` the files of the host are seen as they are.
    """

    attacks: Sequence[str]
    filtered: bool = True
    without: Sequence[str] = ()
    appended: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    times: int = 1
    one_user: bool = False
    veiled: bool = True


GUARDS = {
    "the filter on system calls": Guard(
        ("rings", "namespaces", "rare_calls", "page_faults", "odd_sockets", "memory_and_queues", "other_entries"),
        filtered=False,
    ),
    "the network namespace": Guard(("addresses", "unix_sockets"), without=("--unshare-net",)),
    "the limit on memory": Guard(("memory_of_nobody",), times=8),
    "the limit on processes": Guard(
        ("fork_bomb", "thread_bomb"), times=8, settings={"processes": None}, limits={"processes": 10_000}
    ),
    "the size of the disk": Guard(("disk",), times=2),
    "the kill of the whole tree": Guard(
        ("orphan", "chain", "odd"),
        appended={"tree.py": "Tree.kill = lambda self, keep=frozenset(), patience=10.0: True"},
    ),
    "the emptying of folders, by users of their own": Guard(
        ("files_elsewhere", "posix_memory", "program_before"),
        appended={"ground.py": "Ground.clear = lambda self: folder.wipe(self.work) or ''"},
        one_user=True,
    ),
    "users of their own, and closed memory": Guard(
        ("memory_of_others", "descriptors_of_others"),
        appended={"tree.py": "def set_dumpable(allowed): pass"},
        one_user=True,
    ),
    "the refusal of what nobody asked for": Guard(
        ("answered_ahead",), appended={"frames.py": "Incoming.__len__ = lambda self: 0"}
    ),
    "the check of data": Guard(
        ("forged_documents",), appended={"frames.py": "def unpack(document, blob): return json.loads(document)"}
    ),
    "the limit on output": Guard(("output_of_a_program",), limits={"output_bytes": 2**26}),
    "files of the host that are nobody's": Guard(("signals_beside",), veiled=False),
    "the limit on time": Guard(
        ("endless_loop",), appended={"watch.py": "Watch.until = lambda self: time.monotonic() + 0.05"}
    ),
}
CONTAINERS: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
    "the filter on system calls": (
        ("rings", "rare_calls", "memory_and_queues", "other_entries"),
        {"security_opt": ["no-new-privileges", "seccomp=unconfined"]},
    ),
    "no network": (("addresses",), {"network_mode": "bridge"}),
    "the limit on memory": (("memory_of_nobody",), {"mem_limit": 2**31, "memswap_limit": 2**31}),
    "the limit on processes": (("fork_bomb", "thread_bomb"), {"pids_limit": 500, "ulimits": []}),
    "the read-only root": (("files_elsewhere",), {"read_only": False}),
    "the size of the disk": (("disk",), {"tmpfs": {"/tmp": "rw,exec,mode=1777,size=33554432"}}),
}


@pytest.mark.parametrize("name", GUARDS)
def test_without_its_guard_an_attack_gets_through(tmp_path: Path, name: str) -> None:
    """In bubblewrap, where each guard can be taken away by itself."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("private namespaces need root and unshare(1), from util-linux")
    available(BubblewrapSandbox).close()
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    private = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "--ipc", "--uts"]
    ended = subprocess.run(
        [*private, sys.executable, __file__, name, json.dumps(namespaces()), str(tmp_path)],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    effects: dict[str, list[str]] = json.loads(ended.stdout.splitlines()[-1])
    assert [attack for attack, found in effects.items() if not found] == []
    assert effects.keys() == set(GUARDS[name].attacks)


def test_it_refuses_to_weaken_anything_elsewhere(tmp_path: Path) -> None:
    """The program that weakens a sandbox ends at once where it shares a namespace with these tests."""
    ended = subprocess.run(
        [sys.executable, __file__, "the network namespace", json.dumps(namespaces()), str(tmp_path)],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode != 0
    assert "refused" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", CONTAINERS)
def test_without_its_guard_an_attack_gets_through_in_a_container(tmp_path: Path, name: str) -> None:
    """In docker, where the engine's options are the guards."""
    available(DockerSandbox).close()
    names, options = CONTAINERS[name]
    with network() if "network_mode" in options else nullcontext("") as bridge:
        if bridge:
            options = {"network_mode": bridge}
        client = Careless(connect(60), options)
        with closing(DockerSandbox(client=cast("APIClient", client))) as sandbox:
            effects = attacked(sandbox, names, tmp_path)
    assert [attack for attack, found in effects.items() if not found] == []


@contextmanager
def network() -> Iterator[str]:
    """A network of our own, from which a container reaches this machine."""
    with closing(connect(60)) as client:
        made: str = client.create_network(f"evolve-attack-{secrets.token_hex(8)}", driver="bridge")["Id"]
        try:
            yield made
        finally:
            client.remove_network(made)


@pytest.mark.parametrize("known", [False, True])
def test_an_answer_belongs_to_its_request(tmp_path: Path, known: bool) -> None:
    """An evaluator's answer to another request is refused, by its nonce; with the right nonce it would be believed."""
    (tmp_path / "evaluate.py").write_text("def evaluate(program):\n    return program.call('f')\n")
    with (
        closing(Replaying(known)) as sandbox,
        closing(NativeEvaluator(sandbox=sandbox, folder=tmp_path)) as evaluator,
    ):
        assert evaluator.evaluate(Program({"program.py": b"def f(): return 7"})).score == 7.0
        worse = Program({"program.py": b"def f(): return 0"})
        if known:
            assert evaluator.evaluate(worse).score == 7.0
        else:
            with pytest.raises(SandboxFault, match="answered another request"):
                evaluator.evaluate(worse)


class Replaying(ProcessSandbox):
    """Its evaluators answer every request with the first answer, and know the nonce that is asked for or do not."""

    def __init__(self, known: bool) -> None:
        super().__init__()
        self._known = known

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Any:
        """A session; an evaluator's repeats itself."""
        session = super().open(role, limits, gateway=gateway)
        return Repeating(session, self._known) if role == "evaluator" else session


class Repeating:
    """Passes everything on, until there is an answer to repeat."""

    def __init__(self, session: Session, known: bool) -> None:
        self._session, self._known = session, known
        self._answer: Frame | None = None
        self._nonce = ""
        self.close = session.close

    def send(self, frame: Frame) -> None:
        """Pass it on."""
        self._nonce = frame.head.get("nonce", self._nonce)
        if self._answer is None:
            self._session.send(frame)

    def receive(self, timeout: float) -> Frame:
        """The next frame, or the first answer once more."""
        if self._answer is None:
            frame = self._session.receive(timeout)
            self._answer = frame if frame.head["op"] == "result" else None
            return frame
        nonce = self._nonce if self._known else self._answer.head["nonce"]
        return Frame({**self._answer.head, "nonce": nonce}, self._answer.buffers)


class Careless:
    """A client of the Docker engine that puts its own options in place of those it is asked for."""

    def __init__(self, client: APIClient, options: Mapping[str, Any]) -> None:
        self._client, self._options = client, options

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def create_host_config(self, **options: Any) -> Any:
        """With fewer guards."""
        return self._client.create_host_config(**{**options, **self._options})

    def create_container(self, image: str, *, entrypoint: Sequence[str], **options: Any) -> Any:
        """With a harness that bounds the number of processes only where the engine does."""
        if "pids_limit" in self._options:
            entrypoint = _told(entrypoint, {"processes": None}, {"processes": 10_000})
        return self._client.create_container(image, entrypoint=list(entrypoint), **options)


class Weakened(BubblewrapSandbox):
    """Bubblewrap without one of its guards."""

    def __init__(self, guard: Guard, place: Path) -> None:
        super().__init__()
        self._guard = guard
        self._weak = _weak_harness(guard, place)
        if not guard.filtered:
            self._filter = None
        if not guard.veiled:
            self._veil = None
        if self._groups is not None:
            self._groups = Raised(self._groups, guard.times)

    def _isolation(self) -> list[str]:
        return [word for word in super()._isolation() if word not in self._guard.without]

    def _files(self, limits: Limits, group: Group | None, gateway: Path | None, data: Sequence[int]) -> Iterator[str]:
        wide = replace(limits, disk_bytes=self._guard.times * limits.disk_bytes)
        yield from super()._files(wide, group, gateway, data)
        yield from ("--ro-bind", str(self._weak), "/evolve/harness")

    def _start(self, command: Sequence[str], limits: Limits, group: Group | None, gateway: Path | None) -> _Started:
        command = _told(command, self._guard.settings, self._guard.limits)
        if self._guard.one_user and command[-2] == "candidate":
            command = [*_become(_spare_user()), *_told(command, {"separate": False}, {})]
        return super()._start(command, limits, group, gateway)


@dataclass(frozen=True)
class Raised:
    """Control groups with limits that are `times` as high."""

    groups: Groups
    times: int

    def make(self, memory_bytes: int, tasks: int) -> Group:
        """A group."""
        return self.groups.make(self.times * memory_bytes, self.times * tasks)


def _told(command: Sequence[str], settings: Mapping[str, Any], limits: Mapping[str, int]) -> list[str]:
    """The command line of a harness, with these settings in place of its own."""
    told = {**json.loads(command[-1]), **settings}
    return [*command[:-1], json.dumps({**told, "limits": {**told["limits"], **limits}})]


def _weak_harness(guard: Guard, place: Path) -> Path:
    """A copy of the harness, with code at the end of some modules that undoes what they define."""
    for name, content in harness.files().items():
        text = content.decode() + f"\n\n{guard.appended.get(name, '')}\n"
        if name == "main.py":
            text = content.decode()
        (place / name).write_text(text, encoding="utf-8")
        py_compile.compile(str(place / name), doraise=True)
    return place


def attacked(
    sandbox: Sandbox, names: Sequence[str], place: Path, engine: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """What each attack gets through to."""
    (place / "place").mkdir()
    with closing(Arena(sandbox, FOLDER, place / "place", engine=engine, foreign=False)) as arena:
        return {name: arena.attack(ATTACKS[name]) for name in names}


def main(name: str, engine: Mapping[str, str], place: Path) -> None:
    """In namespaces of its own: print what gets through when the guard of that name is gone."""
    if any(number == engine[namespace] for namespace, number in namespaces().items()):
        sys.exit("refused: guards are taken away in private namespaces only")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, _UP)
    guard = GUARDS[name]
    folder = place / "harness"
    folder.mkdir()
    with closing(Weakened(guard, folder)) as sandbox:
        print(json.dumps(attacked(sandbox, guard.attacks, place, engine)))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]))
