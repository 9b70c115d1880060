"""A server of OpenAI's protocol on loopback, which answers as it is told: well, late, wrongly, or not at all.

As a module it answers until it is ended: ``python -m evolve.testing.servers [SECONDS]`` prints its base URL, and each
answer takes so many seconds.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["Asked", "FakeService", "Served", "chat", "failure", "number_answer", "responses"]

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that reached the server: its number from 0 on, its path, headers (in lower case) and document."""

    number: int
    path: str
    headers: Mapping[str, str]
    document: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The last message."""
        messages = self.document.get("messages") or self.document.get("input")
        return str(messages[-1]["content"]) if messages else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the server does. `after` seconds pass before anything is sent, `drip` between two bytes of the body.

    With `cut` so many bytes of the body are sent, and then the connection ends.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.0
    drip: float = 0.0
    cut: int | None = None


def chat(text: str | None, *, model: str | None = "fake", finish: str = "stop", **more: Any) -> Served:
    """An answer of chat completions. `usage` and `message` go over what is sent else; the rest is for `Served`."""
    usage = more.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    document: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    document |= {"model": model} if model is not None else {}
    document |= {"usage": usage} if usage is not None else {}
    return Served(body=json.dumps(document).encode(), **more)


def responses(text: str, *, status: str = "completed", reason: str | None = None, **more: Any) -> Served:
    """An answer of the responses API."""
    document = {
        "id": "x",
        "object": "response",
        "status": status,
        "model": "fake",
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]},
        ],
        "usage": more.pop("usage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}),
    }
    return Served(body=json.dumps(document).encode(), **more)


def failure(status: int, message: str = "no", code: str | None = None, **headers: str) -> Served:
    """An error as services send it; names of headers are written with underscores."""
    body = json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode()
    return Served(status=status, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def number_answer(asked: Asked) -> Served:
    """A number between -5 and 5, which is another one for each request, and what it took."""
    said = random.Random(asked.number).uniform(-5, 5)  # noqa: S311 - nothing secret about it
    took = 1 + asked.number % 7
    usage = {"prompt_tokens": len(asked.text.split()), "completion_tokens": took}
    return chat(f"{said:.6f}", model=str(asked.document.get("model")), usage=usage)


class FakeService:
    """Answers with a list, one after another (the last one again and again), or with what a function says.

    `asked` are the requests that reached it, in their order; `most` is how many were being answered at a time.
    """

    def __init__(self, script: Sequence[Served] | Callable[[Asked], Served], port: int = 0) -> None:
        self.asked: list[Asked] = []
        self.most = 0
        self._script = script
        self._running = 0
        self._turn = threading.Lock()
        self._closing = threading.Event()
        service = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                service.answer(self)

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def answer(self, handler: _Handler) -> None:
        """Carry one request out."""
        size = int(handler.headers.get("content-length", 0))
        document = json.loads(handler.rfile.read(size) or b"{}")
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._turn:
            asked = Asked(len(self.asked), handler.path, headers, document)
            self.asked.append(asked)
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            served = (
                self._script(asked)
                if callable(self._script)
                else self._script[min(asked.number, len(self._script) - 1)]
            )
            if not self._closing.wait(served.after):
                self._send(handler, served)
        finally:
            with self._turn:
                self._running -= 1

    def _send(self, handler: _Handler, served: Served) -> None:
        handler.send_response_only(served.status)
        for name, value in {"Content-Type": "application/json", **served.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(served.body)))
        handler.end_headers()
        body = served.body[: served.cut]
        if not served.drip:
            handler.wfile.write(body)
        for byte in body if served.drip else b"":
            handler.wfile.write(bytes([byte]))
            if self._closing.wait(served.drip):
                break
        if served.cut is not None:
            handler.close_connection = True

    def close(self) -> None:
        """Stop answering, at once."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Those who asked may be gone, which is no error of the server."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        # headers and body are two writes, and the second would wait for the first one to be acknowledged
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Not to the terminal."""


def main(seconds: float) -> None:
    """Answer until this process is ended."""

    def answer(asked: Asked) -> Served:
        time.sleep(seconds)
        return number_answer(asked)

    with FakeService(answer) as service:
        sys.stdout.write(service.url + "\n")
        sys.stdout.flush()
        threading.Event().wait(_DAY)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 0.0)
