"""When the next request to a service may leave: its limits a minute, its wish to be left alone, and whether it is up.

All of it happens on one event loop, so nothing here needs a lock, however many threads ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable

from evolve.errors import ModelFault
from evolve.words import quantity

__all__ = ["Gate", "Rate"]

_IN_A_ROW = 5
"""Faults after which a service counts as down."""
_LONGEST_PAUSE = 60.0
_FIRST_PATIENCE = 30.0
"""Seconds of patience with a service that has never answered: most likely its address is wrong."""
_WORTH_SAYING = 10.0
"""Seconds of pause, asked for by the service, from which on a person wants to know."""


class Rate:
    """So much a minute: nine tenths of it steadily and one tenth at once, so that no minute sees more.

    What is taken at once may be more than a tenth; then all wait until it is made up for.
    """

    def __init__(self, per_minute: float, now: float) -> None:
        self._per_second = 0.9 * per_minute / 60
        self._most = self._left = 0.1 * per_minute
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until more may be taken."""
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        return 0.0 if self._left > 0 else -self._left / self._per_second + 1e-3

    def take(self, amount: float) -> None:
        """Take it, or give back what is below 0."""
        self._left -= amount


class Gate:
    """Lets requests through one by one, or holds them up while the service is busy or down.

    A service is down after several faults in a row. Then one request at a time probes it, at growing intervals, and the
    others wait. `on_notice` hears when it is down and when it is back.
    """

    def __init__(
        self,
        name: str,
        *,
        patience: float,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        pause: float = 5.0,
        on_notice: Callable[[str], None],
    ) -> None:
        now = time.monotonic()
        self._name = name
        self._patience = patience
        self._first_pause = self._pause = pause
        self._notice = on_notice
        self._requests = Rate(requests_per_minute, now) if requests_per_minute else None
        self._tokens = Rate(tokens_per_minute, now) if tokens_per_minute else None
        self.trouble = ""
        """What was wrong the last time."""
        self._news = asyncio.Event()
        self._closed = False
        self._answered = False
        self._faults = 0
        self._up_since = now
        self._since: float | None = None
        self._again: float | None = None
        self._probing = False
        self._held_until = 0.0

    @property
    def down(self) -> bool:
        """Whether the service counts as down."""
        return self._again is not None

    async def enter(self, tokens: int, since: float | None = None) -> bool:
        """Wait until a request of about so many tokens may leave; True when it is a probe.

        It is tried again and again `since` then. Raises `ModelFault` when patience is at its end, or when the gate was
        closed.
        """
        while True:
            now = time.monotonic()
            self._check(since, now)
            wait, probe = self._wait(now), False
            if self._again is not None and not self._probing and now >= self._again:
                self._probing = probe = True
                wait = 0.0
            if wait == 0.0:
                for rate, amount in ((self._requests, 1), (self._tokens, tokens)):
                    if rate is not None:
                        rate.take(amount)
                return probe
            await self._news_within(wait)

    def leave(self, *, probe: bool) -> None:
        """A request that entered is over, whether or not anything was said of it."""
        if probe and self._probing:
            self._probing = False
            self._wake()

    def correct(self, tokens: int) -> None:
        """A request took so many tokens more than it entered with, or fewer when it is below 0."""
        if self._tokens is not None:
            self._tokens.take(tokens)

    def answered(self) -> None:
        """The service answered, be it only that it will not: it is up."""
        self._answered = True
        was_down, since = self.down, self._since
        self._faults, self._since, self._again = 0, None, None
        if was_down and since is not None:
            self._up_since = time.monotonic()
            self._probing, self._pause = False, self._first_pause
            self._notice(f"{self._name} answers again, after {_seconds(self._up_since - since)}")
            self._wake()

    def failed(self, why: str, *, probe: bool) -> None:
        """A request came to nothing because of the service."""
        now = time.monotonic()
        self._faults += 1
        self._since = now if self._since is None else self._since
        if probe:
            self._probing = False
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        elif self.down or self._faults < _IN_A_ROW:
            return
        pause = self._pause * random.uniform(1.0, 1.2)  # noqa: S311 - so that many runs do not come back at once
        self._again = now + pause
        self._notice(f"{self._name} is down ({why}); calls wait, the next try is in {_seconds(pause)}")
        self._wake()

    def hold(self, seconds: float, why: str) -> None:
        """The service wants to be left alone for so long. Raises `ModelFault` when that is past all patience."""
        if seconds > self._patience:
            raise ModelFault(f"{self._name} wants {_seconds(seconds)} of rest ({why}); resume then", sent=False)
        until = time.monotonic() + seconds
        if seconds >= _WORTH_SAYING and until > self._held_until + _WORTH_SAYING:
            self._notice(f"{self._name} is busy ({why}); calls wait {_seconds(seconds)}")
        self._held_until = max(self._held_until, until)

    async def sleep(self, seconds: float) -> None:
        """Raises `ModelFault` when the gate is closed meanwhile."""
        end = time.monotonic() + seconds
        while (rest := end - time.monotonic()) > 0:
            await self._news_within(rest)

    def close(self) -> None:
        """Those who wait stop waiting, and nobody enters any more."""
        self._closed = True
        self._wake()

    async def _news_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        if self._closed:
            raise self._stopped()

    def _wait(self, now: float) -> float:
        if self._again is not None:
            assert self._since is not None
            end = self._since + self._limit
            return max(min(end, end if self._probing else self._again) - now, 0.001)
        if now < self._held_until:
            # not all at once when it is over
            rest = self._held_until - now
            return rest + random.random() * min(1.0, 0.2 * rest)  # noqa: S311 - nothing secret about it
        return max((rate.wait(now) for rate in (self._requests, self._tokens) if rate is not None), default=0.0)

    def _check(self, since: float | None, now: float) -> None:
        if self._closed:
            raise self._stopped()
        if self.down and self._since is not None:
            what, waited, limit = "has been down", now - self._since, self._limit
        elif since is not None:
            what = "has not answered" if self._faults else "has had no room for a call"
            waited, limit = now - max(since, self._up_since), self._patience
        else:
            return
        if waited >= limit:
            why = f" ({self.trouble})" if self.trouble else ""
            raise ModelFault(f"{self._name} {what} for {_seconds(waited)}{why}; resume when it is back", sent=False)

    @property
    def _limit(self) -> float:
        return self._patience if self._answered else min(self._patience, _FIRST_PATIENCE)

    def _stopped(self) -> ModelFault:
        return ModelFault(f"{self._name}: the run was stopped before this request left", sent=False)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _seconds(seconds: float) -> str:
    return quantity(f"{seconds:.0f}", "second")
