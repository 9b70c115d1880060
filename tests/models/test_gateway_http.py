"""The gateway's socket under callers who mean it no good: bounded, and there for the next one."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.models.door import Door
from evolve.models.gateway_http import Bounds, HttpAnswer, HttpRequest, SocketServer

Open: TypeAlias = Callable[..., SocketServer]

USUAL = Bounds(at_once=4, body=10_000, head=4096, request_seconds=120.0, idle_seconds=120.0)
QUICK = replace(USUAL, request_seconds=0.5, idle_seconds=0.5)


def said(request: HttpRequest) -> HttpAnswer:
    """What was understood."""
    if request.path == "/no":
        return failed(404, "no", "")
    size = int(request.path.removeprefix("/big/")) if request.path.startswith("/big/") else 0
    body = json.dumps([request.method, request.path, request.body.decode("latin-1"), "x" * size])
    return HttpAnswer(200, body.encode())


def failed(status: int, code: str, _message: str) -> HttpAnswer:
    """The code."""
    return HttpAnswer(status, code.encode())


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """`serve(bounds, answer)`: a server that is closed after the test."""
    folder = tmp_path_factory.mktemp("h")
    with ExitStack() as stack:

        def start(bounds: Bounds = USUAL, answer: Callable[[HttpRequest], HttpAnswer] = said) -> SocketServer:
            door = Door(folder)
            stack.callback(door.close)
            server = SocketServer(door, answer, failed, bounds)
            stack.callback(server.close)
            return server

        yield start


def connected(path: Path, seconds: float = 60.0) -> socket.socket:
    """A connection."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(seconds)
    try:
        client.connect(str(path))
    except OSError:
        client.close()
        raise
    return client


def rest(client: socket.socket) -> bytes:
    """All that comes until the end."""
    data = bytearray()
    with client, suppress(ConnectionResetError):
        while more := client.recv(2**16):
            data += more
    return bytes(data)


def exchange(path: Path, data: bytes, *, end: bool = True) -> list[tuple[int, bytes]]:
    """The statuses and bodies of all that is answered to these bytes."""
    client = connected(path)
    with suppress(BrokenPipeError):
        client.sendall(data)
        if end:
            client.shutdown(socket.SHUT_WR)
    return parsed(rest(client))


def parsed(data: bytes) -> list[tuple[int, bytes]]:
    """The same of what came."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        length = next((int(line.split(b":")[1]) for line in head.lower().splitlines() if b"content-length" in line), 0)
        found.append((status, data[:length]))
        data = data[length:]
    return found


def well(path: Path) -> bool:
    """Whether an ordinary caller is served."""
    return [status for status, _ in exchange(path, b"GET /x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")] == [200]


HEAD = b"POST /x HTTP/1.1\r\nHost: g\r\n"
REFUSED: dict[str, tuple[bytes, int, bytes]] = {
    "garbage": (b"\0\xff" * 50 + b"\r\n\r\n", 400, b"invalid_http"),
    "another protocol": (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", 400, b"invalid_http"),
    "no host": (b"POST /x HTTP/1.1\r\n\r\n", 400, b"invalid_http"),
    "a version that is none": (b"POST /x HTTP/one\r\nHost: g\r\n\r\n", 400, b"invalid_http"),
    "a head without end": (HEAD + b"A: " + b"x" * 5000, 431, b"headers_too_large"),
    "many headers": (HEAD + b"A: x\r\n" * 2000 + b"\r\n", 431, b"headers_too_large"),
    "a long body": (HEAD + b"Content-Length: 10001\r\n\r\n" + b"x" * 10_001, 413, b"request_too_large"),
    "a body that is said to be long": (HEAD + b"Content-Length: 99999999999\r\n\r\n", 413, b"request_too_large"),
    "a length without end": (HEAD + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n", 400, b"invalid_http"),
    "a length below zero": (HEAD + b"Content-Length: -1\r\n\r\n", 400, b"invalid_http"),
    "two lengths": (HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, b"invalid_http"),
    "many chunks": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"a\r\nxxxxxxxxxx\r\n" * 1001 + b"0\r\n\r\n",
        413,
        b"request_too_large",
    ),
    "a body in too many pieces": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n",
        413,
        b"request_too_large",
    ),
    "a chunk that is none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, b"invalid_http"),
    "a coding": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, b"invalid_http"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_request_is_refused(serve: Open, case: str) -> None:
    """With a status that says why; the connection ends, and the next caller is served."""
    data, status, code = REFUSED[case]
    path = serve().path
    assert exchange(path, data) == [(status, code)]
    assert well(path)


def test_requests_may_come_at_once(serve: Open) -> None:
    """Each is answered, in their order; what comes after one that is none is not looked at."""
    one = b"POST /%d HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\n\r\n%d"
    answers = exchange(serve().path, one % (1, 1) + one % (2, 2) + b"\0\0\r\n\r\n" + one % (3, 3))
    assert [(status, json.loads(body)[:3]) for status, body in answers[:2]] == [
        (200, ["POST", "/1", "1"]),
        (200, ["POST", "/2", "2"]),
    ]
    assert answers[2:] == [(400, b"invalid_http")]


def test_a_body_in_chunks_is_one(serve: Open) -> None:
    """However it is cut."""
    body = b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nTrailer: x\r\n\r\n"
    ((status, answer),) = exchange(serve().path, HEAD + body)
    assert (status, json.loads(answer)[2]) == (200, "abcde")


def test_who_asks_to_go_on_is_told_so(serve: Open) -> None:
    """As some clients do before they send a body."""
    client = connected(serve().path)
    client.sendall(HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
    client.sendall(b"ab")
    assert parsed(rest(client))[0][0] == 200


def test_old_clients_are_served(serve: Open) -> None:
    """And cut off afterwards, as they expect."""
    assert [status for status, _ in exchange(serve().path, b"GET /x HTTP/1.0\r\n\r\n", end=False)] == [200]


@pytest.mark.parametrize("begun", [b"", b"POST", HEAD, HEAD + b"Content-Length: 100\r\n\r\nabc"])
def test_who_is_slow_is_cut_off(serve: Open, begun: bytes) -> None:
    """Wherever a request stops, and also when it goes on a byte at a time."""
    path = serve(QUICK).path
    start = time.monotonic()
    client = connected(path)
    with client, suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(begun)
        while time.monotonic() - start < 60:
            client.settimeout(0.1)
            try:
                if client.recv(1) == b"":
                    break
            except TimeoutError:
                if begun:
                    client.sendall(b"x")
    assert 0.4 < time.monotonic() - start < 60
    assert well(path)


def test_who_does_not_take_an_answer_is_cut_off(serve: Open) -> None:
    """A large one lies in our memory as long as a request may take, and no longer."""
    path = serve(QUICK).path
    client = connected(path)
    client.sendall(b"GET /big/8000000 HTTP/1.1\r\nHost: g\r\n\r\n")
    ended = select.poll()
    ended.register(client, 0)  # whatever is asked for, the end of the other side is told
    assert ended.poll(60_000)
    assert len(rest(client)) < 8_000_000
    assert well(path)


def test_a_large_answer_arrives(serve: Open) -> None:
    """Who takes it gets all of it."""
    ((status, body),) = exchange(serve().path, b"GET /big/8000000 HTTP/1.1\r\nHost: g\r\n\r\n")
    assert (status, len(json.loads(body)[3])) == (200, 8_000_000)


def test_who_leaves_early_harms_nobody(serve: Open) -> None:
    """While the answer is being made, or sent."""

    def slowly(request: HttpRequest) -> HttpAnswer:
        time.sleep(0.05)
        return said(request)

    path = serve(USUAL, slowly).path
    for _ in range(8):
        client = connected(path)
        client.sendall(b"GET /big/3000000 HTTP/1.1\r\nHost: g\r\n\r\n")
        client.close()
    assert well(path)


def test_connections_are_bounded(serve: Open) -> None:
    """Those beyond the bound hear so at once, and when others have ended there is room again."""
    path = serve(Bounds(at_once=4, idle_seconds=30.0)).path
    open_ones = [connected(path) for _ in range(4 + 32)]
    deadline = time.monotonic() + 60
    while True:
        try:
            beyond = connected(path)
            break
        except BlockingIOError:  # those before it are not taken yet
            assert time.monotonic() < deadline
    assert parsed(rest(beyond)) == [(503, b"too_many_connections")]
    for client in open_ones:
        client.close()
    deadline = time.monotonic() + 60
    while not well(path):
        assert time.monotonic() < deadline


def test_answers_are_made_so_many_at_a_time(serve: Open) -> None:
    """The others wait for their turn."""
    running, most, turn = 0, 0, threading.Lock()
    four = threading.Barrier(4)

    def slowly(request: HttpRequest) -> HttpAnswer:
        nonlocal running, most
        with turn:
            running += 1
            most = max(most, running)
        four.wait(60)
        with turn:
            running -= 1
        return said(request)

    path = serve(USUAL, slowly).path
    clients = [connected(path) for _ in range(16)]
    for client in clients:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
    assert [parsed(rest(client))[0][0] for client in clients] == [200] * 16
    assert most == 4


@pytest.mark.parametrize("data", [b"", b"\0\r\n\r\n", b"GET /no HTTP/1.1\r\nHost: g\r\n\r\n", HEAD])
def test_who_comes_for_nothing_too_often_is_not_heard_any_more(serve: Open, data: bytes) -> None:
    """Not even connected to, which costs the engine nothing; connections that were open are cut."""
    path = serve(Bounds(at_once=4, nuisances=20)).path
    early = connected(path)
    heard = 0
    with suppress(OSError):
        for _ in range(200):
            exchange(path, data)
            heard += 1
    assert heard <= 21
    assert rest(early) == b""
    with pytest.raises(ConnectionRefusedError):
        connected(path)


def test_ordinary_callers_are_no_nuisance(serve: Open) -> None:
    """However often they come, on how many connections."""
    path = serve(Bounds(at_once=4, nuisances=5)).path
    assert all(well(path) for _ in range(20))
    line = b"GET /x HTTP/1.1\r\nHost: g\r\n\r\n"
    assert len(exchange(path, line * 20)) == 20


PIECES = (
    HEAD,
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"5\r\nabcde\r\n",
    b"0\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: g\r\n\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Connection: close\r\n",
)


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(PIECES)), max_size=8))
def test_no_bytes_whatever_stop_it(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    """What comes back is HTTP, and an ordinary caller is served after it."""
    door = Door(tmp_path_factory.mktemp("h"))
    server = SocketServer(door, said, failed, USUAL)
    try:
        for status, _ in exchange(server.path, b"".join(pieces)):
            assert 100 <= status < 600
        assert well(server.path)
    finally:
        server.close()
        door.close()


def test_an_open_connection_does_not_outlive_it(serve: Open) -> None:
    """Nor does one whose request is half there, nor one that was served before."""
    server = serve(Bounds(at_once=4))
    clients = [connected(server.path) for _ in range(3)]
    clients[1].sendall(HEAD)
    line = http.client.HTTPConnection("g")
    line.sock = clients[2]
    line.request("GET", "/x")
    assert line.getresponse().read()
    start = time.monotonic()
    server.close()
    assert time.monotonic() - start < 40
    assert [client.recv(1) for client in clients[:2]] == [b"", b""]
    with suppress(BrokenPipeError):
        line.request("GET", "/x")
    with pytest.raises((OSError, http.client.HTTPException)):
        line.getresponse()
    for client in clients:
        client.close()
    server.close()


def test_it_can_be_closed_while_callers_storm_it(serve: Open) -> None:
    """Nothing is left behind that a warning would tell of."""
    server = serve(Bounds(at_once=4))
    ended = threading.Event()

    def storm() -> None:
        while not ended.is_set():
            with suppress(OSError), connected(server.path, 0.2) as client:
                client.sendall(b"GET /x HTTP/1.1\r\nHost: g\r\n\r\n")

    threads = [threading.Thread(target=storm) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    server.close()
    ended.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_whoever_sees_it_may_connect(serve: Open) -> None:
    """Whatever user the sandbox gives a program: who sees it is the sandbox's to say."""
    assert serve().path.stat().st_mode & 0o777 == 0o666
