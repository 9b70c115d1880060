"""HTTP on one Unix socket for callers who may be hostile: bounded in every direction, and gone when it is closed.

h11 reads and writes the protocol. Around it are the bounds that it leaves to others: on the time in which a request has
to be whole and its answer taken, on bytes, on connections, and on how often somebody may come for nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from evolve.models.background import Background

__all__ = ["Bounds", "HttpAnswer", "HttpRequest", "SocketServer"]

_CHUNK = 2**16
_DROPPED = 16
"""How many times the size of a request may come before a connection is cut."""
_SPARE = 16
"""Connections beside those whose requests are being answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one socket bears. Sizes in bytes, times in seconds.

    `at_once` requests are answered at a time, and some connections more are open. After `nuisances` requests that came
    to nothing (connections without one, bytes that are no HTTP, errors) nobody is listened to any more.
    """

    at_once: int = 32
    body: int = 2**20
    head: int = 2**14
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
    """The answer to it. One that `is_nuisance` is counted."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_nuisance(self) -> bool:
        """Whether whoever asked got nothing."""
        return self.status >= 400


class _Gone(Exception):
    """The connection is of no more use, because of its other side."""


class SocketServer:
    """Serves on a Unix socket at `path` until it is closed. `answer` is called on threads, `at_once` at a time.

    `failure` is the answer to what does not get as far: a status and a code. Raises `OSError` when there can be no
    socket at `path`.
    """

    def __init__(
        self,
        path: Path,
        answer: Callable[[HttpRequest], HttpAnswer],
        failure: Callable[[int, str, str], HttpAnswer],
        bounds: Bounds,
    ) -> None:
        self.path = path
        self._answer, self._failure, self._bounds = answer, failure, bounds
        self._nuisances = 0
        self._connections: set[asyncio.Task[Any]] = set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._pool = ThreadPoolExecutor(bounds.at_once, thread_name_prefix="evolve-gateway")
        self._background = Background("evolve-gateway")
        try:
            self._listener.bind(str(path))
            path.chmod(0o666)  # whatever user the sandbox gives a program; who sees it at all is the sandbox's to say
            self._listener.listen(bounds.at_once)
            self._server = self._background.run(asyncio.start_unix_server(self._serve, sock=self._listener))
        except BaseException:
            self._listener.close()
            self._pool.shutdown()
            raise

    def close(self) -> None:
        """Nobody is served any more; returns when the last `answer` has ended. May be called twice."""

        async def last() -> None:
            # connections that came in this very moment
            while others := asyncio.all_tasks() - {asyncio.current_task()}:
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)

        self._background.call(self._deafen)
        self._background.close(last, 0.0)
        self._listener.close()
        self.path.unlink(missing_ok=True)
        self._pool.shutdown()

    def _deafen(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()

    def _count(self) -> None:
        self._nuisances += 1
        if self._nuisances == self._bounds.nuisances:
            self._deafen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(reader, writer, self._bounds)
        try:
            if len(self._connections) >= self._bounds.at_once + _SPARE:
                self._count()
                await connection.send(self._failure(503, "too_many_connections", "too many connections are open"))
                return
            self._connections.add(task)
            await self._converse(connection)
        except (_Gone, OSError, TimeoutError, asyncio.CancelledError):
            pass  # of a connection that nobody waits for, nothing has to be said
        finally:
            self._connections.discard(task)
            writer.transport.abort()

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
            if answer.is_nuisance:
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

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bounds: Bounds) -> None:
        self._reader, self._writer, self._bounds = reader, writer, bounds
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
        headers = {"content-type": answer.kind, "content-length": str(len(answer.body)), **answer.headers}
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            raise _Gone
        response = h11.Response(status_code=answer.status, headers=list(headers.items()))
        for event in (response, h11.Data(data=answer.body), h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        async with asyncio.timeout(self._bounds.request_seconds):
            await self._flushed()

    async def _flushed(self) -> None:
        """Until the other side has taken everything: an abort would lose what lies in our buffer."""
        self._writer.transport.set_write_buffer_limits(0)
        await self._writer.drain()

    async def drop(self) -> None:
        """Read on a while: who is not heard to the end may not read the answer."""
        async with asyncio.timeout(self._bounds.request_seconds):
            left = _DROPPED * self._bounds.body
            while left > 0 and (data := await self._reader.read(_CHUNK)):
                left -= len(data)

    def next(self) -> None:
        """Make ready for the next request. Raises `_Gone` when this was the last one."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            raise _Gone
        self._http.start_next_cycle()

    async def _feed(self) -> None:
        data = await self._reader.read(_CHUNK)
        self._http.receive_data(data)
        if not data:
            raise _Gone

    async def _whole(self) -> HttpRequest:
        head, body = await self._event(), bytearray()
        if not isinstance(head, h11.Request):
            raise _Gone
        if any(name == b"content-length" and int(value) > self._bounds.body for name, value in head.headers):
            raise self._too_large()
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise _Gone
            body += event.data
            if len(body) > self._bounds.body:
                raise self._too_large()
        path = head.target.decode("ascii", "replace").partition("?")[0]
        return HttpRequest(head.method.decode("ascii", "replace"), path, bytes(body))

    def _too_large(self) -> _Broken:
        return _Broken(413, "request_too_large", f"a request has at most {self._bounds.body} bytes")

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            await self._feed()
        return event
