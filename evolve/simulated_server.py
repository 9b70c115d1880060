"""The simulated model behind HTTP, in the protocol of OpenAI's chat completions."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evolve.errors import ModelFault
from evolve.simulated import SimulatedModel
from evolve.types import Reply, Request

__all__ = ["serve"]

_MOST_BYTES = 64 * 2**20
_FINISH = {"stop": "stop", "length": "length", "refusal": "stop", "filtered": "content_filter", "empty": "stop"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: SimulatedModel, port: int) -> None:
        self.model = model
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.rstrip("/").endswith("/models"):
            self._send(200, {"object": "list", "data": [{"id": self.server.model.name, "object": "model"}]})
        else:
            self._fail(404, f"there is nothing at {self.path}")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _MOST_BYTES:
            self.close_connection = True
            self._fail(413, "the request is too long")
            return
        content = self.rfile.read(length)
        if not self.path.rstrip("/").endswith("/chat/completions"):
            self._fail(404, f"there is nothing at {self.path}")
            return
        try:
            request = _request(json.loads(content))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self._fail(400, f"this is no request for a chat completion: {error!r}")
            return
        try:
            self._send(200, _document(self.server.model.complete(request), self.server.model.name))
        except ModelFault as fault:
            self._fail(500, str(fault))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _fail(self, status: int, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": "simulated", "code": None}})

    def _send(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve(model: SimulatedModel, port: int = 0) -> ThreadingHTTPServer:
    """A server on this machine's own address, not started: `server_port` is its port, a free one when `port` is 0."""
    return _Server(model, port)


def _request(document: dict[str, Any]) -> Request:
    messages = tuple((str(message["role"]), str(message["content"])) for message in document["messages"])
    most = document.get("max_completion_tokens") or document.get("max_tokens") or 2**20
    return Request(messages=messages, max_tokens=int(most), temperature=document.get("temperature"))


def _document(reply: Reply, name: str) -> dict[str, Any]:
    refused = reply.finish == "refusal"
    message = {
        "role": "assistant",
        "content": None if refused else reply.text,
        "refusal": reply.text if refused else None,
    }
    usage = reply.usage
    return {
        "id": "chatcmpl-simulated",
        "object": "chat.completion",
        "created": 0,
        "model": name,
        "choices": [{"index": 0, "message": message, "finish_reason": _FINISH[reply.finish]}],
        "usage": {
            "prompt_tokens": usage.input_tokens,
            "completion_tokens": usage.output_tokens,
            "total_tokens": usage.input_tokens + usage.output_tokens,
        },
    }
