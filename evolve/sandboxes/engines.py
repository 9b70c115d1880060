"""Docker engines: where they are, and what the one we found can do."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from evolve.errors import SandboxUnavailable
from evolve.resources import bundled
from evolve.sandboxes.guarantees import Guarantee
from evolve.sandboxes.seccomp import profile

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Engine", "connect", "reachable", "shortened"]

_WORDS = 1000  # characters of what the engine says that are passed on


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What an engine can do, and how it wants to be told. The defaults are Docker's, run by root.

    `filter` is the value of its option seccomp, `tmpfs_options` are added to those of every tmpfs, and `closed` are
    folders to be made unwritable: folder -> options. `users` are ids that containers may have. `missing` are guarantees
    that it cannot give. `identity` tells engines, and versions of one, apart.
    """

    filter: str = field(default_factory=profile)
    tmpfs_options: str = ",nr_inodes=20000"
    closed: Mapping[str, str] = field(default_factory=dict)
    users: range = range(1_900_000_000, 2_100_000_000)  # above what systemd and containers give out, below 2**31
    missing: frozenset[Guarantee] = frozenset()
    identity: str = ""

    @classmethod
    def of(cls, client: APIClient) -> Self:
        """What the engine says of itself."""
        told: dict[str, Any] = client.info()
        known: dict[str, Any] = {}
        if any("podman" in component.get("Name", "").lower() for component in client.version().get("Components") or ()):
            # takes the name of a file where Docker takes its content, does not know all options of a tmpfs, and adds
            # writable folders of its own to a read-only root
            known["filter"] = str(bundled("sandbox") / "seccomp.json")
            known["tmpfs_options"] = ""
            known["closed"] = dict.fromkeys(("/run", "/var/tmp"), "ro,size=4096")  # noqa: S108 - the container's
        if any("rootless" in option or "userns" in option for option in told.get("SecurityOptions") or ()):
            known["users"] = range(20_000, 60_000)  # such engines have 65536 ids
        flags = {"MemoryLimit": Guarantee.TREE_MEMORY, "PidsLimit": Guarantee.TREE_COUNT}
        known["missing"] = frozenset(guarantee for flag, guarantee in flags.items() if not told.get(flag, True))
        version, root = told.get("ServerVersion"), told.get("DockerRootDir")
        known["identity"] = f"{told.get('ID') or root} {version} cgroup{told.get('CgroupVersion')}"
        return cls(**known)


def shortened(error: Exception) -> str:
    """The end of what the engine said: it repeats in its answers what it was sent."""
    return str(error)[-_WORDS:]


@contextlib.contextmanager
def reachable(problem: str) -> Iterator[None]:
    """Turn what the SDK raises into `SandboxUnavailable` that begins with `problem`."""
    from docker.errors import DockerException  # noqa: PLC0415

    try:
        yield
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(f"{problem}: {shortened(error)}") from None


def connect(timeout: int) -> APIClient:
    """A client of the engine that `DOCKER_HOST` names, else of the first local one. Raises `SandboxUnavailable`."""
    endpoint = _endpoint()
    from docker import APIClient  # noqa: PLC0415 - the SDK is heavy, and most never need it

    with reachable(f"no Docker engine answers at {endpoint}"):
        if endpoint.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as knock:  # the SDK leaves its socket open when it cannot connect
                knock.settimeout(timeout)
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
