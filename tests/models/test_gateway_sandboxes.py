"""Programs in sandboxes that have a gateway: honest ones, and ones that would like more than they were lent."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from evolve.budget import Budget
from evolve.errors import ModelFault
from evolve.frames import Frame
from evolve.models.gateway import Gateway, Lease
from evolve.models.meter import Meter
from evolve.models.openai import OpenAIModel
from evolve.models.settings import ModelSettings
from evolve.models.transcript import Transcript
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.guarantees import missing
from evolve.sandboxes.harness import home
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.attacks import Arena, Attack, attacks
from evolve.testing.models import ScriptedModel
from evolve.testing.sandboxes import available
from evolve.testing.servers import Asked, FakeService, Served, chat, failure
from evolve.testing.sessions import Caller
from evolve.types import Limits, Role, Sandbox, Session

KEY = "sk-planted-0123456789abcdef"
LIMITS = Limits(processes=40)
PROGRAMS = Path(__file__).parents[1] / "attacks"
MAKERS: dict[str, Callable[[], Sandbox]] = {
    "docker": DockerSandbox,
    "bubblewrap": BubblewrapSandbox,
    "process": ProcessSandbox,
}

PROGRAM = """
import glob, http.client, json, os, socket, threading

class Line(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("gateway", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)

def ask(said=None, headers={}, method="POST", path="/v1/chat/completions"):
    given = {"model": "fake", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}
    line = Line(os.environ["EVOLVE_GATEWAY"])
    line.request(method, path, json.dumps({**given, **(said or {})}), headers)
    answer = line.getresponse()
    result = [answer.status, answer.getheaders(), answer.read().decode()]
    line.close()
    return result

def race(count, said):
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(said)[0])) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses

def flood(count):
    # connections that say nothing, until nobody listens any more
    kept = []
    for number in range(count):
        client = socket.socket(socket.AF_UNIX)
        try:
            client.settimeout(0.2)
            client.connect(os.environ["EVOLVE_GATEWAY"])
            kept.append(client)
        except ConnectionRefusedError:
            return "not heard any more"
        except OSError:
            client.close()
        if len(kept) > 80:
            kept.pop(0).close()
    return "heard to the end"

KEPT = []

def keep():
    line = Line(os.environ["EVOLVE_GATEWAY"])
    line.request("GET", "/v1/models")
    line.getresponse().read()
    KEPT.append(line)
    return True

def use_kept():
    try:
        KEPT[0].auto_open = 0
        KEPT[0].request("POST", "/v1/chat/completions", json.dumps({"model": "fake", "messages": []}))
        return KEPT[0].getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return "cut"

def again():
    try:
        return ask()[0]
    except OSError as error:
        return type(error).__name__

def reach(places):
    found = []
    for place in places:
        try:
            if isinstance(place, str):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(2)
                client.connect(place)
            else:
                socket.create_connection(tuple(place), timeout=2)
            found.append(place)
        except OSError:
            pass
    return found

def hunt():
    seen = [str(dict(os.environ))]
    for pattern in ("environ", "cmdline", "maps", "status"):
        for path in glob.glob("/proc/[0-9]*/" + pattern) + glob.glob("/proc/[0-9]*/task/*/" + pattern):
            try:
                with open(path, "rb") as file:
                    seen.append(file.read(200000).decode("latin-1"))
            except OSError:
                pass
    for folder in ("/run/evolve", "/run", "/tmp", "/etc", "/evolve"):
        for root, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name not in ("lib", "bin", "harness")]
            for name in names:
                try:
                    with open(os.path.join(root, name), "rb") as file:
                        seen.append(file.read(100000).decode("latin-1"))
                except OSError:
                    pass
    return seen
"""


class Room:
    """A sandbox with a meter, in which leases are lent to programs."""

    def __init__(self, sandbox: Sandbox, folder: Path, stack: ExitStack) -> None:
        self.sandbox, self.stack = sandbox, stack
        self.budget = Budget()
        transcript = Transcript(folder / "t.jsonl")
        stack.callback(transcript.close)
        self.meter = Meter(self.budget, transcript)
        self.number = 0

    def lend(self, model: Any, **lease: Any) -> tuple[Gateway, Caller]:
        """A gateway, and the program in a session that has it."""
        self.number += 1
        given = {"calls": 100, "tokens": 10**8, "nanodollars": 10**11, "seconds": 600.0, "models": ("fake",), **lease}
        gateway = Gateway(Lease(**given), self.meter.relay(self.number), [model], folder=home())
        self.stack.callback(gateway.close)
        session = self.sandbox.open("candidate", LIMITS, gateway=gateway.socket)
        self.stack.callback(session.close)
        return gateway, Caller(session, PROGRAM)


@pytest.fixture(params=list(MAKERS))
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    """In each sandbox."""
    with ExitStack() as stack:
        sandbox = available(MAKERS[request.param])
        stack.callback(sandbox.close)
        yield Room(sandbox, tmp_path, stack)


def fake(*answers: Any) -> ScriptedModel:
    """A model that is called fake."""
    return ScriptedModel(answers or (lambda _: "four five"), name="fake")


def test_a_program_asks_and_its_lease_ends(room: Room) -> None:
    """It spends what it was lent, to the nano-dollar, and no call more, however many threads ask at the same time."""
    model = fake()
    gateway, program = room.lend(model, calls=7)
    statuses = program.call("race", 24, None, timeout=300.0)
    assert (statuses.count(200), statuses.count(429)) == (7, 17)
    assert len(model.requests) == 7
    assert gateway.used.nanodollars == room.meter.used(1).nanodollars == 7 * 3000
    assert room.budget.committed("nanodollars") == 7 * 3000


def test_no_word_of_a_programs_makes_its_lease_larger(room: Room) -> None:
    """Not in the body, in headers, in paths or in what it says that calls took."""
    gateway, program = room.lend(fake(), calls=1)
    assert program.call("ask")[0] == 200
    more = {"X-Lease-Calls": "1000", "Authorization": "Bearer root", "X-Forwarded-For": "127.0.0.1"}
    assert program.call("ask", None, more)[0] == 429
    assert program.call("ask", {"lease": {"calls": 1000}})[0] == 400
    assert program.call("ask", {"usage": {"total_tokens": 0}})[0] == 400
    assert program.call("ask", {"user": "root", "metadata": {"calls": "1000"}})[0] == 429
    for method, path in (("PUT", "/v1/lease"), ("POST", "/v1/leases"), ("DELETE", "/v1/usage"), ("POST", "/")):
        assert program.call("ask", {"calls": 1000}, {}, method, path)[0] == 404
    assert program.call("ask", {"model": "dear"})[0] == 403
    assert program.call("ask", {"model": "../fake"})[0] == 403
    assert gateway.used.calls == 1


def test_a_lease_ends_with_its_session(room: Room) -> None:
    """A connection that was kept open is cut, and nobody listens where it led."""
    gateway, program = room.lend(fake())
    assert program.call("keep")
    assert program.call("again") == 200
    gateway.close()
    assert program.call("use_kept") == "cut"
    assert program.call("again") in {"ConnectionRefusedError", "FileNotFoundError"}
    assert gateway.used.calls == 1


def test_a_lease_is_out_of_reach_for_others(room: Room) -> None:
    """Where the sandbox has files of its own: by the path on this machine, or by that of its own session."""
    if missing(room.sandbox) >= {*missing(ProcessSandbox())}:
        pytest.skip("the process sandbox does not protect from what its user can connect to")
    first, one = room.lend(fake())
    second, two = room.lend(fake())
    paths = [str(gateway.socket) for gateway in (first, second)]
    found = one.call("reach", [*paths, *("/proc/1/root" + path for path in paths), "/run/evolve/../evolve/other.sock"])
    assert found == []
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        assert two.call("reach", [["127.0.0.1", port], ["172.17.0.1", port], ["169.254.169.254", 80]]) == []
    assert two.call("ask")[0] == 200
    assert (first.used.calls, second.used.calls) == (0, 1)


def test_a_flood_of_connections_ends_its_own_session_alone(room: Room) -> None:
    """Nobody listens to it any more; another program is served meanwhile and afterwards."""
    _, one = room.lend(fake())
    other, two = room.lend(fake())
    assert one.call("flood", 100_000, timeout=300.0) == "not heard any more"
    assert one.call("again") == "ConnectionRefusedError"
    assert two.call("ask")[0] == 200
    assert other.used.calls == 1


def test_a_huge_answer_is_bounded_by_the_session(room: Room) -> None:
    """It arrives where there is room for it; whoever asked for it has paid."""
    gateway, program = room.lend(fake("word " * 1_000_000))
    status, _, text = program.call("ask", timeout=300.0)
    assert (status, len(text) > 5_000_000) == (200, True)
    assert gateway.used.output_tokens == 1_000_000


def test_the_key_is_nowhere(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the environment, in processes, in files, in answers or in errors, even where the service repeats it."""
    if missing(room.sandbox) >= {*missing(ProcessSandbox())}:
        pytest.skip("the process sandbox does not protect the memory and the environment of your processes")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seen: list[str] = []

    def answer(asked: Asked) -> Served:
        seen.append(asked.headers["authorization"])
        if asked.text == "fail":
            return failure(401, f"the key {KEY} is wrong", x_key=KEY)
        return chat(f"your key is {KEY}", headers={"X-Key": KEY, "Openai-Organization": "org-secret"})

    with FakeService(answer) as service:
        model = OpenAIModel(ModelSettings(name="fake", base_url=service.url, price="1/1"))
        room.stack.callback(model.close)
        gateway, program = room.lend(model)
        heard = [program.call("ask", None, {"Authorization": "Bearer mine"})]
        heard += [program.call("ask", said) for said in ({"stream": True}, {"tools": [1]}, {"model": "x"})]
        heard.append(program.call("ask", {"messages": [{"role": "user", "content": "fail"}]}))
        heard.append(program.call("ask"))
        assert [answer[0] for answer in heard] == [200, 200, 400, 403, 502, 503]
        assert "your key is [secret]" in heard[0][2]
        hunted = program.call("hunt", timeout=300.0)
        assert len(hunted) > 3
        for secret in (KEY, "org-secret", service.url, str(service.port)):
            assert secret not in str(heard)
            assert secret not in str([text for text in hunted if "hunt()" not in text])
    assert seen == [f"Bearer {KEY}"] * 3
    assert isinstance(gateway.trouble, ModelFault)


class Lent:
    """A sandbox in which every candidate has a gateway."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.name, self.weaknesses, self.missing = sandbox.name, sandbox.weaknesses, missing(sandbox)
        self._sandbox = sandbox
        self.opened = 0

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """A session, with a gateway of its own."""
        assert gateway is None
        if role != "candidate":
            return self._sandbox.open(role, limits)
        self.opened += 1
        model = ScriptedModel(lambda _: "yes", name="fake")
        lease = Lease(calls=9, tokens=10**6, nanodollars=10**9, seconds=600, models=("fake",))
        made = Gateway(lease, lambda model, request: model.complete(request), [model], folder=home())
        try:
            return _LentSession(self._sandbox.open(role, limits, gateway=made.socket), made)
        except BaseException:
            made.close()
            raise

    def close(self) -> None:
        """Close what is left."""
        self._sandbox.close()


class _LentSession:
    def __init__(self, session: Session, gateway: Gateway) -> None:
        self._session, self._gateway = session, gateway

    def send(self, frame: Frame) -> None:
        self._session.send(frame)

    def receive(self, timeout: float) -> Frame:
        return self._session.receive(timeout)

    def close(self) -> None:
        self._session.close()
        self._gateway.close()


@pytest.fixture(scope="module")
def arenas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Arena]]:
    """The arena of a sandbox in which programs have gateways."""
    made: dict[str, Arena] = {}
    with ExitStack() as stack:

        def arena(name: str) -> Arena:
            if name not in made:
                sandbox = Lent(available(MAKERS[name]))
                stack.callback(sandbox.close)
                place = tmp_path_factory.mktemp("arena")
                for folder in (place, *place.parents[:3]):
                    folder.chmod(0o755)
                made[name] = Arena(sandbox, PROGRAMS, place)
                stack.callback(made[name].close)
                assert sandbox.opened
            return made[name]

        yield arena


# what a socket that is passed in might have opened: the other tests of attacks try the rest
READING = {"environment", "host_files", "signals_beside"}
OPENED = [attack for attack in attacks(PROGRAMS) if attack.kind == "network" or attack.name in READING]
CASES = [(name, attack) for name in ("docker", "bubblewrap") for attack in OPENED]


@pytest.mark.parametrize(("name", "attack"), CASES, ids=[f"{name}-{attack.name}" for name, attack in CASES])
def test_a_gateway_opens_no_other_way_out(arenas: Callable[[str], Arena], name: str, attack: Attack) -> None:
    """The attacks on the network, and on what others have, are caught as they are without one."""
    assert arenas(name).attack(attack) == []
