"""From what a service sent to an answer: chat completions and responses, as servers of many makes send them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evolve.models.faults import Trouble
from evolve.types import Finish

__all__ = ["Answer", "Tokens", "read_chat", "read_responses"]

_ABSURD = 2**40
"""Tokens that nobody ever used in one call."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a service says that a call took; None where it does not. `cached` are some of the `input`."""

    input: int | None = None
    output: int | None = None
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """`model` is the name that the service gave, "" when it gave none."""

    text: str
    finish: Finish
    model: str
    tokens: Tokens


def read_chat(data: bytes) -> Answer:
    """An answer of chat completions. Raises `Trouble` when it is none."""
    document = _document(data)
    choices = document.get("choices")
    choice = _table(choices[0]) if isinstance(choices, list) and choices else {}
    message = _table(choice.get("message"))
    text, refusal = _text(message.get("content")), _text(message.get("refusal"))
    reason = choice.get("finish_reason")
    usage = _table(document.get("usage"))
    return Answer(
        text=text or refusal,
        finish=_finish(text, refusal, length=reason == "length", filtered=reason == "content_filter"),
        model=_text(document.get("model")),
        tokens=_tokens(usage, "prompt_tokens", "completion_tokens", text),
    )


def read_responses(data: bytes) -> Answer:
    """An answer of the responses API. Raises `Trouble` when it is none."""
    document = _document(data)
    if document.get("status") in {"failed", "cancelled"}:
        raise Trouble("lost", f"the answer was {document['status']} by the service")
    items = document.get("output")
    parts = [
        _table(part)
        for item in (items if isinstance(items, list) else [])
        if _table(item).get("type") == "message" and isinstance(_table(item).get("content"), list)
        for part in _table(item)["content"]
    ]
    text = "".join(_text(part.get("text")) for part in parts if part.get("type") == "output_text")
    refusal = "".join(_text(part.get("refusal")) for part in parts if part.get("type") == "refusal")
    reason = _table(document.get("incomplete_details")).get("reason")
    usage = _table(document.get("usage"))
    return Answer(
        text=text or refusal,
        finish=_finish(text, refusal, length=reason == "max_output_tokens", filtered=reason == "content_filter"),
        model=_text(document.get("model")),
        tokens=_tokens(usage, "input_tokens", "output_tokens", text),
    )


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise Trouble("lost", f"what came is no JSON: {data[:80]!r}") from None
    if not isinstance(document, dict):
        raise Trouble("lost", f"what came is no answer: {data[:80]!r}")
    if error := document.get("error"):  # some gateways send it with status 200
        raise Trouble("lost", f"instead of an answer came the error {str(_table(error).get('message') or error)[:500]}")
    return document


def _finish(text: str, refusal: str, *, length: bool, filtered: bool) -> Finish:
    if filtered:
        return "filtered"
    if refusal and not text:
        return "refusal"
    if length:
        return "length"
    return "stop" if text.strip() else "empty"


def _tokens(usage: Mapping[str, Any], asked: str, answered: str, text: str) -> Tokens:
    given, said, total = _count(usage.get(asked)), _count(usage.get(answered)), _count(usage.get("total_tokens"))
    if given == 0:
        given = None  # no prompt has no tokens
    if said == 0 and text:
        said = None
    if given is not None and said is not None and total is not None:
        # some services leave what was thought in secret out of the output, but not out of the total
        said = max(said, total - given)
    cached = _count(_table(usage.get(f"{asked}_details")).get("cached_tokens")) or 0
    return Tokens(given, said, min(cached, given or 0))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < _ABSURD else None


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, list):  # parts, as some services send them
        return "".join(_text(_table(part).get("text")) for part in value)
    return value if isinstance(value, str) else ""
