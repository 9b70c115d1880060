"""Archives by name, with their settings: what decides which program is changed next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from inspect import signature
from typing import Any

from evolve.archives.contest import Contest
from evolve.archives.from_seed import FromSeed
from evolve.archives.grid import Grid
from evolve.archives.islands import Islands
from evolve.archives.lanes import Lanes
from evolve.archives.pareto import Pareto
from evolve.archives.puct import Puct
from evolve.archives.stall import Stall
from evolve.archives.top import Top, greedy
from evolve.archives.weighted import Weighted
from evolve.errors import TaskError
from evolve.options import named, parse_settings
from evolve.plugins import make
from evolve.types import Archive

__all__ = [
    "ARCHIVES",
    "SLOW",
    "make_archive",
    "require_stalling",
    "settings_of",
    "tuning_settings",
    "with_baseline",
]

ARCHIVES: dict[str, Callable[..., Archive]] = {
    "top": Top,
    "greedy": greedy,
    "puct": Puct,
    "weighted": Weighted,
    "grid": Grid,
    "pareto": Pareto,
    "islands": Islands,
    "lanes": Lanes,
    "stall": Stall,
    "best-of-n": FromSeed,
}
"""Archives by name; their settings are keyword arguments. A plugin is named "module:attribute"."""

_OF_ARCHIVES = frozenset({"islands", "lanes", "stall"})
"""Archives that are made of others: their setting `inner` is the name of one."""

SLOW = 2.0
"""Seconds of an evaluation above which literals are not tuned unless somebody asks for it."""

_TUNING = ("screen", "each", "most")


def make_archive(text: str, limits: Mapping[str, Any] | None = None) -> Archive:
    """The archive that "NAME" or "NAME,key=value,..." stands for; `limits` are those of the run, which lanes divide up.

    Raises `TaskError`.
    """
    name, settings = named("archive", text)
    given: dict[str, Any] = dict(settings)
    if name == "lanes" and "budget" not in given:
        given |= _budget(limits or {})
    if name in _OF_ARCHIVES and (inner := given.pop("inner", None)) is not None:
        make_archive(str(inner))  # what is wrong with it is said of it
        given["make"] = partial(make_archive, str(inner))
    if name in ARCHIVES and (unknown := sorted(settings.keys() - set(settings_of(name)))):
        has = ", ".join(settings_of(name))
        raise TaskError(f"the archive {name!r} has no setting {unknown[0]!r}; it has {has or 'none'}")
    try:
        return make("archive", name, ARCHIVES, ("tell", "sample"), **given)
    except (TypeError, ValueError) as error:
        raise TaskError(f"the archive {text!r} cannot be made: {error}") from error


def require_stalling(text: str, limits: Mapping[str, Any] | None = None) -> None:
    """Raise `TaskError` for an archive that never says that nothing helps: it has no attribute `stalled`."""
    if hasattr(make_archive(text, limits), "stalled"):
        return
    name, _ = named("archive", text)
    able = " and ".join(sorted(other for other, made in ARCHIVES.items() if hasattr(made, "stalled")))
    raise TaskError(
        f"stop_when_stalled would never end this search: the archive {name!r} does not tell when nothing helps any "
        f"more, as {able} do; leave it out, or watch that archive with --archive stall,inner={name}"
    )


def with_baseline(search: Archive, text: str) -> Archive:
    """The archive beside the baseline that "NAME=SHARE" stands for. Raises `TaskError`."""
    name, _, share = text.rpartition("=")
    try:
        value = float(share)
    except ValueError:
        value = 0.0
    if not name or not 0.0 < value < 1.0:
        raise TaskError(
            f"baseline is NAME=SHARE, an archive and the share of the trials that it may have, above 0 and below 1, "
            f"such as best-of-n=0.1: it cannot be {text!r}"
        )
    return Contest(search, make_archive(name), value)


def _budget(limits: Mapping[str, Any]) -> dict[str, Any]:
    """What lanes count, and how much of it there is, where that is known."""
    for unit in ("calls", "trials"):
        if unit in limits:
            return {"budget": limits[unit], "unit": unit}
    return {}


def settings_of(name: str) -> tuple[str, ...]:
    """What can be set of an archive of ours."""
    own = [setting for setting in signature(ARCHIVES[name]).parameters if setting != "make"]
    return (*own, "inner") if name in _OF_ARCHIVES else tuple(own)


def tuning_settings(text: str) -> dict[str, Any]:
    """The settings of `Tuned` that "auto", "on" or "screen=N,each=N,most=N" stands for. Raises `TaskError`."""
    if text in {"auto", "on"}:
        return {"slowest": SLOW} if text == "auto" else {}
    settings: dict[str, int] = {}
    for key, value in parse_settings("tuning", text).items() if "=" in text else [(text, None)]:
        if key not in _TUNING or not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise TaskError(f"tuning is auto, on, off, or {', '.join(f'{name}=N' for name in _TUNING)}, not {text!r}")
        settings[key] = value
    return settings
