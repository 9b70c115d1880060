"""What is around a sandbox under attack, on this machine: secrets, servers, files and processes to be left alone."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evolve.types import Evaluation

__all__ = ["SECRET", "Outside", "plain"]

SECRET = re.compile(r"canary-[a-z]+-[0-9a-f]{32}")
"""What a secret looks like."""

_FOREIGN = (("169.254.169.254", 80), ("192.0.2.53", 53))  # metadata of clouds, and a name server of nobody's (RFC 5737)


class Outside:
    """What an attack may neither learn nor change: secrets, servers and files of this machine."""

    def __init__(self, place: Path, *, foreign: bool) -> None:
        self._secrets = {
            kind: f"canary-{kind}-{secrets.token_hex(16)}"
            for kind in ("host", "key", "hidden", "source", "own", "beside")
        }
        self._place = place
        place.chmod(0o755)
        (place / "secret.txt").write_text(self.secret("host"), encoding="utf-8")
        (place / "kept").mkdir()
        (place / "kept" / "file").write_text("kept", encoding="utf-8")
        self._before = self._files()
        self._stream = socket.create_server(("", 0), backlog=64)
        self._datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.bind(("", self._stream.getsockname()[1]))
        self._name = f"evolve-attack-{secrets.token_hex(8)}"
        self._local, self._path = (socket.socket(socket.AF_UNIX) for _ in range(2))
        self._local.bind(f"\0{self._name}")
        self._path.bind(os.path.relpath(place / "socket"))  # a relative path, since those of sockets are short
        (place / "socket").chmod(0o777)
        self._servers = {"TCP": self._stream, "UDP": self._datagrams, "abstract": self._local, "Unix": self._path}
        for server in self._servers.values():
            server.setblocking(False)
            if server is not self._datagrams:
                server.listen(64)
        self._before = self._files()
        self._foreign = _FOREIGN if foreign else ()
        # an engine as others see it, with keys in its environment and, carelessly, on its command line
        self._engine = subprocess.Popen(
            [f"engine {self.secret('key')}", "600"],
            executable="/bin/sleep",
            env={"API_KEY": self.secret("key")},
            start_new_session=True,
        )

    def secret(self, kind: str) -> str:
        """The secret of that kind: of the host, a key, the hidden data, the evaluator's source, a program's own."""
        return self._secrets[kind]

    def told(self) -> dict[str, Any]:
        """Where it all is: an attacker may know everything but the secrets."""
        port = self._stream.getsockname()[1]
        return {
            "place": str(self._place),
            "addresses": [*((host, port) for host in _own_addresses()), *self._foreign],
            "socket": self._name,
        }

    def effects(self, evaluation: Evaluation) -> list[str]:
        """What an evaluation holds that was hidden, and what of this machine was touched or changed meanwhile."""
        found = [f"a {name} server of this machine was reached" for name in self._touched()]
        text = json.dumps([evaluation.feedback, plain(evaluation.metrics)]) + str(dict(evaluation.artifacts))
        known = {secret: kind for kind, secret in self._secrets.items() if kind != "own"}
        found += [f"it holds a secret: {known[secret]}" for secret in sorted(set(SECRET.findall(text)) & known.keys())]
        now = self._files()
        if now != self._before:
            found.append(f"files of this machine were changed: {sorted(now ^ self._before)}")
        return found

    def _touched(self) -> Iterator[str]:
        for name, server in self._servers.items():
            try:
                while True:
                    if server is self._datagrams:
                        server.recv(4096)
                    else:
                        server.accept()[0].close()
                    yield name
            except BlockingIOError:
                pass

    def _files(self) -> set[tuple[str, int, bytes]]:
        return {
            (str(path.relative_to(self._place)), path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
            for path in self._place.rglob("*")
        }

    def close(self) -> None:
        """Take it all away."""
        for server in self._servers.values():
            server.close()
        self._engine.kill()
        self._engine.wait()


def _own_addresses() -> list[str]:
    """By which this machine may be reached from a network that it routes for."""
    found = ["127.0.0.1", "172.17.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks for the route
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    return found


def plain(value: object) -> Any:
    """The value with its mappings as dicts, so that it can become JSON."""
    return {key: plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value
