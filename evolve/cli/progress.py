"""What a search shows while it runs: a live line on a terminal, plain lines when piped."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from evolve.cli.printing import brief, elapsed, figure
from evolve.standing import Standing
from evolve.types import Trial
from evolve.words import quantity

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

__all__ = ["Progress"]

PLAIN_SECONDS = 10.0
RATE_SECONDS = 10.0


class Progress:
    """Hears trials and tells of new bests, and now and then of the rest. Speaks on standard error.

    Args:
        quiet: say nothing.
        live: draw one line that changes, as a terminal can; else write lines.
    """

    def __init__(self, *, quiet: bool = False, live: bool | None = None) -> None:
        self.limit: int | None = None
        self._standing = Standing()
        self._quiet = quiet
        self._live_wanted = sys.stderr.isatty() if live is None else live
        self._live: Live | None = None
        self._trials = self._tuned = 0
        self._apart = ""
        self._headed = False
        self._failed = 0
        self._told = 0
        self._begun = time.monotonic()
        self._spoke = self._begun
        self._recent: deque[float] = deque(maxlen=1000)

    def begin(self, limit: int | None, told: int, best: Trial | None, *, apart: str = "", tuned: int = 0) -> None:
        """Know how many trials there may be in all (None: the budget does not say), were told, and the best so far.

        Those of the operator `apart` do not count; so many were told of them.
        """
        self.limit, self._standing, self._apart = limit, Standing(best), apart
        self._trials, self._tuned = max(told - tuned - 1, 0), tuned

    def __enter__(self) -> Self:
        if self._live_wanted and not self._quiet:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), get_renderable=self._render, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def tell(self, trial: Trial) -> None:
        """Hear of a trial; called on the loop thread."""
        now = time.monotonic()
        self._told += 1
        self._recent.append(now)
        if trial.operator == self._apart:
            self._tuned += 1
        else:
            self._trials += trial.number > 0
        self._standing.tell(trial)
        if trial.fitness is None:
            self._failed += 1
        elif self._standing.best is trial:
            self._head()
            self._say(f"{trial.number:>6}  {figure(trial.evaluation.score):>12}  {brief(trial.summary)}")
            return
        if self._live is None and now - self._spoke >= PLAIN_SECONDS:
            self._say(self.line())

    def notice(self, text: str) -> None:
        """Say what a person should know, even when quiet."""
        if self._live is None:
            click.echo(text, err=True)
        else:
            self._say(text)

    def _head(self) -> None:
        if not self._headed:
            self._headed = True
            self._say(f"\n{'trial':>6}  {'score':>12}  new best")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(line), soft_wrap=True)
        elif not self._quiet:
            click.echo(line, err=True)

    def line(self) -> str:
        """How far the search is."""
        now = time.monotonic()
        since = max(min(now - self._begun, RATE_SECONDS), 1e-3)
        rate = sum(moment > now - since for moment in list(self._recent)) / since
        told = quantity(self._trials, "trial")
        parts = [told if self.limit is None else f"{self._trials} of {quantity(self.limit, 'trial')}"]
        if self._tuned:
            parts.append(f"{self._tuned} tuned")
        if (best := self._standing.best) is not None:
            parts.append(f"best {figure(best.evaluation.score)} (trial {best.number})")
        parts += [f"{rate:.0f}/s", elapsed(now - self._begun)]
        parts.append(f"{100 * self._failed / max(self._told, 1):.0f} % without a score")
        return " · ".join(parts)

    def _render(self) -> Text:
        from rich.text import Text

        return Text(self.line(), style="dim", no_wrap=True, overflow="ellipsis")
