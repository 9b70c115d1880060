"""HTTP on one Unix socket for callers who may be hostile: bounded in every direction, and gone when it is closed.

h11 reads and writes the protocol. Around it are the bounds that it leaves to others: on the time in which a request has
to be whole and its answer taken, on bytes, on connections, and on how often somebody may come for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import h11

from evolve.models.background import Background
from evolve.models.door import Door

__all__ = ["Bounds", "HttpAnswer", "HttpRequest", "SocketServer"]

_CHUNK = 2**16
_DROPPED = 16
"""How many times the size of a request may come before a connection is cut."""
_PAUSE = 0.1
"""Seconds without new connections, when too many files are open."""
_SPARE = 32
"""Connections beside those whose requests are being answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one socket bears. Sizes in bytes, times in seconds.

    `at_once` requests are answered at a time, and some connections more are open. A body comes in so many `pieces`.
    After `nuisances` requests that cost nothing (connections without one, bytes that are no HTTP, errors, answers that
    are free) nobody is listened to any more.
    """

    at_once: int = 32
    body: int = 2**20
    head: int = 2**14
    pieces: int = 4096
    request_seconds: float = 15.0
    """From the first byte of a request to its last, and for taking an answer."""
    idle_seconds: float = 60.0
    nuisances: int = 1000


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request: all that is looked at of it."""

    method: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to it. One that is `free`, and so may be asked for without end, is counted."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    free: bool = False


class _Gone(Exception):
    """The connection is of no more use, because of its other side."""


class SocketServer:
    """Serves at a door until it is closed. `answer` is called on threads, `at_once` at a time.

    `failure` is the answer to what does not get as far: a status and a code. The door stays, unless there were too many
    nuisances. Raises `SandboxFault`.
    """

    def __init__(
        self,
        door: Door,
        answer: Callable[[HttpRequest], HttpAnswer],
        failure: Callable[[int, str, str], HttpAnswer],
        bounds: Bounds,
    ) -> None:
        self._door, self.path = door, door.path
        self._answer, self._failure, self._bounds = answer, failure, bounds
        self._nuisances = 0
        self._connections: set[asyncio.Task[None]] = set()
        self._listener = door.enter()
        self._pool = ThreadPoolExecutor(bounds.at_once, thread_name_prefix="evolve-gateway")
        self._background = Background("evolve-gateway")
        self._background.run(self._listen())

    def close(self) -> None:
        """Nobody is served any more; returns when the last `answer` has ended. May be called twice."""

        async def last() -> None:
            """Nothing to do: connections are tasks, and those are cancelled."""

        self._background.call(self._deafen)
        self._background.close(last, 0.0)
        self._listener.close()
        self._pool.shutdown()

    async def _listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _deafen(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        for connection in self._connections:
            connection.cancel()

    def _count(self) -> None:
        self._nuisances += 1
        if self._nuisances == self._bounds.nuisances:
            self._door.deafen()
            self._deafen()

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # too many files are open: those who wait shall not keep us busy
            loop.remove_reader(self._listener)
            loop.call_later(
                _PAUSE, lambda: self._listener.fileno() >= 0 and loop.add_reader(self._listener, self._accept)
            )
            return
        client.setblocking(False)
        connection = _Connection(client, self._bounds)
        if len(self._connections) >= self._bounds.at_once + _SPARE:
            connection.refuse(self._failure(503, "too_many_connections", "too many connections are open"))
            self._count()
            return
        task = loop.create_task(self._serve(connection))
        self._connections.add(task)

        def ended(task: asyncio.Task[None]) -> None:  # also of one that was cancelled before it began
            self._connections.discard(task)
            client.close()

        task.add_done_callback(ended)

    async def _serve(self, connection: _Connection) -> None:
        with contextlib.suppress(_Gone, OSError, TimeoutError):  # of one that nobody waits for, nothing has to be said
            await self._converse(connection)

    async def _converse(self, connection: _Connection) -> None:
        served = 0
        while True:
            try:
                request = await connection.request()
            except _Broken as broken:
                self._count()
                await connection.send(self._failure(broken.status, broken.code, str(broken)))
                await connection.drop()
                return
            except (_Gone, OSError, TimeoutError):
                if not served:
                    self._count()
                raise
            answer = await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, request)
            served += 1
            if answer.free or answer.status >= 400:
                self._count()
            await connection.send(answer)
            connection.next()


class _Broken(Exception):
    """There is no request; `status` and `code` say to its sender why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class _Connection:
    """One connection, one request after another."""

    def __init__(self, client: socket.socket, bounds: Bounds) -> None:
        self._client, self._bounds = client, bounds
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=bounds.head)

    async def request(self) -> HttpRequest:
        """The next one. Raises `_Broken`, `_Gone` when there is none, `TimeoutError` when it is slow."""
        try:
            if not self._http.trailing_data[0]:
                async with asyncio.timeout(self._bounds.idle_seconds):
                    await self._feed()
            async with asyncio.timeout(self._bounds.request_seconds):
                return await self._whole()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            code = "headers_too_large" if status == 431 else "invalid_http"
            raise _Broken(status, code, f"this is no request of HTTP: {str(error)[:200]}") from None

    async def send(self, answer: HttpAnswer) -> None:
        """Send an answer. Raises `TimeoutError` when it is not taken, `OSError` when nobody is there to take it."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            raise _Gone
        async with asyncio.timeout(self._bounds.request_seconds):
            await asyncio.get_running_loop().sock_sendall(self._client, self._bytes(answer))

    def refuse(self, answer: HttpAnswer) -> None:
        """Say so, if it can be said at once, and end."""
        with self._client, contextlib.suppress(OSError):
            self._client.send(self._bytes(answer))

    def _bytes(self, answer: HttpAnswer) -> bytes:
        headers = {"content-type": answer.kind, "content-length": str(len(answer.body)), **answer.headers}
        response = h11.Response(status_code=answer.status, headers=list(headers.items()))
        return b"".join(
            self._http.send(event) or b"" for event in (response, h11.Data(data=answer.body), h11.EndOfMessage())
        )

    async def drop(self) -> None:
        """Read on a while: who is not heard to the end may not read the answer."""
        async with asyncio.timeout(self._bounds.request_seconds):
            left = _DROPPED * self._bounds.body
            while left > 0 and (data := await self._read(_CHUNK)):
                left -= len(data)

    def next(self) -> None:
        """Make ready for the next request. Raises `_Gone` when this was the last one."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            raise _Gone
        self._http.start_next_cycle()

    async def _read(self, size: int) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._client, size)

    async def _feed(self) -> None:
        # a head that comes as a whole is not measured by h11
        data = await self._read(self._bounds.head if self._http.their_state is h11.IDLE else _CHUNK)
        self._http.receive_data(data)
        if not data:
            raise _Gone

    async def _whole(self) -> HttpRequest:
        head, body, pieces = await self._event(), bytearray(), 0
        if not isinstance(head, h11.Request):
            raise _Gone
        if any(name == b"content-length" and int(value) > self._bounds.body for name, value in head.headers):
            raise self._too_large()
        if self._http.they_are_waiting_for_100_continue:
            go_on = self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
            await asyncio.get_running_loop().sock_sendall(self._client, go_on or b"")
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise _Gone
            body += event.data
            pieces += 1
            if len(body) > self._bounds.body or pieces > self._bounds.pieces:
                raise self._too_large()
        path = head.target.decode("ascii", "replace").partition("?")[0]
        return HttpRequest(head.method.decode("ascii", "replace"), path, bytes(body))

    def _too_large(self) -> _Broken:
        most = f"at most {self._bounds.body} bytes, in {self._bounds.pieces} pieces"
        return _Broken(413, "request_too_large", f"a request has {most}")

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            await self._feed()
        return event
