"""Docker, or Podman through the same API: a hardened container per session, without network and without binds."""

from __future__ import annotations

import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.sandboxes import harness
from evolve.sandboxes.bounds import SHARED_BYTES, Bounds
from evolve.sandboxes.containers import OWNER, ContainerSession, reap, remove
from evolve.sandboxes.engines import Engine, connect, reachable, shortened
from evolve.sandboxes.guarantees import Guarantee, weaknesses
from evolve.sandboxes.images import HARNESS, ensure_image, require_image
from evolve.sandboxes.openings import Openings
from evolve.sandboxes.owner import Owner
from evolve.sandboxes.recipe import Surroundings
from evolve.types import Limits, Role, Session

if TYPE_CHECKING:
    from docker import APIClient
    from docker.types import DeviceRequest

__all__ = ["DockerSandbox"]

# programs may bring executables, and numba and cffi map what they compile: no noexec
_TMPFS = "rw,exec,nosuid,nodev,mode=1777"
_WRITABLE = ("/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108 - the container's
_OPEN_FILES = 1024  # of the harness, which holds a candidate to its limit
_TIMEOUT = 60  # seconds for one request to the daemon
_USUAL = Surroundings()


class DockerSandbox:
    """Runs each session in a container of its own.

    `surroundings` say in which image, under which runtime, with what GPUs and with how much processor time.
    `client` is an API client to use instead of the environment's (`DOCKER_HOST`); it is closed with the sandbox.
    """

    name: str = "docker"

    def __init__(self, surroundings: Surroundings = _USUAL, *, client: APIClient | None = None) -> None:
        self._surroundings = surroundings
        self._image = ""
        self._client = client
        self._engine = Engine()
        self._preparing = threading.Lock()
        self._changing = threading.Lock()
        self._identity = ""
        self._sessions: Openings[ContainerSession] = Openings()
        self._left: set[str] = set()
        own_kernel = surroundings.runtime == "runsc"
        self.missing = frozenset[Guarantee]() if own_kernel else frozenset({Guarantee.KERNEL})
        self.weaknesses = weaknesses(self.missing)

    def prepare(self) -> str:
        """Connect, remove what dead engines left, and build the image if it is missing. Returns the image's name.

        Done by the first `open`; harmless to repeat. Raises `SandboxUnavailable`.
        """
        with self._preparing, reachable("the Docker engine does not work"):
            if not self._identity:
                wanted = self._surroundings
                self._client = self._client or connect(_TIMEOUT)
                self._engine = Engine.of(self._client)
                self.missing |= self._engine.missing
                self.weaknesses = weaknesses(self.missing)
                reap(self._client)
                self._image = wanted.image or ensure_image(self._client, wanted.recipe)
                found = require_image(self._client, self._image)
                self._identity = f"docker {self._engine.identity} {found} {wanted.runtime} {wanted.gpus}"
            return self._image

    def identity(self) -> str:
        """What a check of this sandbox is good for: the engine, the image, the runtime. Raises as `prepare` does."""
        self.prepare()
        return self._identity

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """Start a container with a harness for this role. With a `gateway` the engine has to be one of this machine.

        Raises `SandboxUnavailable` when there is no engine or no image, `SandboxFault` when the engine failed.
        """
        if gateway is not None and self._surroundings.runtime == "runsc":
            raise SandboxUnavailable(
                "under runsc a program reaches no socket of this machine, so it can ask no model; "
                "leave `runtime` out of `[sandbox]`"
            )
        image = self.prepare()
        self._remove_left()
        with self._sessions.opening():
            return self._start(image, role, limits, gateway)

    def _start(self, image: str, role: Role, limits: Limits, gateway: Path | None) -> Session:
        from docker.errors import DockerException  # noqa: PLC0415

        assert self._client is not None
        container = ""
        try:
            container = self._create(self._client, image, role, limits, gateway)
            session = ContainerSession(self._client, container, limits, on_close=self._closed)
        except (DockerException, OSError) as error:
            if container and not remove(self._client, container):
                self._left.add(container)
            raise SandboxFault(f"the Docker engine could not make a container: {shortened(error)}") from None
        self._sessions.add(session)
        try:
            session.start()
        except (DockerException, OSError) as error:
            session.close()
            raise SandboxFault(f"the Docker engine could not start a container: {shortened(error)}") from None
        return session

    def _create(self, client: APIClient, image: str, role: Role, limits: Limits, gateway: Path | None) -> str:
        from docker.types import LogConfig, Mount, Ulimit  # noqa: PLC0415

        bounds = Bounds.of(limits)
        hard = {
            "core": 0,
            "fsize": limits.disk_bytes,
            "nofile": max(_OPEN_FILES, limits.open_files),
            "nproc": bounds.tasks,
        }
        user = secrets.choice(self._engine.users)
        # root's rights end before the harness reads its first frame; gVisor cannot hand on what is left of them
        own_kernel = self._surroundings.runtime == "runsc"
        separate = role == "candidate" and not own_kernel
        once = role == "candidate" and own_kernel
        command = harness.argv(
            "python3",
            HARNESS,
            role,
            limits,
            processes=bounds.processes,
            emptied=_WRITABLE,
            separate=separate,
            once=once,
            counted=True,
            gateway=harness.GATEWAY if gateway else None,
        )
        made = client.create_container(
            image,
            entrypoint=command,
            command=[],
            # a user that no other container has: limits by user, and whatever the kernel keeps by user, are not shared
            user="0:0" if separate else f"{user}:{user}",
            working_dir="/tmp",  # noqa: S108 - the container's
            environment={"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"},  # noqa: S108
            hostname="sandbox",
            stdin_open=True,
            stop_signal="SIGKILL",  # an engine that starts again would wait ten seconds for a harness deaf to others
            labels={OWNER: str(Owner.this())},
            host_config=client.create_host_config(
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                cap_add=list(harness.CAPABILITIES) if separate else None,
                security_opt=["no-new-privileges", f"seccomp={self._engine.filter}"],
                ipc_mode="private",
                mem_limit=bounds.memory_bytes,
                memswap_limit=bounds.memory_bytes,
                pids_limit=bounds.tasks,
                nano_cpus=int((self._surroundings.cpus or 1.0) * 1e9),
                device_requests=self._devices(),
                shm_size=SHARED_BYTES,
                # only the socket: a mount, which unlike a bind is refused where its source is not there
                mounts=[Mount(harness.GATEWAY, str(gateway), type="bind", read_only=True)] if gateway else None,
                tmpfs={"/tmp": f"{_TMPFS},size={limits.disk_bytes}{self._engine.tmpfs_options}", **self._engine.closed},  # noqa: S108
                ulimits=[Ulimit(name=name, soft=value, hard=value) for name, value in hard.items()],
                oom_score_adj=900,
                log_config=LogConfig(type="none", config={}),
                runtime=self._surroundings.runtime,
            ),
            healthcheck={"test": ["NONE"]},  # one that an image brings would run beside the harness
        )
        return str(made["Id"])

    def _devices(self) -> list[DeviceRequest]:
        from docker.types import DeviceRequest  # noqa: PLC0415

        gpus = self._surroundings.gpus
        if gpus is None:
            return []
        return [DeviceRequest(count=-1 if gpus == "all" else int(gpus), capabilities=[["gpu"]])]

    def _closed(self, session: ContainerSession, removed: bool) -> None:
        if not removed:
            with self._changing:
                self._left.add(session.container)
        self._sessions.discard(session)

    def _remove_left(self) -> None:
        """Try again to remove containers that the engine was not there to remove."""
        with self._changing:
            left, self._left = self._left, set()
        assert self._client is not None
        self._left |= {container for container in left if not remove(self._client, container)}

    def close(self) -> None:
        """Remove the containers that are left. May be called twice; nothing can be opened afterwards."""
        self._sessions.close()
        if self._client is not None:
            self._remove_left()
            self._client.close()
