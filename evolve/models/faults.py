"""What it means that a service gave no answer: whether it may have cost something, and what to do about it."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

__all__ = ["Kind", "Trouble", "connection_trouble", "retry_after", "status_trouble"]

Kind: TypeAlias = Literal["busy", "down", "lost", "refused", "unfit", "filtered"]
"""`busy`: too many requests. `down`: the service failed before it did anything. `lost`: it may have done, and be paid
for, all that was asked, but the answer did not come. `refused`: it will never do it. `unfit`: nor ever this, for what
is asked. `filtered`: it refused this prompt for what is in it. Only `lost` and `filtered` may cost something."""

_DOWN = {408, 409, 425, 500, 502, 503, 529}
_FIXES = {
    400: "the request is not one that this service or this model allows: see what it says, and the model's settings",
    401: "the key is missing, wrong or expired: set the environment variable {key} to a valid one",
    403: "the key in {key} is not allowed to use this model: use another key, or another model",
    404: "there is no such model, or nothing at this address: check --model and --base-url",
    413: "the prompt is too long for this service",
    422: "the request is not one that this service or this model allows: see what it says, and the model's settings",
}
_UNFIT = {400, 413, 422}
_BILLING = ("insufficient_quota", "billing", "credit")
_NEVER_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"}
"""Names of the transport's errors before a request leaves. By name: which package they are of depends on the version
of the client."""
_NEVER_WILL = {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}


class Trouble(Exception):
    """No answer. `after` is how many seconds the service wants to be left alone, where it says so."""

    def __init__(self, kind: Kind, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.after = after


def status_trouble(status: int, headers: Mapping[str, str], body: object, *, key: str) -> Trouble:
    """What an HTTP status that is an error means. `key` is the name of the variable that holds the key."""
    error = body.get("error", body) if isinstance(body, dict) else body
    said: dict[str, Any] = error if isinstance(error, dict) else {"message": error}
    message = str(said.get("message") or "").strip()
    text = f"HTTP {status}" + (f": {message[:500]}" if message else "")
    named = f"{said.get('code')} {said.get('type')}".lower()
    if status == 429 and any(word in named for word in _BILLING):
        return Trouble("refused", f"{text}; the account has no credit left: add some, then resume the run")
    if status == 429:
        return Trouble("busy", text, retry_after(headers))
    if status in _DOWN:
        return Trouble("down", text, retry_after(headers))
    if status >= 500:  # a gateway gave up, and what is behind it may not have
        return Trouble("lost", text)
    if "content_filter" in named or "content_policy" in named:
        return Trouble("filtered", text)
    fix = _FIXES.get(status, "the service will not answer this request")
    return Trouble("unfit" if status in _UNFIT else "refused", f"{text}; {fix.format(key=key)}")


def connection_trouble(error: BaseException) -> Trouble:
    """What it means that the connection failed: a request that never left costs nothing."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    names = {type(each).__name__ for each in chain}
    why = next((text for each in reversed(chain) if (text := str(each).strip())), type(error).__name__)
    if names & _NEVER_WILL:
        return Trouble("refused", f"it cannot be asked ({why}); check --base-url")
    if names & _NEVER_SENT:
        return Trouble("down", f"no connection ({why})")
    return Trouble("lost", f"the connection broke before the answer was whole ({why})")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After`, which is in seconds or a date; None: it is not said."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e9:
            return seconds
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(moment.timestamp() - time.time(), 0.0)
