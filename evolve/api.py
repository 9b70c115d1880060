"""The Python API: `evolve.run`, `evolve.resume` and `evolve.load`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from evolve import forms
from evolve.history import History
from evolve.options import RUNS, Options, check_name, find_run
from evolve.search import Search
from evolve.types import Sandbox

__all__ = ["free_name", "load", "resume", "run"]


def run(  # noqa: PLR0913 - every option of a search, by name
    task: str | os.PathLike[str],
    *,
    form: str = "native",
    name: str | None = None,
    runs: str | os.PathLike[str] = RUNS,
    trials: int | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    dollars: float | None = None,
    calls: int | None = None,
    tokens: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    sandbox: str | Sandbox = "auto",
    allow_unsafe: bool = False,
    proposer: str = "auto",
    scaffold: str | os.PathLike[str] | None = None,
    archive: str = "auto",
    tuning: str = "auto",
    baseline: str = "",
    stop_when_stalled: bool = False,
    strict: bool = False,
    models: Sequence[str] = (),
    model_file: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    api_key_env: str | None = None,
    prices: Sequence[str] = (),
    calls_in_flight: int = 8,
    ensemble: str = "weights",
) -> History:
    """Search for a better program, and come back when the budget is used up.

    Args:
        task: the name of a bundled task, or a task folder.
        form: what kind of task folder it is; see `evolve.forms.FORMS`.
        name: of the run directory below `runs`; by default the task's name and the first free number.
        trials, evaluations: limits, whole numbers of at least 1. Without any limit the task's own hold.
        seconds: a limit on the time in which trials are begun, above 0.
        dollars, calls, tokens: limits on what models may be asked for. They are never passed.
        seed: of all random numbers, at least 0; the task's when it is None, else 0.
        workers: evaluations at a time; by default one for each processor, or fewer where the task says so.
        sandbox: "auto", the name of a sandbox, or one of yours.
        allow_unsafe: let programs from a proposer that is not ours run in a sandbox that does not isolate.
        proposer: "mix", "mutation", "crossover" or "tuner", or yours as "module:attribute"; "auto" asks models when
            there are some, and is "mix" when there are none.
        scaffold: the folder of a scaffold, or a run of scaffolds, whose adopted one proposes.
        archive: "lanes", "top" and others, see docs/search.md, or yours as "module:attribute"; settings follow after
            commas, "top,epsilon=0". "auto" is "lanes" where models are asked, else "top".
        tuning: "on", "off", or "screen=24,each=24,most=300", the evaluations that a structure's numeric literals may
            have; "auto" is on where models are asked and an evaluation takes no more than 2 seconds.
        baseline: "best-of-n=0.1": an archive, and the share of the trials that it has to show what the search is worth.
        stop_when_stalled: end the search when the archive says that nothing helps any more, as "lanes", "stall" and
            others with the attribute `stalled` do.
        strict: a fresh session for each candidate.
        models: models to ask, NAME or NAME=WEIGHT each. The key is in the environment, never in the run.
        model_file: a file that says how each model is asked; without `models`, all of it.
        base_url: of a service that speaks OpenAI's protocol, other than OpenAI's own.
        api_key_env: the environment variable that holds the key; by default OPENAI_API_KEY.
        prices: dollars per million tokens, IN/OUT or IN/CACHED/OUT for all models, or NAME=IN/OUT for one of them.
        calls_in_flight: proposals that may wait for models at a time.
        ensemble: "weights", or "bandit" to draw models and kinds of change by what each has gained for its cost.

    What a person did in the run's directory meanwhile, and what became of it, is a warning. Raises the errors of
    `evolve.errors`: `TaskError` for an option that is wrong, before anything begins. After each of them, and after an
    interrupt, a run that had begun can be resumed.
    """
    options = Options(
        seed=seed,
        workers=workers,
        sandbox=sandbox,
        allow_unsafe=allow_unsafe,
        proposer=proposer,
        scaffold=scaffold,
        archive=archive,
        tuning=tuning,
        baseline=baseline,
        stop_when_stalled=stop_when_stalled,
        strict=strict,
        models=models,
        model_file=model_file,
        base_url=base_url,
        api_key_env=api_key_env,
        prices=prices,
        calls_in_flight=calls_in_flight,
        ensemble=ensemble,
    )
    found = forms.load(task, form)
    path = Path(runs) / (free_name(Path(runs), found.name) if name is None else check_name(name))
    limits = _given(
        trials=trials, evaluations=evaluations, seconds=seconds, dollars=dollars, calls=calls, tokens=tokens
    )
    with Search.start(found, path, limits=limits, options=options, on_notice=_warn) as search:
        search.run()
    return History(path)


def resume(  # noqa: PLR0913 - every option of a session, by name
    run: str | os.PathLike[str],
    *,
    trials: int | None = None,
    evaluations: int | None = None,
    seconds: float | None = None,
    dollars: float | None = None,
    calls: int | None = None,
    tokens: int | None = None,
    sandbox: str | Sandbox | None = None,
    task: str | None = None,
    base_url: str | None = None,
    api_key_env: str | None = None,
) -> History:
    """Continue a run that was stopped or killed, or that gets more budget, and come back when that is used up.

    Args:
        run: its directory, or its name below ./runs.
        trials, evaluations, seconds, dollars, calls, tokens: new totals, earlier sessions included; limits that are not
            given stay as they were. When one was reached before, nothing is tried.
        sandbox: another one than the run began with.
        task: where the task's folder is, when it has moved.
        base_url, api_key_env: where models are asked from now on, and which environment variable holds the key.

    Raises the errors of `evolve.errors`, as `run` does.
    """
    path = find_run(run)
    limits = _given(
        trials=trials, evaluations=evaluations, seconds=seconds, dollars=dollars, calls=calls, tokens=tokens
    )
    with Search.resume(
        path,
        limits=limits,
        sandbox=sandbox,
        task=task,
        base_url=base_url,
        api_key_env=api_key_env,
        on_notice=_warn,
    ) as search:
        search.run()
    return History(path)


def _given(**limits: float | None) -> dict[str, float]:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def load(run: str | os.PathLike[str]) -> History:
    """Read a run, or a clone of one, in which nothing is written: its directory, or its name below ./runs.

    Raises `RunNotFound`, and as `History` does.
    """
    return History(find_run(run))


def free_name(runs: Path, task: str) -> str:
    """The first of task-1, task-2, ... that is not taken in the folder `runs`."""
    number = 1
    while (runs / f"{task}-{number}").exists():
        number += 1
    return f"{task}-{number}"
