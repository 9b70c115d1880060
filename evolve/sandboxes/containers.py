"""Containers: a session over the streams of one, and removing those that are not needed any more."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from evolve.errors import SandboxFault
from evolve.frames import Frame
from evolve.sandboxes.engines import shortened
from evolve.sandboxes.owner import Owner
from evolve.sandboxes.session import Channel, frame_limit
from evolve.types import Limits

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["OWNER", "ContainerSession", "Unwrapper", "left_containers", "reap", "remove"]

OWNER = "evolve.owner"
"""The label that says whose a container is."""

_SETTLE = 2.0  # seconds until the engine knows that a container has ended


class ContainerSession:
    """Frames over the streams of a container, which is attached to here, started by `start` and removed by `close`.

    `on_close` is told whether the container could be removed. Raises what the SDK raises.
    """

    def __init__(
        self, client: APIClient, container: str, limits: Limits, *, on_close: Callable[[ContainerSession, bool], None]
    ) -> None:
        self.container = container
        self._client, self._on_close = client, on_close
        self._socket = _attach(client, container)
        descriptor = self._socket.fileno()
        self._channel = Channel(descriptor, descriptor, limit=frame_limit(limits), unwrap=Unwrapper())
        self._busy = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Start the container. Raises what the SDK raises."""
        self._client.start(self.container)

    @property
    def words(self) -> str:
        """The end of what came on standard error."""
        return self._channel.words

    def send(self, frame: Frame) -> None:
        """Raises `SandboxFault` when the harness is gone."""
        with self._busy:
            self._check()
            try:
                self._channel.send(frame)
            except SandboxFault as fault:
                raise self._explained(fault) from None

    def receive(self, timeout: float) -> Frame:
        """The next frame. Raises `TimeoutError` after `timeout` seconds, `SandboxFault` when the harness is gone."""
        with self._busy:
            self._check()
            try:
                return self._channel.receive(timeout)
            except SandboxFault as fault:
                raise self._explained(fault) from None

    def close(self) -> None:
        """Kill what runs in the container and remove it. Never raises, may be called twice."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._channel.cancel()
            # first the stream: an engine that still has output to deliver hangs when it has to kill the container
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            with self._busy:
                self._socket.close()
            self._on_close(self, remove(self._client, self.container))

    def _check(self) -> None:
        if self._closed:
            raise SandboxFault("the session is closed")

    def _explained(self, fault: SandboxFault) -> SandboxFault:
        """A kill for memory looks like any other: the engine has to be asked."""
        from docker.errors import DockerException  # noqa: PLC0415

        deadline = time.monotonic() + _SETTLE
        try:
            state: dict[str, Any] = self._client.inspect_container(self.container)["State"]
            while state.get("Running") and time.monotonic() < deadline:  # the stream ends a moment before the container
                time.sleep(0.05)
                state = self._client.inspect_container(self.container)["State"]
        except (DockerException, OSError) as error:
            return SandboxFault(f"{fault}; and the Docker engine does not say why: {shortened(error)}")
        if state.get("OOMKilled"):
            return SandboxFault(f"{fault}; the kernel killed the container for memory")
        if not state.get("Running"):
            return SandboxFault(
                f"{fault}; the container exited with {state.get('ExitCode')} {state.get('Error') or ''}".strip()
            )
        return fault


class Unwrapper:
    """Takes apart the engine's stream: 1 byte 1 (output) or 2 (error), 3 bytes 0, 4 bytes length, then the data."""

    def __init__(self) -> None:
        self._header = b""
        self._kind, self._left = 0, 0

    def __call__(self, data: bytes) -> tuple[bytes, bytes]:
        """What of the data is output, and what is error; both without headers."""
        parts: dict[int, list[bytes]] = {1: [], 2: []}
        start = 0
        while start < len(data):
            if self._left:
                piece = data[start : start + self._left]
                parts.get(self._kind, []).append(piece)
                start += len(piece)
                self._left -= len(piece)
                continue
            missing = 8 - len(self._header)
            self._header += data[start : start + missing]
            start += missing
            if len(self._header) == 8:
                self._kind, self._left = struct.unpack(">BxxxI", self._header)
                self._header = b""
        return b"".join(parts[1]), b"".join(parts[2])


def _attach(client: APIClient, container: str) -> socket.socket:
    """The container's standard streams as one socket, multiplexed."""
    stream = client.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    # a socket of our own: the SDK ties the life of its to an HTTP response
    attached = socket.socket(fileno=os.dup(stream.fileno()))
    stream._response.close()  # noqa: SLF001 - the SDK offers no other way to close what it opened
    return attached


def remove(client: APIClient, container: str) -> bool:
    """Kill and remove a container. Whether it is gone; when the engine does not answer, it may not be."""
    from docker.errors import DockerException, NotFound  # noqa: PLC0415 - the SDK is heavy, and most never need it

    try:
        client.remove_container(container, force=True, v=True)
    except NotFound:
        return True
    except (DockerException, OSError):
        return False
    return True


def left_containers(client: APIClient) -> list[str]:
    """The ids of the containers of engines that are certainly dead."""
    found = []
    for container in client.containers(all=True, filters={"label": OWNER}):
        owner = Owner.parse(container["Labels"][OWNER])
        if owner is not None and owner.is_gone():
            found.append(container["Id"])
    return found


def reap(client: APIClient) -> None:
    """Remove the containers of engines that are certainly dead, and no others."""
    for container in left_containers(client):
        remove(client, container)
