"""Chat completions of OpenAI's protocol, and evaluations, as a gateway serves them: what may be asked, what comes back.

What a program says is taken apart by an allowed list and built anew, so nothing of it but text, bounds and a
temperature goes on to a service. What cannot be served is refused, unless leaving it out changes no answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from evolve.types import Reply, Request

__all__ = ["Asked", "Refusal", "document", "events", "models_document", "read_files", "read_request"]

_DROPPED = frozenset(
    {"metadata", "prompt_cache_key", "safety_identifier", "seed", "service_tier", "store", "user", "verbosity"}
)
"""Wishes, and words about who asks. No answer is wrong without them."""
_TAKEN = frozenset(
    {"max_completion_tokens", "max_tokens", "messages", "model", "n", "stream", "stream_options", "temperature"}
)
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_MESSAGE = frozenset({"role", "content"})
_MESSAGE_DROPPED = frozenset({"annotations", "name", "refusal"})
_MESSAGES = 1000
_HOTTEST = 2.0
_FINISH = {"stop": "stop", "length": "length", "refusal": "stop", "filtered": "content_filter", "empty": "stop"}


class Refusal(Exception):
    """An answer of the protocol that is an error: its status and what is in its body."""

    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param

    def document(self) -> dict[str, Any]:
        """The body."""
        kind = "invalid_request_error"
        if self.status == 429:
            kind = "insufficient_quota"
        elif self.status >= 500:
            kind = "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the model called `model`. With `stream` the answer is sent as events, the last with `usage`."""

    model: str
    request: Request
    stream: bool
    usage: bool


def read_request(body: bytes, *, max_tokens: int) -> Asked:
    """What the body of a request asks for. An answer may have `max_tokens`, whatever is asked. Raises `Refusal`."""
    said = {key: value for key, value in _object(body).items() if value is not None}
    for key in said.keys() - _TAKEN - _DROPPED:
        if not (key == "response_format" and said[key] == {"type": "text"}):
            raise Refusal(
                400, "unsupported_parameter", f"{key[:100]!r} is not served here; leave it out", param=key[:100]
            )
    if (model := said.get("model")) is None or not isinstance(model, str):
        _invalid("model", "names the model that is asked, as text")
    if not _is_whole(said.get("n", 1)) or said.get("n", 1) != 1:
        _invalid("n", "can only be 1: ask again for another answer")
    stream = said.get("stream", False)
    if not isinstance(stream, bool):
        _invalid("stream", "is true or false")
    options = said.get("stream_options", {})
    if not isinstance(options, dict) or not isinstance(options.get("include_usage", False), bool):
        _invalid("stream_options", "is an object whose include_usage is true or false")
    request = Request(messages=_messages(said), max_tokens=_bound(said, max_tokens), temperature=_temperature(said))
    return Asked(model, request, stream, bool(options.get("include_usage")))


def read_files(body: bytes) -> Mapping[str, str | None]:
    """The files that are to be evaluated: those that change. Raises `Refusal`."""
    said = _object(body)
    for key in said.keys() - {"files"}:
        raise Refusal(400, "unsupported_parameter", f"{key[:100]!r} is not served here; leave it out", param=key[:100])
    files = said.get("files")
    if not isinstance(files, dict) or not all(isinstance(text, str | None) for text in files.values()):
        _invalid("files", "is an object: path -> text of a file that changes, or null for one that goes")
    return files


def document(reply: Reply, asked: Asked, name: str) -> dict[str, Any]:
    """A whole answer, called `name`. It has no date, so that the same answer is the same to the letter in a replay."""
    refused = reply.finish == "refusal"
    message = {
        "role": "assistant",
        "content": None if refused else reply.text,
        "refusal": reply.text if refused else None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[reply.finish]}
    return {**_head(asked, name, "chat.completion"), "choices": [choice], "usage": _usage(reply)}


def events(reply: Reply, asked: Asked, name: str) -> bytes:
    """The same answer as server-sent events, all at once."""
    head = _head(asked, name, "chat.completion.chunk")
    part = {"refusal": reply.text} if reply.finish == "refusal" else {"content": reply.text}
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": {"role": "assistant", **part}, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _FINISH[reply.finish]}]},
    ]
    if asked.usage:
        chunks.append({**head, "choices": [], "usage": _usage(reply)})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"


def models_document(names: tuple[str, ...]) -> dict[str, Any]:
    """The models that may be asked."""
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": ""} for name in names]}


def _head(asked: Asked, name: str, kind: str) -> dict[str, Any]:
    return {"id": name, "object": kind, "created": 0, "model": asked.model}


def _usage(reply: Reply) -> dict[str, int]:
    asked, said = reply.usage.input_tokens, reply.usage.output_tokens
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _object(body: bytes) -> dict[str, Any]:
    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        said = json.loads(body.decode(), parse_constant=constant)
    except (ValueError, RecursionError) as error:
        problem = "it is too deep" if isinstance(error, RecursionError) else str(error)[:200]
        raise Refusal(400, "invalid_json", f"the body is no JSON: {problem}") from None
    if not isinstance(said, dict):
        raise Refusal(400, "invalid_json", "the body is no JSON object")
    return said


def _messages(said: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    messages = said.get("messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= _MESSAGES:
        _invalid("messages", f"is a list of between 1 and {_MESSAGES} messages")
    return tuple(_message(message, f"messages[{number}]") for number, message in enumerate(messages))


def _message(message: object, where: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        _invalid(where, "is an object with role and content")
    given = {key for key, value in message.items() if value not in (None, [])}
    if unknown := given - _MESSAGE - _MESSAGE_DROPPED:
        _invalid(where, f"has {min(unknown)[:100]!r}, which is not served here")
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        _invalid(f"{where}.role", f"is one of {', '.join(_ROLES)}")
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_part(part, f"{where}.content") for part in content)
    if not isinstance(content, str):
        _invalid(f"{where}.content", "is text, or a list of parts of type text")
    return _ROLES[role], content


def _part(part: object, where: str) -> str:
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(text := part.get("text"), str):
        _invalid(where, 'has parts like {"type": "text", "text": "..."} and no others')
    return text


def _bound(said: Mapping[str, Any], most: int) -> int:
    """The smallest of what is said. A service bounds an answer at what its model can do, and so does this."""
    bounds = [most]
    for name in ("max_tokens", "max_completion_tokens"):
        bound = said.get(name, most)
        if not _is_whole(bound) or bound < 1:
            _invalid(name, "is a whole number from 1 on")
        bounds.append(bound)
    return min(bounds)


def _temperature(said: Mapping[str, Any]) -> float | None:
    given = said.get("temperature")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= _HOTTEST:
        _invalid("temperature", f"is a number between 0 and {_HOTTEST:g}")
    assert math.isfinite(given)
    return float(given)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _invalid(param: str, problem: str) -> NoReturn:
    raise Refusal(400, "invalid_value", f"{param} {problem}", param=param)
