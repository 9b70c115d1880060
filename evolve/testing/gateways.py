"""Asking through a gateway, and what a session with one must do in any sandbox: one socket, for one candidate."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evolve.errors import SandboxFault
from evolve.sandboxes.canaries import CURIOUS, LIMITS
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.sandboxes.harness import GATEWAY
from evolve.testing.sessions import Caller
from evolve.types import Sandbox

__all__ = ["GatewaySuite", "Line", "ask", "word_server"]

_USER = "import os\ndef user():\n    return os.getuid()\n"
_PROGRAM = """
import os, socket

def where():
    return os.environ.get("EVOLVE_GATEWAY")

def reach(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        try:
            client.connect(path)
            return client.recv(100).decode()
        except OSError as error:
            return type(error).__name__

def replace(path):
    # all that would put something else in its place, or keep others from it
    done = []
    def tried(name, action):
        try:
            action()
            done.append(name)
        except OSError:
            pass
    # whoever may not change a file in any case is not held back by that alone
    if not os.statvfs(path).f_flag & os.ST_RDONLY:
        done.append("a mount that may be written")
    tried("mode", lambda: os.chmod(path, 0))
    tried("owner", lambda: os.chown(path, os.getuid(), -1))
    tried("rename", lambda: os.rename(path, path + ".old"))
    tried("remove", lambda: os.unlink(path))
    tried("link", lambda: os.link(path, path + ".link"))
    tried("write", lambda: open(path, "wb").close())
    tried("bind", lambda: socket.socket(socket.AF_UNIX).bind(os.path.dirname(path) + "/other.sock"))
    return done
"""
_RUN = "import os, socket; c = socket.socket(socket.AF_UNIX); c.connect(os.environ['EVOLVE_GATEWAY']); print(c.recv(9))"


class Line(http.client.HTTPConnection):
    """A connection to the socket at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=120)
        self.path = path

    def connect(self) -> None:
        """To the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(
    path: Path, said: object, headers: Mapping[str, str] | None = None, *, where: str = "/v1/chat/completions"
) -> tuple[int, dict[str, Any]]:
    """The status and the document of the answer to one question, on a connection of its own."""
    with contextlib.closing(Line(path)) as line:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        line.request("POST", where, body, dict(headers or {}))
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())


@contextlib.contextmanager
def word_server(folder: Path, word: str) -> Iterator[Path]:
    """A socket in `folder`, as gateways are, that says the word to whoever connects."""
    path, ended = folder / f"{word}.sock", threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen()

        def serve() -> None:
            while not ended.is_set():
                client, _ = server.accept()
                with client, contextlib.suppress(OSError):  # who only looks whether it can be reached
                    client.sendall(word.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            ended.set()
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(str(path))
            thread.join()


class GatewaySuite:
    """Part of the suite for sandboxes, which has the fixtures."""

    @pytest.fixture
    def folder(self) -> Iterator[Path]:
        """The engine's alone, with a path that is short enough for a socket."""
        with tempfile.TemporaryDirectory(prefix="evolve-") as name:
            yield Path(name)

    def test_a_gateway_is_reached(self, sandbox: Sandbox, folder: Path) -> None:
        """By the program, and by what it runs, where the environment says."""
        with word_server(folder, "here") as path:
            session = sandbox.open("candidate", LIMITS, gateway=path)
            try:
                caller = Caller(session, _PROGRAM)
                assert caller.call("reach", caller.call("where")) == "here"
                done = caller.run(["python3", "-c", _RUN])
                assert (done.head["returncode"], done.buffers[0]) == (0, b"b'here'\n")
            finally:
                session.close()

    def test_a_gateway_is_of_one_session(self, sandbox: Sandbox, folder: Path) -> None:
        """Others have their own, or none, and find no way to this one."""
        with word_server(folder, "one") as first, word_server(folder, "two") as second:
            sessions = [sandbox.open("candidate", LIMITS, gateway=path) for path in (first, second, None)]
            try:
                one, two, none = (Caller(session, _PROGRAM) for session in sessions)
                assert [caller.call("reach", caller.call("where")) for caller in (one, two)] == ["one", "two"]
                assert none.call("where") is None
                assert none.call("reach", GATEWAY) == "FileNotFoundError"
                if Guarantee.FILES not in missing(sandbox):
                    found = {caller.call("reach", str(path)) for caller in (one, two, none) for path in (first, second)}
                    assert found == {"FileNotFoundError"}
            finally:
                for session in sessions:
                    session.close()

    def test_a_gateway_cannot_be_replaced(self, sandbox: Sandbox, folder: Path) -> None:
        """It is there for reading alone, and nothing else can be put beside it."""
        self._promised(sandbox, Guarantee.FILES)
        with word_server(folder, "here") as path:
            session = sandbox.open("candidate", LIMITS, gateway=path)
            try:
                caller = Caller(session, _PROGRAM)
                place = caller.call("where")
                assert caller.call("replace", place) == []
                assert caller.call("reach", place) == "here"
            finally:
                session.close()
            assert path.stat().st_mode & 0o777 == 0o666
            assert sorted(file.name for file in folder.iterdir()) == ["here.sock"]

    def test_a_gateway_is_no_network(self, sandbox: Sandbox, folder: Path) -> None:
        """A server on this machine is as far away as it is without one."""
        self._promised(sandbox, Guarantee.NETWORK)
        with socket.create_server(("", 0)) as server, word_server(folder, "here") as path:
            session = sandbox.open("candidate", LIMITS, gateway=path)
            try:
                caller = Caller(session, CURIOUS)
                places = [[host, server.getsockname()[1]] for host in ("127.0.0.1", "172.17.0.1", "169.254.169.254")]
                assert caller.call("connect", places, timeout=30.0) == []
                assert set(caller.call("interfaces")) <= {"lo"}
            finally:
                session.close()

    def test_a_session_with_a_gateway_is_for_one_user_s_program(self, sandbox: Sandbox, folder: Path) -> None:
        """Another one follows as another user; else the harness says that none should: it could pass for the first."""
        with word_server(folder, "here") as path:
            session = sandbox.open("candidate", LIMITS, gateway=path)
            try:
                first = Caller(session, _USER)
                user = first.call("user")
                if unclean := first.end().head["unclean"]:
                    assert "a session for each program" in unclean
                else:
                    assert Caller(session, _USER).call("user") != user
            finally:
                session.close()

    def test_a_gateway_that_is_not_there_is_refused(self, sandbox: Sandbox, folder: Path) -> None:
        """At the latest by who uses the session: a fault, and nothing is put in its place. The next session opens."""
        self._promised(sandbox, Guarantee.FILES)
        sandbox.open("candidate", LIMITS).close()

        def attempt() -> None:
            with contextlib.closing(sandbox.open("candidate", LIMITS, gateway=folder / "missing.sock")) as session:
                Caller(session, _PROGRAM).call("where")

        with pytest.raises(SandboxFault):
            attempt()
        assert list(folder.iterdir()) == []
        sandbox.open("candidate", LIMITS).close()

    def test_an_evaluator_has_no_gateway(self, sandbox: Sandbox, folder: Path) -> None:
        """It is refused before anything starts."""
        with word_server(folder, "here") as path, pytest.raises(ValueError, match="for a candidate"):
            sandbox.open("evaluator", LIMITS, gateway=path)

    @staticmethod
    def _promised(sandbox: Sandbox, guarantee: Guarantee) -> None:
        if guarantee in missing(sandbox):
            pytest.skip(f"the {sandbox.name} sandbox does not protect from {guarantee.value}")
