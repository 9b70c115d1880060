"""How verbs print: aligned columns for people, JSON for programs."""

from __future__ import annotations

import fcntl
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from evolve.budget import RESOURCES
from evolve.types import Trial, Usage
from evolve.words import amount, quantity

if TYPE_CHECKING:
    from evolve.archives.contest import Standings
    from evolve.history import History

__all__ = [
    "brief",
    "compared",
    "comparison",
    "describe",
    "elapsed",
    "ended",
    "figure",
    "one_line",
    "outcome",
    "plain",
    "print_fields",
    "print_json",
    "print_table",
    "spent",
    "state",
    "without_controls",
]


def describe(trial: Trial, history: History) -> dict[str, Any]:
    """A trial as a record, without its program."""
    evaluation, usage = trial.evaluation, trial.usage
    held_out = history.held_out.get(trial.number)
    return {
        "number": trial.number,
        "commit": history.commit(trial.number),
        "parents": trial.parents,
        "operator": trial.operator,
        "summary": trial.summary,
        "status": evaluation.status,
        "score": evaluation.score,
        "fitness": evaluation.fitness,
        "samples": evaluation.samples,
        "standard_error": evaluation.standard_error,
        "evaluations": evaluation.evaluations,
        "won": evaluation.won,
        "rescored": [{"number": again.number, "samples": again.samples} for again in evaluation.rescored],
        "held_out_score": held_out.score if held_out is not None else None,
        "metrics": evaluation.metrics,
        "measures": evaluation.measures,
        "feedback": evaluation.feedback,
        "lane": trial.lane,
        "duplicate_of": trial.duplicate_of,
        "seconds": evaluation.cost.seconds,
        "cpu_seconds": evaluation.cost.cpu_seconds,
        "memory_bytes": evaluation.cost.memory_bytes,
        "calls": usage.calls,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "dollars": usage.nanodollars / 1e9,
    }


def outcome(trial: Trial) -> str:
    """The score or, of a trial that has none, its status."""
    return str(trial.evaluation.status) if trial.fitness is None else figure(trial.evaluation.score)


def state(history: History) -> str:
    """What a run is at: running, ended by itself and why, or cut short."""
    try:
        with (history.path / ".evolve" / "lock").open() as lock:
            # shared, so that two that only look do not take each other for a session
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running"
    except OSError:
        pass  # a clone has none, and another user's may be closed to us
    return ended(history.stopped) if history.stopped else "cut short"


def ended(reason: str) -> str:
    """Why a session ended, in words."""
    return f"{reason.removeprefix('nano')} used up" if reason in {*RESOURCES, "seconds"} else brief(reason)


def compared(standings: Standings | None) -> str:
    """What a search with a baseline has to show for itself, in a line; "" without one."""
    if standings is None:
        return ""
    line = f"{figure(standings.baseline)} after {amount(standings.spent, standings.unit)}; "
    line += f"the search had {figure(standings.equal)} after "
    line += "as many" if standings.reached == standings.spent else f"{standings.reached}"
    return f"{line}, which {'beats' if standings.beaten else 'does not beat'} it"


def comparison(standings: Standings | None) -> dict[str, Any] | None:
    """The same, as JSON."""
    if standings is None:
        return None
    spent = {"unit": standings.unit, "spent": standings.spent, "search_spent": standings.reached}
    return {**spent, "score": standings.baseline, "search_score": standings.equal, "beaten": standings.beaten}


def elapsed(seconds: float) -> str:
    """Seconds as people read them."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def spent(usage: Usage) -> str:
    """What calls of models took; "" for none."""
    if not usage.calls:
        return ""
    dollars = f"{usage.nanodollars / 1e9:.6f}".rstrip("0").rstrip(".")
    tokens = quantity(usage.input_tokens + usage.output_tokens, "token")
    return f"{quantity(dollars, 'dollar')} in {quantity(usage.calls, 'call')}, {tokens}"


def figure(value: float | None) -> str:
    """A number as people read it; "-" for none."""
    if value is None or math.isnan(value):
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def one_line(text: str) -> str:
    """`text` without line ends and control characters, which could rewrite the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def without_controls(text: str) -> str:
    """`text` with its lines, without other control characters."""
    return "\n".join("".join(c if c.isprintable() or c == "\t" else " " for c in line) for line in text.split("\n"))


def plain(value: Any) -> Any:
    """`value` as JSON knows it: NaN, infinity and what pandas calls missing become None, numpy's numbers Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, str | bool | int | None):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    return value if isinstance(value, float) and math.isfinite(value) else None


def brief(text: str) -> str:
    """`text` on one line of at most 100 characters."""
    line = one_line(text)
    return line if len(line) <= 100 else line[:99] + "…"


def print_json(value: object) -> None:
    """One JSON document."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def print_fields(fields: Mapping[str, Any]) -> None:
    """One name and value a line; what is empty is left out."""
    shown = {name: value for name, value in fields.items() if value not in {None, ""}}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        first, *rest = str(value).splitlines() or [""]
        click.echo(f"{name:{width}}  {first}")
        for line in rest:
            click.echo(f"{'':{width}}  {line}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[float | str | None]]) -> None:
    """Columns with a head; numbers to the right, and on a terminal the last column cut to fit."""
    right = [any(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
    cells = [list(columns), *([c if isinstance(c, str) else figure(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for row in cells:
        padded = [f"{cell:>{w}}" if r else f"{cell:{w}}" for cell, w, r in zip(row, widths, right, strict=True)]
        line = "  ".join(padded).rstrip()
        click.echo(line[: room - 1] + "…" if 0 < room < len(line) else line)
