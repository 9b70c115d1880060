"""Goes with every scaffold of the red team: what it is told of the world, how it asks, and how it tells what it got."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
from pathlib import Path
from typing import Any

ORDER: dict[str, Any] = json.loads((Path(__file__).parent / "order.json").read_text(encoding="utf-8"))
"""`place`, `addresses` and `mark` of tests/red_team/test_red_team.py, `engine` the namespaces to keep away from."""

END = "# EVOLVE-BLOCK-END"


class _Line(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("gateway", timeout=120)
        self._path = path

    def connect(self) -> None:
        """To the socket at the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self._path)


def apart() -> None:
    """Go no further in a namespace of the engine's."""
    for name, number in ORDER["engine"].items():
        if os.readlink(f"/proc/self/ns/{name}") == number:
            raise SystemExit(f"refused: this process has the {name} namespace of the engine")


def send(
    method: str, where: str, document: object = None, *, headers: dict[str, str] | None = None, path: str = ""
) -> tuple[int, Any]:
    """Status and document of an answer of the gateway, or of whoever listens at `path`."""
    line = _Line(path or os.environ["EVOLVE_GATEWAY"])
    try:
        line.request(method, where, json.dumps(document), headers or {})
        answer = line.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None
    finally:
        line.close()


def ask(text: str, *, path: str = "", headers: dict[str, str] | None = None, **more: Any) -> tuple[int, Any]:
    """One question to the model that there is."""
    question = {"model": ORDER["model"], "messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}
    return send("POST", "/v1/chat/completions", question, headers=headers, path=path)


def ask_at_once(number: int) -> list[int]:
    """The statuses of so many questions, each on a thread of its own."""
    statuses: list[int] = []

    def one(k: int) -> None:
        statuses.append(ask(f"question {k}")[0])

    threads = [threading.Thread(target=one, args=(k,)) for k in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def told(parent: dict[str, Any], claims: list[str]) -> dict[str, str]:
    """The parent's program, with what was got through to as comments in the region that may change."""
    text = parent["files"]["program.py"]
    lines = "".join(f"# claim: {' '.join(claim.split())}\n" for claim in claims)
    return {"program.py": text.replace(END, f"# {ORDER['mark']}\n{lines}{END}")}
