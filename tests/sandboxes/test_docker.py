"""The docker sandbox: what the conformance suite does not ask."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import SandboxFault, SandboxUnavailable
from evolve.frames import Frame
from evolve.sandboxes.containers import OWNER, Unwrapper
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.owner import Owner
from evolve.sandboxes.recipe import Surroundings
from evolve.testing.sandboxes import available
from evolve.types import Limits

MIB = 2**20


@pytest.fixture
def sandbox() -> Iterator[DockerSandbox]:
    """Ready to open sessions."""
    made = available(DockerSandbox)
    yield made
    made.close()


@pytest.fixture
def client(sandbox: DockerSandbox) -> Iterator[APIClient]:
    """A client of our own, where there is an engine."""
    made = connect(60)
    yield made
    made.close()


def mine(client: APIClient) -> list[dict[str, Any]]:
    """The containers of this process."""
    found = client.containers(all=True, filters={"label": f"{OWNER}={Owner.this()}"})
    return [client.inspect_container(container["Id"]) for container in found]


def ended_process() -> str:
    """The owner that a process was which is gone."""
    code = "from evolve.sandboxes.owner import Owner; print(Owner.this())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@given(
    pieces=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=300)), max_size=8),
    cuts=st.lists(st.integers(0, 2500), max_size=12),
)
def test_the_stream_is_taken_apart_wherever_it_is_cut(pieces: list[tuple[int, bytes]], cuts: list[int]) -> None:
    """Output and error come out whole and in order, however the network cut them."""
    stream = b"".join(struct.pack(">BxxxI", kind, len(data)) + data for kind, data in pieces)
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    unwrap = Unwrapper()
    parts = [unwrap(stream[start:end]) for start, end in pairwise(bounds)]
    assert b"".join(output for output, _ in parts) == b"".join(data for kind, data in pieces if kind == 1)
    assert b"".join(error for _, error in parts) == b"".join(data for kind, data in pieces if kind == 2)


def test_the_container_is_what_was_promised(sandbox: DockerSandbox, client: APIClient) -> None:
    """What the engine says of a container, not what we asked it for."""
    limits = Limits(processes=8)
    session = sandbox.open("candidate", limits)
    (container,) = mine(client)
    session.close()
    host, config = container["HostConfig"], container["Config"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    # to give each candidate a user of its own; root and all but the first three are given up before a frame is read
    assert {name.removeprefix("CAP_") for name in host["CapAdd"]} == {"KILL", "SETGID", "SETUID", "SETPCAP"}
    assert not host["Privileged"]
    assert not host["Binds"]
    assert not container["Mounts"]
    assert host["IpcMode"] == "private"
    assert host["LogConfig"]["Type"] == "none"
    assert host["Memory"] == host["MemorySwap"] > limits.memory_bytes
    assert limits.processes < host["PidsLimit"] <= limits.processes + 16
    assert host["NanoCpus"] == 10**9
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert f"size={limits.disk_bytes}" in host["Tmpfs"]["/tmp"]
    options = host["SecurityOpt"]
    assert "no-new-privileges" in options
    assert any(option.startswith("seccomp={") for option in options)
    assert config["User"] == "0:0"
    assert config["StdinOnce"]


def test_an_evaluator_s_container_has_no_capability_at_all(sandbox: DockerSandbox, client: APIClient) -> None:
    """It serves nobody but itself, so it is a user of its own from the start."""
    session = sandbox.open("evaluator", Limits())
    (container,) = mine(client)
    session.close()
    assert not container["HostConfig"]["CapAdd"]
    assert int(container["Config"]["User"].split(":")[0]) > 1000


def test_closing_removes_the_container(sandbox: DockerSandbox, client: APIClient) -> None:
    """Nothing is left, running or not."""
    session = sandbox.open("candidate", Limits())
    assert len(mine(client)) == 1
    session.close()
    assert mine(client) == []


def test_only_what_dead_engines_left_is_reaped(sandbox: DockerSandbox, client: APIClient) -> None:
    """The first use removes containers whose owner is certainly gone, and leaves those of living and unknown ones."""
    image = sandbox.prepare()
    owners = {"dead": ended_process(), "living": str(Owner.this()), "elsewhere": "0-0-1-1", "strange": "what?"}
    made = {
        name: client.create_container(image, command=["true"], labels={OWNER: owner})["Id"]
        for name, owner in owners.items()
    }
    try:
        other = DockerSandbox()
        other.prepare()
        other.close()
        left = {container["Id"] for container in client.containers(all=True, filters={"label": OWNER})}
        assert {name: identity in left for name, identity in made.items()} == {
            "dead": False,
            "living": True,
            "elsewhere": True,
            "strange": True,
        }
    finally:
        for name in ("living", "elsewhere", "strange"):
            client.remove_container(made[name], force=True)


def test_what_could_not_be_removed_is_removed_later(client: APIClient) -> None:
    """An engine that is away for a moment leaves nothing behind."""

    class Away:
        """A client whose engine is away the first time that a container is to be removed."""

        def __init__(self) -> None:
            self.asked = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def remove_container(self, container: str, **options: Any) -> None:
            self.asked += 1
            if self.asked == 1:
                raise OSError("away")
            client.remove_container(container, **options)

    away = Away()
    sandbox = DockerSandbox(client=cast("APIClient", away))
    sandbox.open("candidate", Limits()).close()
    assert len(mine(client)) == 1
    sandbox.open("candidate", Limits()).close()
    assert mine(client) == []
    assert away.asked == 3


def test_a_container_that_vanishes_is_a_fault(sandbox: DockerSandbox, client: APIClient) -> None:
    """Not an answer, and not a hang."""
    session = sandbox.open("candidate", Limits())
    (container,) = mine(client)
    client.remove_container(container["Id"], force=True)
    with pytest.raises(SandboxFault, match="No such container"):
        session.receive(300)
    session.close()


def test_a_kill_for_memory_is_told_from_others(sandbox: DockerSandbox) -> None:
    """The exit code does not say it, so the engine is asked."""
    session = sandbox.open("candidate", Limits(memory_bytes=16 * MIB, disk_bytes=MIB, reply_bytes=MIB))
    try:
        # the harness itself is made to hold more than the container may
        with contextlib.suppress(SandboxFault):
            session.send(Frame({"op": "load", "files": [], "module": ""}, (bytes(200 * MIB),)))
        with pytest.raises(SandboxFault, match="for memory"):
            session.receive(300)
    finally:
        session.close()


def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is named, and it takes no time to find out."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    start = time.monotonic()
    with pytest.raises(SandboxUnavailable, match=f"{tmp_path}/docker.sock"):
        DockerSandbox().open("candidate", Limits())
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("host", ["ssh://somewhere", "tcp://somewhere:2376"])
def test_streams_that_are_not_plain_are_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a way that works."""
    monkeypatch.setenv("DOCKER_HOST", host)
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    with pytest.raises(SandboxUnavailable, match="ssh -nNT -L"):
        connect(1)


def test_an_engine_that_is_stuck_does_not_hold_us_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and never answers."""
    place = os.path.relpath(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)  # a relative path, since those of sockets are short
        server.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
        start = time.monotonic()
        with pytest.raises(SandboxUnavailable, match="no Docker engine answers"):
            connect(1)
        assert time.monotonic() - start < 40


def test_there_is_no_gateway_under_runsc(tmp_path: Path) -> None:
    """It would lead nowhere, and a program would be blamed for it."""
    sandbox = DockerSandbox(Surroundings(runtime="runsc"))
    with pytest.raises(SandboxUnavailable, match="leave `runtime` out"):
        sandbox.open("candidate", Limits(), gateway=tmp_path / "x.sock")
    sandbox.close()
