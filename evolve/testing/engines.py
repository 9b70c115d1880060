"""A Docker engine of one's own, to be killed and started again without disturbing anybody."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.caller import running
from evolve.sandboxes.engines import connect
from evolve.sandboxes.images import ensure_image

__all__ = ["PrivateEngine", "private_engine"]

_START = 120.0  # seconds until a daemon answers


class PrivateEngine:
    """A `dockerd` with state below `folder`, reached at `host`; without networks. Needs root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._daemon: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{folder}/docker.sock"

    def start(self) -> None:
        """Come back when it answers. Raises `SandboxUnavailable` when it does not."""
        place = self._folder
        (place / "pid").unlink(missing_ok=True)  # one that was killed leaves it
        with (place / "log").open("ab") as log:
            paths = ["--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/pid"]
            # in a network of its own: a daemon that wants no bridge removes that of another one
            self._daemon = subprocess.Popen(
                ["unshare", "--net", "dockerd", *paths, "--host", self.host, "--bridge", "none", "--iptables=false"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START
        while subprocess.run(["docker", "--host", self.host, "version"], capture_output=True, check=False).returncode:
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                said = (place / "log").read_text(errors="replace")[-2000:]
                raise SandboxUnavailable(f"no second Docker engine can be started here: {said}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a crash would: at once, with whatever it was doing. Its containers live on."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGKILL)
        self._daemon.wait()
        # its containerd ends with it; where nobody reaps that, the next daemon would take it for alive
        left = self._folder / "exec" / "containerd" / "containerd.pid"
        with contextlib.suppress(FileNotFoundError):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(left.read_text()), signal.SIGKILL)
            left.unlink()

    def stop(self) -> None:
        """In good order, with its containers; what it cannot end is killed."""
        if self._daemon is not None and self._daemon.poll() is None:
            self._daemon.terminate()
            try:
                self._daemon.wait(120)
            except subprocess.TimeoutExpired:
                self.kill()
        for shim in running(f"{self._folder}/exec/containerd"):
            for process in (*_children(shim), shim):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((place for place in mounted if place.startswith(f"{self._folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", place], check=False)

    def load(self) -> None:
        """Bring the sandbox's image over from the engine that the environment names, building it there if need be."""
        with contextlib.closing(connect(60)) as client:
            name = ensure_image(client)
            base = client.inspect_image(name)["Config"]["Labels"]["evolve.from"].partition(" ")[0]  # type: ignore[no-untyped-call]
        with subprocess.Popen(["docker", "save", name, base], stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ["docker", "--host", self.host, "load"], stdin=saving.stdout, capture_output=True, check=True
            )


def _children(process: int) -> list[int]:
    """The processes that this one has started and not reaped."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


@contextlib.contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    """One that runs, with the sandbox's image. Where there can be none the test is skipped, or fails with CI=true."""
    lacking = [tool for tool in ("dockerd", "docker") if shutil.which(tool) is None]
    problem = f"{' and '.join(lacking)} missing" if lacking else "" if os.geteuid() == 0 else "only root may start one"
    if problem and os.environ.get("CI") != "true":
        pytest.skip(f"no second Docker engine: {problem}")
    folder = Path(tempfile.mkdtemp(prefix="engine-"))  # paths of sockets are short
    engine = PrivateEngine(folder)
    try:
        engine.start()
        engine.load()
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)
