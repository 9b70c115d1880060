"""What a person asks of a search, checked here for the command line and the Python API alike."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias

from evolve.errors import RunNotFound, TaskError
from evolve.types import Sandbox

__all__ = ["RUNS", "Options", "Setting", "check_limits", "check_name", "find_run", "named", "parse_settings"]

Setting: TypeAlias = bool | int | float | str

RUNS = Path("runs")
"""Where runs land, and are looked for by name."""

_COUNTS = ("trials", "evaluations", "calls", "tokens")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to search.

    Args:
        seed: of all random numbers, at least 0; the task's when it is None, else 0.
        workers: evaluations at a time; by default one for each processor, or fewer where the task says so.
        sandbox: "auto", the name of a sandbox, or one of yours.
        allow_unsafe: let programs from a proposer that is not ours run in a sandbox that does not isolate.
        proposer: a name in `PROPOSERS` or `ASKING` of `evolve.proposing`, or "module:attribute"; "auto" is "llm" when
            there are models to ask, else "mix".
        scaffold: the folder of a scaffold, or a run of scaffolds: it proposes.
        archive: a name in `ARCHIVES` of `evolve.policies`, or "module:attribute"; with settings, "NAME,key=value,...";
            "auto" is "lanes" where models are asked, else "top".
        tuning: whether numeric literals are tuned beside the search for structures: "on", "off", or the evaluations
            that it may have as "screen=N,each=N,most=N", see `evolve.archives.tuned`; "auto" is on where models are
            asked and an evaluation takes no more than 2 seconds.
        baseline: "NAME=SHARE": an archive, such as "best-of-n", that a share of the trials is for, so that the end
            can tell whether the search is better; "" for none.
        stop_when_stalled: end the search when the archive says that nothing helps any more, as "lanes", "stall" and
            others with the attribute `stalled` do.
        strict: a fresh session for each candidate; so too when the task says so, or asks for GPUs.
        models: what a proposer may ask: NAME or NAME=WEIGHT each; without any, all of `model_file`.
        model_file: a file that says how each model is asked.
        base_url, api_key_env: where all of them are asked, and which environment variable holds the key.
        prices: dollars per million tokens as IN/OUT or IN/CACHED/OUT, or NAME=IN/OUT for one of the models.
        calls_in_flight: proposals that may wait for models at a time.
        ensemble: how models and operators are drawn: by "weights", or by a "bandit" that learns what each of them pays.

    Raises `TaskError`, naming the option, for a value that it cannot have.
    """

    seed: int | None = None
    workers: int | None = None
    sandbox: str | Sandbox = "auto"
    allow_unsafe: bool = False
    proposer: str = "auto"
    scaffold: str | os.PathLike[str] | None = None
    archive: str = "auto"
    tuning: str = "auto"
    baseline: str = ""
    stop_when_stalled: bool = False
    strict: bool = False
    models: Sequence[str] = ()
    model_file: str | os.PathLike[str] | None = None
    base_url: str | None = None
    api_key_env: str | None = None
    prices: Sequence[str] = ()
    calls_in_flight: int = 8
    ensemble: str = "weights"

    def __post_init__(self) -> None:
        for name, least in (("seed", 0), ("workers", 1), ("calls_in_flight", 1)):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _whole(name, value, least=least))
        for name in ("allow_unsafe", "stop_when_stalled", "strict"):
            if not isinstance(value := getattr(self, name), bool):
                raise TaskError(f"{name} is True or False, not {value!r}")
        for name in ("proposer", "archive", "tuning", "baseline"):
            if not isinstance(value := getattr(self, name), str):
                raise TaskError(f'{name} is a name, or "module:attribute", not {value!r}')
        _check_scaffold(self)
        _check_models(self)
        if self.ensemble not in {"weights", "bandit"}:
            raise TaskError(f'ensemble is "weights" or "bandit", not {self.ensemble!r}')
        if not isinstance(self.sandbox, str) and not callable(getattr(self.sandbox, "open", None)):
            raise TaskError(f"sandbox is a name, or a sandbox with a method open, not {self.sandbox!r}")


def _check_scaffold(options: Options) -> None:
    if options.scaffold is None:
        if options.proposer == "scaffold":
            raise TaskError('the proposer "scaffold" needs one: give its folder, or a run of scaffolds, as scaffold')
        return
    if not isinstance(options.scaffold, str | os.PathLike):
        raise TaskError(f"scaffold is the path of a folder, or a run, not {options.scaffold!r}")
    if options.proposer not in {"auto", "scaffold"}:
        raise TaskError(f"a scaffold proposes, or {options.proposer!r} does: leave out one of them")


def _check_models(options: Options) -> None:
    for name in ("models", "prices"):
        value = getattr(options, name)
        if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
            raise TaskError(f"{name} is a list of texts, not {value!r}")
    for name in ("base_url", "api_key_env"):
        if not isinstance(value := getattr(options, name), str | None):
            raise TaskError(f"{name} is a text, not {value!r}")
    if options.model_file is not None and not isinstance(options.model_file, str | os.PathLike):
        raise TaskError(f"model_file is the path of a file, not {options.model_file!r}")


def check_limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """The limits as plain numbers: `trials`, `evaluations`, `calls` and `tokens` whole and at least 1, `seconds` and
    `dollars` above 0 and finite. Dollars become whole `nanodollars`, rounded down.

    Raises `TaskError`, naming the limit.
    """
    limits: dict[str, Any] = {}
    for name, value in given.items():
        if name in _COUNTS:
            limits[name] = _whole(name, value, least=1)
        elif name not in {"seconds", "dollars"}:
            raise TaskError(f"there is no limit {name!r}; there are {', '.join(_COUNTS)}, dollars and seconds")
        elif isinstance(value, bool) or not isinstance(value, Real) or not 0.0 < float(value) < math.inf:
            raise TaskError(f"{name} is a number above 0, and not infinite: it cannot be {value!r}")
        elif name == "seconds":
            limits[name] = float(value)
        else:
            # as it is written: 0.1 is a tenth, not what a binary fraction makes of it
            limits["nanodollars"] = int(Decimal(str(value)) * 10**9)
    return limits


def check_name(name: str) -> str:
    """The name of a run, which is that of a folder. Raises `TaskError`."""
    if not isinstance(name, str) or not name.isprintable() or name in {"", ".."} or Path(name).name != name.strip():
        raise TaskError(f"{name!r} is no name for the folder of a run: the place where it goes is another option, runs")
    return name


def find_run(run: str | os.PathLike[str]) -> Path:
    """Where a run is: at that path, or below ./runs when it is a name. Raises `RunNotFound`."""
    value = os.fspath(run)
    if Path(value).is_dir():
        return Path(value)
    if "/" not in value and (RUNS / value).is_dir():
        return RUNS / value
    raise RunNotFound(f"there is no run {value!r}, neither here nor in ./{RUNS}; `evolve list` shows those there are")


def named(what: str, text: str) -> tuple[str, dict[str, Setting]]:
    """The name and the settings in "NAME,key=value,...". Raises `TaskError`."""
    name, _, rest = text.partition(",")
    return name.strip(), parse_settings(what, rest) if rest.strip() else {}


def parse_settings(what: str, text: str) -> dict[str, Setting]:
    """What "key=value,key=value" says: true and false, numbers, and texts. Raises `TaskError`."""
    settings: dict[str, Setting] = {}
    for item in text.split(","):
        key, equals, value = (part.strip() for part in item.partition("="))
        if not equals or not key.isidentifier() or not value:
            raise TaskError(f"{what}: {item.strip()!r} is no setting; settings are key=value, with commas between them")
        if key in settings:
            raise TaskError(f"{what}: {key} is set twice in {text!r}")
        settings[key] = _setting(value)
    return settings


def _setting(value: str) -> Setting:
    if value in {"true", "false"}:
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _whole(name: str, value: object, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise TaskError(f"{name} is a whole number, at least {least}: it cannot be {value!r}")
    return int(value)
