"""The metered gateway: how a program in a sandbox without a network asks models, and what it may spend.

Where the lease has evaluations, it asks on the same socket what other files of the program that it is to improve would
score. They run where evaluations run, never beside the one who asks.

A gateway serves one `Lease` on one Unix socket, in the protocol of OpenAI's chat completions, until it is closed. It
asks by a function that it is given, the meter's: so each call is reserved in the run's budget, is in the transcript,
and is found there when the run goes on. On top of that is the lease: each call is set aside at its worst before it is
made, and counts with what it took afterwards. The key stays where it was.

A fault is not the program's doing, and must never be scored. An answer that was lost on the way is asked for anew, and
the run's budget bears the loss, not the lease: so a program gets the same, whatever a service or a kill did. When the
fault lasts, or the run's budget is spent, everything is refused, and `trouble` is there for whoever opened the gateway.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve.errors import BudgetSpent, ModelFault, TaskError
from evolve.models.account import Account, Unfit
from evolve.models.door import Door
from evolve.models.evaluations import ONE, files_hash
from evolve.models.gateway_chat import Refusal, document, events, models_document, read_files, read_request
from evolve.models.gateway_http import Bounds, HttpAnswer, HttpRequest, SocketServer
from evolve.models.transcript import request_hash
from evolve.types import Model, Reply, Request, Usage

__all__ = ["Gateway", "Lease", "open_lease"]

_NO_BOUNDS = Bounds()
_CHAT, _MODELS, _EVALUATIONS = "/v1/chat/completions", "/v1/models", "/v1/evaluations"
_METHODS = {_CHAT: "POST", _MODELS: "GET", _EVALUATIONS: "POST"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """What one program may spend: at most so many calls, tokens (of questions and answers) and nano-dollars, in calls
    that begin within so many seconds, on the models of these names; and so many evaluations.

    Raises `ValueError` for an amount below 0, no time, or no model.
    """

    calls: int
    tokens: int
    nanodollars: int
    seconds: float
    models: tuple[str, ...]
    evaluations: int = 0

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "nanodollars", "evaluations"):
            amount = getattr(self, name)
            if isinstance(amount, bool) or not isinstance(amount, int) or amount < 0:
                raise ValueError(f"a lease of {amount!r} {name}: it is a whole number from 0 on")
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise ValueError(f"a lease of {self.seconds!r} seconds: it is a number above 0")
        if not self.models or len(set(self.models)) != len(self.models):
            raise ValueError(f"a lease of the models {self.models!r}: it names at least one, and each once")


class Gateway:
    """Serves `lease` on a socket in `folder` until it is closed.

    Args:
        ask: how models are asked, on many threads at once: `Context.relay`.
        models: those that there are; the lease says which of them may be asked.
        folder: where the socket is made. It is the engine's alone, such as `sandboxes.harness.home()`.
        evaluate: what files, paths -> text or None, would score, as a JSON object; on many threads at once. It raises
            `Refusal` for those that cannot be evaluated, which cost nothing.
        earlier: what the question of a hash was answered and paid for before, None when it was not.
        unfit: what counts requests that cannot be answered, where the lease is one that other gateways serve, too.
        door: the one to answer at, where there is one: it stays for the next gateway.
        max_tokens: that one answer may have.
        again: how often a call whose answer was lost is made anew.

    Raises `ValueError` when the lease names a model that is not there, `SandboxFault` when there can be no socket.
    """

    def __init__(  # noqa: PLR0913 - settings are keyword arguments of the class that uses them
        self,
        lease: Lease,
        ask: Callable[[Model, Request], Reply],
        models: Sequence[Model],
        *,
        folder: Path,
        evaluate: Callable[[Mapping[str, str | None]], Mapping[str, Any]] | None = None,
        earlier: Callable[[str], Any] = lambda _: None,
        unfit: Unfit | None = None,
        door: Door | None = None,
        max_tokens: int = 16_384,
        again: int = 2,
        bounds: Bounds = _NO_BOUNDS,
    ) -> None:
        known = {model.name: model for model in models}
        if unknown := set(lease.models) - known.keys():
            raise ValueError(f"the lease names {min(unknown)!r}, and there are {', '.join(known) or 'no models'}")
        if lease.evaluations and evaluate is None:
            raise ValueError(f"the lease has {lease.evaluations} evaluations, and there is nothing to make them")
        self.lease = lease
        self.trouble: BaseException | None = None
        """What went wrong that the program cannot help, None while nothing has."""
        self._models = {name: known[name] for name in lease.models}
        self._ask, self._max_tokens, self._again = ask, max_tokens, again
        self._evaluate, self._earlier = evaluate, earlier
        limits = {name: getattr(lease, name) for name in ("calls", "tokens", "nanodollars", "evaluations")}
        self._account = Account(limits, lease.seconds)
        self._unfit = unfit or Unfit({kind: limits[kind] for kind in ("calls", "evaluations")})
        self._closed = False
        self._door, self._stays = door or Door(folder), door is not None
        try:
            self._server = SocketServer(self._door, self._answer, _failure, bounds)
        except BaseException:  # an interrupt, too, leaves no socket behind
            self._leave()
            raise

    @property
    def socket(self) -> Path:
        """What `Sandbox.open` takes as `gateway`."""
        return self._door.path

    @property
    def used(self) -> Usage:
        """What the calls that were answered took."""
        return self._account.used

    def close(self) -> None:
        """Serve nobody any more. Returns when the last call has ended and is on the account. May be called twice."""
        self._closed = True
        self._account.wake()
        self._server.close()
        self._leave()

    def _leave(self) -> None:
        if not self._stays:
            self._door.close()

    def _answer(self, request: HttpRequest) -> HttpAnswer:
        """One answer, on a thread of its own."""
        try:
            return self._serve(request)
        except Refusal as refusal:
            return _refused(refusal)
        except Exception as error:  # noqa: BLE001 - a defect of ours is no reason to leave a program without an answer
            self._stop(error)
            return _refused(Refusal(500, "gateway_failed", "the gateway failed; there will be no more answers"))

    def _serve(self, request: HttpRequest) -> HttpAnswer:
        method = _METHODS.get(request.path)
        if method is None:
            raise Refusal(404, "not_found", f"there is nothing here but {', '.join(_METHODS)}")
        if request.method != method:
            raise Refusal(405, "method_not_allowed", f"{request.path} is for {method}")
        if request.path == _MODELS:
            return _sent(models_document(self.lease.models), free=True)
        if request.path == _EVALUATIONS:
            return _sent(self._evaluated(read_files(request.body)))
        asked = read_request(request.body, max_tokens=self._max_tokens)
        model = self._models.get(asked.model)
        if model is None:
            allowed = ", ".join(self.lease.models)
            raise Refusal(403, "model_not_allowed", f"of models there are {allowed} here", param="model")
        reply = self._complete(model, asked.request)
        name = f"chatcmpl-{request_hash(asked.model, asked.request)}"
        if asked.stream:
            return HttpAnswer(200, events(reply, asked, name), "text/event-stream")
        return _sent(document(reply, asked, name))

    def _complete(self, model: Model, request: Request) -> Reply:
        """An answer, with all that it took on the account. Raises `Refusal`."""
        if (earlier := self._earlier(request_hash(model.name, request))) is not None:
            known: Reply = earlier
            return known
        self._unfit.check("calls", "requests were sent that the service does not allow")
        try:
            most = model.most(request)
        except TaskError:  # its price holds for shorter ones
            raise Refusal(400, "context_length_exceeded", "the messages are too long", param="messages") from None
        for left in reversed(range(self._again + 1)):
            key, took = self._account.reserve(most, self._over), None
            try:
                reply = self._ask(model, request)
                took = reply.usage
            except BudgetSpent as spent:
                self._stop(spent)
                raise Refusal(429, "budget_spent", "the budget behind the lease is spent") from None
            except ModelFault as fault:
                if fault.unfit:
                    self._unfit.add("calls")
                    raise Refusal(400, "refused", "the service does not allow this request") from None
                if not fault.sent or not left:
                    self._stop(fault)
                    raise Refusal(502, "service_failed", "the service failed; there will be no more answers") from None
            else:
                return reply
            finally:
                self._account.settle(key, took)
        raise AssertionError("the last try returns or raises")

    def _evaluated(self, files: Mapping[str, str | None]) -> Mapping[str, Any]:
        """What the files score, on the account. Raises `Refusal`."""
        if (earlier := self._earlier(files_hash(files))) is not None:
            known: Mapping[str, Any] = earlier
            return known
        self._unfit.check("evaluations", "files were sent that cannot be evaluated")
        key, took = self._account.reserve(ONE, self._over), None
        try:
            assert self._evaluate is not None  # there is no lease of evaluations without
            found = self._evaluate(files)
            took = ONE
        except Refusal:
            self._unfit.add("evaluations")
            raise
        except BudgetSpent as spent:
            self._stop(spent)
            raise Refusal(429, "budget_spent", "the budget behind the lease is spent") from None
        finally:
            self._account.settle(key, took)
        return found

    def _over(self) -> None:
        """Raises `Refusal` when nothing more can be asked."""
        if self._closed or self.trouble is not None:
            raise Refusal(503, "lease_closed", "there will be no more answers")

    def _stop(self, trouble: BaseException) -> None:
        if self.trouble is None:
            self.trouble = trouble
        self._account.wake()


@contextlib.contextmanager
def open_lease(
    lease: Lease, ask: Callable[[Model, Request], Reply], models: Sequence[Model], *, folder: Path, **more: Any
) -> Iterator[Gateway]:
    """A `Gateway` that is closed at the end, and raises its `trouble` then, whatever its program made of it."""
    gateway = Gateway(lease, ask, models, folder=folder, **more)
    try:
        yield gateway
    except Exception:
        gateway.close()
        if gateway.trouble is not None:
            raise gateway.trouble from None
        raise
    finally:
        gateway.close()
    if gateway.trouble is not None:
        raise gateway.trouble


def _sent(said: Mapping[str, Any], *, free: bool = False) -> HttpAnswer:
    return HttpAnswer(200, json.dumps(said).encode(), free=free)


def _refused(refusal: Refusal) -> HttpAnswer:
    # the openai package would try again, which helps nobody here
    headers = {"x-should-retry": "false"}
    return HttpAnswer(refusal.status, json.dumps(refusal.document()).encode(), headers=headers)


def _failure(status: int, code: str, message: str) -> HttpAnswer:
    return _refused(Refusal(status, code, message))
