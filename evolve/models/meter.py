"""The meter: every call of a model is reserved at its worst before, kept as it happens, and settled with what it took.

The order is what makes it exact on a bad day: reserve, write down that the request leaves, send, write down the answer,
settle. A process killed between any two of them finds out from the transcript what was paid.

A call whose answer was lost on the way may be paid for. Asking anew is another call, with a reservation of its own.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from evolve.budget import Budget
from evolve.errors import BudgetSpent, Interrupted, ModelFault, RunDamaged
from evolve.models.transcript import Call, Transcript, request_hash
from evolve.types import Model, Reply, Request, Usage
from evolve.words import amount

__all__ = ["Meter", "amounts"]

_NONE = Usage()

_SETTLING = 0.1
"""Seconds after which it is looked at whether a trial was settled, or another meter's call: neither says a word."""

_LAST_WORDS = 10.0
"""Seconds in which an answer that came gets onto the disk."""


class Meter:
    """Lets proposers ask models, on any thread. What a trial used stays reserved until the loop settles the trial.

    `models` and `transcript` are closed with it. A call whose answer was lost is made anew `again` times.
    """

    def __init__(self, budget: Budget, transcript: Transcript, models: Sequence[Model] = (), *, again: int = 2) -> None:
        self._budget, self._transcript = budget, transcript
        self._models, self._again = models, again
        self._closed = False
        self._free = threading.Condition()
        self._used: dict[int, Usage] = {}
        self._flying = 0
        self._waiting: Counter[int] = Counter()
        self._lent: dict[int, Mapping[str, int]] = {}
        """What waiting trials have given back of what the loop had reserved for them."""

    def take_up(self) -> None:
        """Reserve again what earlier sessions used, and whatever they may have paid for without an answer.

        Call it before the journal is replayed: what trials used is then settled as they are told.
        """
        for number in self._transcript.trials():
            for index, call in self._transcript.calls(number).items():
                if call.usage is not None:
                    self._add(number, call.usage)
                elif call.charged:
                    self._budget.hold(("lost", number, index), _paid(call.most), lost=True)

    def asker(self, number: int) -> Callable[[Model, Request], Reply]:
        """How the proposer of this trial asks models: answers of an earlier session first, in the same order.

        Raises `BudgetSpent`, `ModelFault`, `Interrupted` when the meter was closed, and `RunDamaged` when the proposer
        asks something else than it did.
        """
        index = -1

        def ask(model: Model, request: Request) -> Reply:
            nonlocal index
            index += 1
            while (known := self._transcript.calls(number).get(index)) is not None:
                if known.usage is None:
                    index += 1  # it came to nothing then; what is asked now is another call
                    continue
                if known.hash != request_hash(model.name, request):
                    raise RunDamaged(
                        f"call {index} of trial {number} is not the one in {self._transcript.path}: the proposer, its "
                        f"prompts or the models have changed since; go on with the ones that the run began with"
                    )
                return self._transcript.reply(known)
            for left in reversed(range(self._again + 1)):
                try:
                    return self._call(number, index, model, request)
                except ModelFault as fault:
                    if not fault.sent or not left:
                        raise
                index += 1
            raise AssertionError("the last try returns or raises")

        return ask

    def relay(self, number: int) -> Callable[[Model, Request], Reply]:
        """How a program of this trial asks models, on many threads and in any order: one call each, never made anew.

        What the same request came to in an earlier session is found first, an answer or that the service does not allow
        it; what was lost then is asked for anew. Beyond that a program may ask what it likes, another time something
        else. Raises as `asker` does, but for `RunDamaged`. A trial's proposer uses either this or that.
        """
        known = self._transcript.calls(number)
        found: dict[str, deque[Call]] = defaultdict(deque)
        for _, call in sorted(known.items()):
            if call.unfit or call.usage is not None:
                found[call.hash].append(call)
        fresh = itertools.count(max(known, default=-1) + 1)
        turn = threading.Lock()

        def ask(model: Model, request: Request) -> Reply:
            with turn:
                earlier = found[request_hash(model.name, request)]
                call = earlier.popleft() if earlier else None
                index = next(fresh) if call is None else -1
            if call is None:
                return self._call(number, index, model, request)
            if call.usage is None:
                raise ModelFault(f"{model.name} did not allow it before", sent=False, unfit=True)
            return self._transcript.reply(call)

        return ask

    def used(self, number: int) -> Usage:
        """What the calls of a trial took, as the service said."""
        with self._free:
            return self._used.get(number, _NONE)

    def settle(self, number: int, took: Mapping[str, int]) -> None:
        """The trial was told: what it took, in the place of all that it has reserved and used."""
        with self._free:
            self._used.pop(number, None)
            self._budget.settle(number, took, ("used", number))
            self._free.notify_all()
        self._transcript.forget(number)

    @property
    def lending(self) -> bool:
        """Whether a trial waits that has given back what was reserved for it, and that is to have it again."""
        with self._free:
            return bool(self._lent)

    def restore(self, number: int) -> str | None:
        """Reserve again what a trial has given back while it waited, for it waits no more: None, or the first resource
        of which there is not enough left."""
        with self._free:
            lent = self._lent.pop(number, None)
            return None if lent is None else self._budget.take(number, lent)

    @property
    def flying(self) -> int:
        """How many calls are under way."""
        with self._free:
            return self._flying

    def close(self) -> None:
        """No more calls. Those under way end as their models let them, and their answers are kept."""
        with self._free:
            self._closed = True
            self._free.notify_all()
        if self._models:
            with ThreadPoolExecutor(len(self._models), thread_name_prefix="close") as pool:
                list(pool.map(lambda model: model.close(), self._models))
        with self._free:
            self._free.wait_for(lambda: self._flying == 0, timeout=_LAST_WORDS)
        self._transcript.close()

    def _call(self, number: int, index: int, model: Model, request: Request) -> Reply:
        key = ("call", number, index)
        most = model.most(request)
        self._reserve(number, key, most)
        try:
            self._transcript.sent(number, index, model.name, request, most)
            try:
                reply = model.complete(request)
            except ModelFault as fault:
                self._transcript.failed(number, index, str(fault), charged=fault.sent, unfit=fault.unfit)
                if fault.sent:
                    self._budget.hold(("lost", number, index), _paid(most), lost=True)
                raise
            except BaseException as error:
                # whatever went wrong here, the request may have left
                self._transcript.failed(number, index, repr(error), charged=bool(_paid(most)))
                self._budget.hold(("lost", number, index), _paid(most), lost=True)
                raise
            self._transcript.answered(number, index, reply)
            self._add(number, reply.usage)
        finally:
            with self._free:
                self._budget.settle(key, {})
                self._flying -= 1
                self._free.notify_all()
        return reply

    def _reserve(self, number: int, key: tuple[str, int, int], most: Usage) -> None:
        """Wait for what others may leave over, and give up when nobody will."""
        wanted = amounts(most)
        with self._free:
            self._waiting[number] += 1
            try:
                while not self._closed and (lacking := self._taken(number, key, wanted)) is not None:
                    if self._hopes(number, lacking):
                        self._give_back(number, lacking)
                        self._free.wait(_SETTLING)
                    # what others had reserved may have come back while it was looked for them
                    elif (lacking := self._taken(number, key, wanted)) is not None:
                        needed = Counter(wanted) + Counter(self._lent.get(number))
                        what = amount(needed[lacking], lacking)
                        raise BudgetSpent(f"the next call may take {what}, more than is left of the budget", lacking)
                    else:
                        break
            finally:
                self._waiting -= Counter({number: 1})
            if self._closed:
                raise Interrupted("no model is asked any more: the run is being stopped")
            self._flying += 1

    def _taken(self, number: int, key: tuple[str, int, int], wanted: Mapping[str, int]) -> str | None:
        """Reserve for a call, and for its trial again what that gave back: None, or what there is not enough of."""
        lent = self._lent.get(number)
        if lent is not None and (lacking := self._budget.take(number, lent)) is not None:
            return lacking
        lacking = self._budget.take(key, wanted)
        if lent is not None:
            if lacking is None:
                del self._lent[number]
            else:
                self._budget.settle(number, {})
        return lacking

    def _hopes(self, number: int, lacking: str) -> bool:
        """Whether there may be more of a resource for a trial that waits.

        Trials reserve the most that their evaluation can take, and calls the most that they can: what is left over
        comes back when they end. When everybody who has reserved something waits, too, it is for each other. Then the
        younger ones give back what is reserved for them, until the oldest can go on, and take it again before they do.
        """
        return bool(self._budget.reserving(lacking) - {number}) or self._is_younger(number, lacking)

    def _is_younger(self, number: int, lacking: str) -> bool:
        """Whether an older trial waits, too, that has something of a resource or has given it back."""
        having = self._budget.reserving(lacking) | self._lent.keys()
        return any(other < number for other in self._waiting if other in having)

    def _give_back(self, number: int, lacking: str) -> None:
        """Give back what is reserved for a trial when it and an older one wait for each other."""
        others = self._budget.reserving(lacking) - {number}
        if others <= self._waiting.keys() and number not in self._lent and self._is_younger(number, lacking):
            self._lent[number] = self._budget.reserved(number)
            self._budget.settle(number, {})
            self._free.notify_all()

    def _add(self, number: int, usage: Usage) -> None:
        with self._free:
            total = self._used.get(number, _NONE) + usage
            self._used[number] = total
            self._budget.hold(("used", number), amounts(total))


def amounts(usage: Usage) -> dict[str, int]:
    """The same as a `Budget` counts it. Of what is not used nothing is said: it needs no room."""
    counted = {
        "evaluations": usage.evaluations,
        "calls": usage.calls,
        "tokens": usage.input_tokens + usage.output_tokens,
        "nanodollars": usage.nanodollars,
    }
    return {resource: amount for resource, amount in counted.items() if amount}


def _paid(most: Usage) -> dict[str, int]:
    """What may be charged for although no answer came. An evaluation is ours, and is made again for nothing."""
    return amounts(replace(most, evaluations=0))
