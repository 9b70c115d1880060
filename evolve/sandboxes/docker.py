"""Docker, or Podman through the same API: a hardened container per session, without network and without binds."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.frames import Frame
from evolve.sandboxes import harness
from evolve.sandboxes.bounds import SHARED_BYTES, Bounds
from evolve.sandboxes.guarantees import Guarantee, weaknesses
from evolve.sandboxes.images import HARNESS, ensure_image
from evolve.sandboxes.owner import Owner
from evolve.sandboxes.seccomp import profile
from evolve.sandboxes.session import Channel, frame_limit
from evolve.types import Limits, Role, Session

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["DockerSandbox", "Unwrapper", "connect", "reachable"]

_OWNER = "evolve.owner"
_INODES = 20_000
_OPEN_FILES = 1024  # of the harness, which holds a candidate to its limit
_TIMEOUT = 60  # seconds for one request to the daemon
_SETTLE = 2.0  # seconds until the engine knows that a container has ended
_FIRST_USER, _USERS = 1_900_000_000, 200_000_000  # above what systemd and containers give out, below 2**31
_FIRST_REMAPPED_USER, _REMAPPED_USERS = 20_000, 40_000  # where the engine has 65536 ids only


class DockerSandbox:
    """Runs each session in a container of its own.

    `image` is used as it is (it must hold the harness, as those from `sandbox/Dockerfile` do); without it one is built
    on `base` with `requirements`, see `ensure_image`. `runtime` is one that the daemon knows, such as "runsc".
    `cpus` is how much processor time a session may use per second. `client` is an API client to use instead of the
    environment's (`DOCKER_HOST`); it is closed with the sandbox.
    """

    name: str = "docker"

    def __init__(
        self,
        *,
        image: str | None = None,
        base: str | None = None,
        requirements: str = "",
        runtime: str | None = None,
        cpus: float = 1.0,
        client: APIClient | None = None,
    ) -> None:
        self._image, self._base, self._requirements = image, base, requirements
        self._runtime, self._cpus = runtime, cpus
        self._client = client
        self._first_user, self._users = _FIRST_USER, _USERS
        self._preparing = threading.Lock()
        self._changing = threading.Lock()
        self._prepared = False
        self._open: set[_ContainerSession] = set()
        self.missing = frozenset[Guarantee]() if runtime == "runsc" else frozenset({Guarantee.KERNEL})
        self.weaknesses = weaknesses(self.missing)

    def prepare(self) -> str:
        """Connect, remove what dead engines left, and build the image if it is missing. Returns the image's name.

        Done by the first `open`; harmless to repeat. Raises `SandboxUnavailable`.
        """
        with self._preparing, reachable("the Docker engine does not work"):
            if not self._prepared:
                self._client = self._client or connect(_TIMEOUT)
                self._learn(self._client)
                _reap(self._client)
                self._image = self._image or ensure_image(
                    self._client, base=self._base, requirements=self._requirements
                )
                self._prepared = True
            assert self._image is not None
            return self._image

    def _learn(self, client: APIClient) -> None:
        """What this engine can do, from what it says of itself."""
        told: dict[str, Any] = client.info()
        if any("rootless" in option or "userns" in option for option in told.get("SecurityOptions") or ()):
            self._first_user, self._users = _FIRST_REMAPPED_USER, _REMAPPED_USERS
        unbounded = set()
        if not told.get("MemoryLimit", True):
            unbounded.add(Guarantee.TREE_MEMORY)
        if not told.get("PidsLimit", True):
            unbounded.add(Guarantee.TREE_COUNT)
        self.missing |= unbounded
        self.weaknesses = weaknesses(self.missing)

    def open(self, role: Role, limits: Limits) -> Session:
        """Start a container with a harness for this role.

        Raises `SandboxUnavailable` when it never worked, `SandboxFault` when it did.
        """
        from docker.errors import DockerException  # noqa: PLC0415

        image = self.prepare()
        assert self._client is not None
        container = ""
        try:
            container = self._create(self._client, image, role, limits)
            attached = _attach(self._client, container)
            session = _ContainerSession(self, self._client, container, attached, limits)
            self._client.start(container)
        except (DockerException, OSError) as error:
            if container:
                _remove(self._client, container)
            raise SandboxFault(f"the Docker engine could not start a container: {error}") from None
        with self._changing:
            self._open.add(session)
        return session

    def _create(self, client: APIClient, image: str, role: Role, limits: Limits) -> str:
        from docker.types import LogConfig, Ulimit  # noqa: PLC0415

        bounds = Bounds.of(limits)
        hard = {"core": 0, "fsize": limits.disk_bytes, "nofile": max(_OPEN_FILES, limits.open_files)}
        user = self._first_user + secrets.randbelow(self._users)
        made = client.create_container(
            image,
            entrypoint=harness.argv("python3", HARNESS, role, limits, processes=bounds.processes),
            command=[],
            # a user that no other container has: limits by user, and whatever the kernel keeps by user, are not shared
            user=f"{user}:{user}",
            working_dir="/tmp",  # noqa: S108 - the container's
            environment={"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"},  # noqa: S108
            hostname="sandbox",
            stdin_open=True,
            labels={_OWNER: str(Owner.this())},
            host_config=client.create_host_config(
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges", f"seccomp={profile()}"],
                ipc_mode="private",
                mem_limit=bounds.memory_bytes,
                memswap_limit=bounds.memory_bytes,
                pids_limit=bounds.tasks,
                nano_cpus=int(self._cpus * 1e9),
                shm_size=SHARED_BYTES,
                # programs may bring executables, and numba and cffi map what they compile: no noexec
                tmpfs={"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.disk_bytes},nr_inodes={_INODES}"},  # noqa: S108
                ulimits=[Ulimit(name=name, soft=value, hard=value) for name, value in hard.items()],
                oom_score_adj=900,
                log_config=LogConfig(type="none", config={}),
                runtime=self._runtime,
            ),
        )
        return str(made["Id"])

    def forget(self, session: _ContainerSession) -> None:
        """Called by a session that has closed."""
        with self._changing:
            self._open.discard(session)

    def close(self) -> None:
        """Remove the containers that are left. May be called twice."""
        with self._changing:
            sessions = list(self._open)
        for session in sessions:
            session.close()
        if self._client is not None:
            self._client.close()


class _ContainerSession:
    """Frames over the attached streams of a container."""

    def __init__(
        self, sandbox: DockerSandbox, client: APIClient, container: str, attached: socket.socket, limits: Limits
    ) -> None:
        self._sandbox, self._client, self._container, self._socket = sandbox, client, container, attached
        descriptor = attached.fileno()
        self._channel = Channel(descriptor, descriptor, limit=frame_limit(limits), unwrap=Unwrapper())
        self._busy = threading.Lock()
        self._closing = threading.Lock()
        self._closed = False

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
            _remove(self._client, self._container)
            self._sandbox.forget(self)

    def _check(self) -> None:
        if self._closed:
            raise SandboxFault("the session is closed")

    def _explained(self, fault: SandboxFault) -> SandboxFault:
        """A kill for memory looks like any other: the engine has to be asked."""
        from docker.errors import DockerException  # noqa: PLC0415

        deadline = time.monotonic() + _SETTLE
        try:
            state: dict[str, Any] = self._client.inspect_container(self._container)["State"]
            while state.get("Running") and time.monotonic() < deadline:  # the stream ends a moment before the container
                time.sleep(0.05)
                state = self._client.inspect_container(self._container)["State"]
        except (DockerException, OSError) as error:
            return SandboxFault(f"{fault}; and the Docker engine does not say why: {error}")
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


@contextlib.contextmanager
def reachable(problem: str) -> Iterator[None]:
    """Turn what the SDK raises into `SandboxUnavailable` that begins with `problem`."""
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        yield
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(f"{problem}: {error}") from None


def connect(timeout: int) -> APIClient:
    """A client of the engine that `DOCKER_HOST` names, else of the first local one. Raises `SandboxUnavailable`."""
    endpoint = _endpoint()
    from docker import APIClient  # noqa: PLC0415 - the SDK is heavy, and most never need it

    with reachable(f"no Docker engine answers at {endpoint}"):
        if endpoint.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as knock:  # the SDK leaves its socket open when it cannot connect
                knock.connect(endpoint.removeprefix("unix://"))
        # asked for its version without one, since old engines refuse new versions and new engines old ones
        with contextlib.closing(APIClient(endpoint, version="1.41", timeout=timeout)) as client:
            version: str = client.version(api_version=False)["ApiVersion"]
        return APIClient(endpoint, version=version, timeout=timeout)


def _endpoint() -> str:
    named = os.environ.get("DOCKER_HOST")
    if named:
        if not named.startswith(("unix://", "tcp://", "http://")) or os.environ.get("DOCKER_TLS_VERIFY"):
            raise SandboxUnavailable(
                f"DOCKER_HOST is {named}: sessions need a plain stream. Forward the engine's socket instead: "
                "ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST, and DOCKER_HOST=unix:///tmp/docker.sock"
            )
        return named
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")
    places = (
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
    )
    found = [place for place in places if Path(place).exists()]
    if not found:
        raise SandboxUnavailable(
            "no Docker engine is running: there is no /var/run/docker.sock, and DOCKER_HOST is not set. "
            "Install one (Debian, Ubuntu: apt install docker.io) and start it (systemctl start docker)"
        )
    allowed = [place for place in found if os.access(place, os.R_OK | os.W_OK)]
    if not allowed:
        raise SandboxUnavailable(
            f"{found[0]} is there but not for you: join its group (usermod -aG docker $USER, then log in again)"
        )
    return f"unix://{allowed[0]}"


def _attach(client: APIClient, container: str) -> socket.socket:
    """The container's standard streams as one socket, multiplexed."""
    stream = client.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    # a socket of our own: the SDK ties the life of its to an HTTP response
    attached = socket.socket(fileno=os.dup(stream.fileno()))
    stream._response.close()  # noqa: SLF001 - the SDK offers no other way to close what it opened
    return attached


def _remove(client: APIClient, container: str) -> None:
    from docker.errors import DockerException  # noqa: PLC0415

    # when the engine is gone too, the next run's reaper finds the container by its label
    with contextlib.suppress(DockerException, OSError):
        client.remove_container(container, force=True, v=True)


def _reap(client: APIClient) -> None:
    """Remove the containers of engines that are certainly dead, and no others."""
    for found in client.containers(all=True, filters={"label": _OWNER}):
        owner = Owner.parse(found["Labels"][_OWNER])
        if owner is not None and owner.is_gone():
            _remove(client, found["Id"])
