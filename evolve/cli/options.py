"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from evolve.errors import TaskError
from evolve.options import RUNS, find_run

if TYPE_CHECKING:
    from evolve.history import History

__all__ = [
    "LIMITS",
    "as_json",
    "form_option",
    "limit_options",
    "raw_data_option",
    "read_run",
    "run_argument",
    "runs_option",
    "sandbox_option",
    "service_options",
    "trial_argument",
    "trial_option",
    "usage",
]

F = TypeVar("F", bound=Callable[..., Any])

LIMITS = ("trials", "evaluations", "seconds", "dollars", "calls", "tokens")
"""What `limit_options` adds."""


def _run(_context: click.Context, _parameter: click.Parameter, value: str) -> Path:
    return find_run(value)


def _trial_name(*more: str) -> Callable[[click.Context, click.Parameter, str | None], int | str | None]:
    words = ("best", "seed", *more)
    known = f"its number, or {', '.join(map(repr, words[:-1]))} or {words[-1]!r}"

    def named(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | str | None:
        if value is None or value in words:
            return value
        if value.isdecimal():
            return int(value)
        raise click.BadParameter(f"{value!r} is no trial: give {known}")

    return named


def run_argument(function: F) -> F:
    """The argument RUN: a path, or the name of a run under ./runs."""
    return click.argument("path", callback=_run, metavar="RUN")(function)


def trial_argument(name: str, *, required: bool) -> Callable[[F], F]:
    """An argument that is a trial, as `History.find` takes it: its number, or `best` or `seed`."""
    return click.argument(name, callback=_trial_name(), required=required)


def trial_option(name: str, *more: str, **settings: Any) -> Callable[[F], F]:
    """The same as an option; `more` are words that its verb knows besides."""
    return click.option(name, callback=_trial_name(*more), **settings)


def as_json(function: F) -> F:
    """The option --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def runs_option(function: F) -> F:
    """The option --runs."""
    return click.option(
        "--runs",
        type=click.Path(path_type=Path, file_okay=False),
        default=RUNS,
        show_default=True,
        help="The folder of the runs.",
    )(function)


def raw_data_option(parts: str) -> Callable[[F], F]:
    """The option --output: a folder for raw data, which are made in `parts`, such as "runs"."""
    return click.option(
        "--output",
        "-o",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        required=True,
        help=f"A folder for the raw data. One that was begun is continued: {parts} that are there are not made again.",
    )


def limit_options(meaning: str, names: Collection[str] = LIMITS) -> Callable[[F], F]:
    """The options --trials, --evaluations and --seconds, --dollars, --calls and --tokens, or those of `names`."""

    def decorate(function: F) -> F:
        for name, kind, what in (
            ("tokens", int, "Tokens that models read and write"),
            ("calls", int, "Calls of models"),
            ("dollars", float, "What models cost"),
            ("seconds", float, "Time to begin trials in"),
            ("evaluations", int, "Programs to evaluate"),
            ("trials", int, "Programs to try"),
        ):
            if name not in names:
                continue
            function = click.option(f"--{name}", type=kind, callback=_limit, help=f"{what}: {meaning}.")(function)
        return function

    return decorate


def service_options(function: F) -> F:
    """The options --base-url and --api-key-env, None when they are not given."""
    function = click.option(
        "--api-key-env",
        metavar="NAME",
        help="The environment variable that holds the key of the models' service. [default: OPENAI_API_KEY]",
    )(function)
    return click.option(
        "--base-url",
        metavar="URL",
        help="Of a service that speaks OpenAI's protocol, such as http://localhost:8000/v1. [default: OpenAI's]",
    )(function)


def form_option(function: F) -> F:
    """The option --from."""
    return click.option(
        "--from",
        "form",
        default="native",
        show_default=True,
        metavar="FORM",
        help="What kind of task folder it is: native, with a task.toml; openevolve, with evaluator.py and "
        "initial_program.*; or shinka, with evaluate.py and initial.*. The last two work as they are.",
    )(function)


def _limit(_context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    from evolve.options import check_limits

    if value is not None:
        with usage(parameter.opts[0]):
            check_limits({str(parameter.name): value})
    return value


@contextmanager
def usage(option: str) -> Iterator[None]:
    """What is wrong with an option that was given at the command line is wrong usage of it."""
    try:
        yield
    except TaskError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


def sandbox_option(function: F) -> F:
    """The option --sandbox, None when it is not given."""
    return click.option(
        "--sandbox",
        metavar="NAME",
        help="Where candidates run: docker, bubblewrap or process, or yours as module:attribute; auto takes the "
        "strongest that works here. [default: auto]",
    )(function)


def read_run(path: Path) -> History:
    """What happened in the run, or in the clone of one, at `path`. Raises as `History` does."""
    from evolve.history import History

    return History(path)
