"""A door outlives the gateways behind it, and nothing that was said to one of them reaches the next."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from evolve.errors import SandboxFault
from evolve.models.door import Door
from evolve.models.gateway import Gateway, Lease
from evolve.testing.gateways import ask
from evolve.testing.models import ScriptedModel
from evolve.types import Model, Reply, Request

HELLO = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}
LEASE = Lease(calls=2, tokens=10**6, nanodollars=10**9, seconds=600.0, models=("scripted",))


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a short name."""
    return tmp_path_factory.mktemp("d")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as made:
        yield made


def answer(model: Model, request: Request) -> Reply:
    return model.complete(request)


def test_one_gateway_serves_there_after_another(folder: Path, stack: ExitStack) -> None:
    """Each with a lease of its own; between two of them nobody answers."""
    door = Door(folder)
    stack.callback(door.close)
    model = ScriptedModel(lambda _: "hello")
    for _ in range(2):
        gateway = Gateway(LEASE, answer, [model], folder=folder, door=door)
        stack.callback(gateway.close)
        assert gateway.socket == door.path
        assert [ask(door.path, HELLO)[0] for _ in range(3)] == [200, 200, 429]
        gateway.close()
        assert gateway.used.calls == 2
    assert not door.deaf
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0.1)
        client.connect(str(door.path))
        client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: g\r\n\r\n")
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_what_was_said_before_a_gateway_came_is_not_heard(folder: Path, stack: ExitStack) -> None:
    """Else the last scaffold of a room could leave a question there that is paid from the next one's lease."""
    door = Door(folder)
    stack.callback(door.close)
    model = ScriptedModel(lambda _: "hello")
    left = socket.socket(socket.AF_UNIX)
    stack.callback(left.close)
    left.settimeout(30.0)
    left.connect(str(door.path))
    body = b'{"model": "scripted", "messages": [{"role": "user", "content": "from before"}], "max_tokens": 10}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    left.sendall(head + body)
    gateway = Gateway(LEASE, answer, [model], folder=folder, door=door)
    stack.callback(gateway.close)
    with pytest.raises(ConnectionResetError):
        left.recv(1)
    assert ask(door.path, HELLO)[0] == 200
    assert len(model.requests) == gateway.used.calls == 1


def test_a_door_that_is_closed_is_gone(folder: Path, stack: ExitStack) -> None:
    """And one that is deaf refuses; no gateway can be behind either."""
    door = Door(folder)
    stack.callback(door.close)
    door.deafen()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(door.path))
    with pytest.raises(SandboxFault, match="nobody can be heard"):
        Gateway(LEASE, answer, [ScriptedModel([])], folder=folder, door=door)
    door.close()
    assert list(folder.iterdir()) == []
    with pytest.raises(SandboxFault, match="a shorter TMPDIR may help"):
        Door(folder / "no such folder")
