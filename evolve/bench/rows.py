"""The raw data of a comparison: one table in which any searcher writes down how its runs went.

A row is a moment of a run: the seed program scored, and after that each trial, or each answer of a model, in order.
What a run has used by then is in totals, so that rows can be left out where nothing happened. Files are Parquet, of one
run or of many, and any number of them are read together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from evolve.errors import RunDamaged, RunNotFound, StorageError

__all__ = ["COLUMNS", "KEYS", "TOTALS", "files_of", "put", "read", "tables", "write"]

KEYS = ("policy", "task", "seed")
"""What a run goes by."""

TOTALS = ("calls", "tokens", "evaluations", "cpu_seconds", "seconds")
"""What a run has used up to a row."""

COLUMNS = {
    "policy": "string",  # how this way to search is called
    "task": "string",
    "seed": "int64",  # of the run's random choices, and of the simulated model's; runs of equal seed are paired
    "searcher": "string",  # program and version, such as "evolve 0.1.0"
    "model": "string",  # who was asked: name, settings, and a hash of its code where it is simulated
    "direction": "string",  # of the score: "maximize" or "minimize"
    "budget": "Int64",  # calls of models that the run was allowed; NA when calls were not limited
    "outcome": "string",  # "finished", or "failed" when something broke and the run is not what it should be
    "message": "string",  # why it failed, else ""
    "calls": "int64",  # total of calls of models so far; 0 in the first row
    "tokens": "int64",  # total of tokens that models read and wrote so far
    "evaluations": "int64",  # total of evaluations so far; 1 in the first row
    "cpu_seconds": "float64",  # total of processor time of everything but the model so far
    "seconds": "float64",  # time since the run began
    "score": "float64",  # of the program that was scored here; NaN when it has none
    "best": "float64",  # the score of the best program so far; NaN before there is one
}
"""Names and types, in order. Further columns may follow; nobody reads them."""

_FIXED = ("searcher", "model", "direction", "budget", "outcome", "message")


def write(path: Path, rows: pd.DataFrame) -> None:
    """Check rows and write them, all or nothing, with the types of `COLUMNS`.

    Raises `RunDamaged` for rows that `read` would refuse, `StorageError` when the disk does.
    """
    put(path, _checked(rows, str(path)))


def put(path: Path, table: pd.DataFrame) -> None:
    """Write any table as Parquet, all or nothing. Raises `StorageError`."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(part, index=False)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StorageError(f"cannot write {path}: {error.strerror}; make room, then begin again") from error


def files_of(places: Sequence[Path]) -> list[Path]:
    """The Parquet files among `places`, and below those that are folders. Raises `RunNotFound`."""
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.parquet")))]
    if not files:
        raise RunNotFound(
            f"there is no Parquet file in {', '.join(map(str, places)) or 'nothing'}: name files that `evolve bench "
            f"run` or a runner of another searcher has written, or folders of them"
        )
    return list(dict.fromkeys(files))


def read(places: Sequence[Path]) -> pd.DataFrame:
    """The rows of files and folders together, run by run. Raises as `tables` does."""
    return pd.concat(tables(places), ignore_index=True)


def tables(places: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """The rows of each file, one file at a time.

    Raises `RunNotFound` when there are none, `RunDamaged`, naming file and column, for a table that is not as `COLUMNS`
    says or a run that is there twice, `StorageError` when a file cannot be read.
    """
    owner: dict[tuple[object, ...], Path] = {}
    for file in files_of(places):
        try:
            table = pd.read_parquet(file)
        except OSError as error:
            raise StorageError(f"cannot read {file}: {error}") from error
        except ValueError as error:
            raise RunDamaged(f"{file} is no Parquet file: {error}") from error
        table = _checked(table, str(file))
        for key in table[list(KEYS)].drop_duplicates().itertuples(index=False, name=None):
            if key in owner:
                raise RunDamaged(f"{_name(key)} is in {owner[key]} and in {file}: leave one out")
            owner[key] = file
        yield table


def _checked(rows: pd.DataFrame, where: str) -> pd.DataFrame:
    if missing := [name for name in COLUMNS if name not in rows]:
        raise RunDamaged(f"{where} lacks the columns {', '.join(missing)}; docs/bench.md says what each of them holds")
    if rows.empty:
        raise RunDamaged(f"{where} holds no rows")
    try:
        whole = rows[[*COLUMNS, *(name for name in rows if name not in COLUMNS)]].astype(COLUMNS)
    except (ValueError, TypeError) as error:
        raise RunDamaged(f"{where} has a column that is of another type: {error}") from error
    for problem in _problems(whole):
        raise RunDamaged(f"{where}: {problem}")
    return whole.reset_index(drop=True)


def _problems(rows: pd.DataFrame) -> Iterator[str]:
    for name, kind in COLUMNS.items():
        if kind != "float64" and name != "budget" and rows[name].isna().any():
            yield f"{name} is missing in some rows"
    for name, allowed in (("direction", {"maximize", "minimize"}), ("outcome", {"finished", "failed"})):
        if wrong := set(rows[name]) - allowed:
            yield f"{name} is {' or '.join(sorted(allowed))}, not {', '.join(sorted(map(repr, wrong)))}"
    if np.isinf(rows[["score", "best", *TOTALS]].to_numpy(dtype=float)).any():
        yield "an infinite number; a program without a score has NaN"
    for key, run in rows.groupby(list(KEYS), sort=False):
        yield from (f"{_name(key)} {problem}" for problem in _problems_of_run(run))


def _problems_of_run(run: pd.DataFrame) -> Iterator[str]:
    for column in _FIXED:
        if run[column].nunique(dropna=False) > 1:
            yield f"has more than one {column}"
    for column in TOTALS:
        values = run[column].to_numpy(dtype=float)
        if not (values >= 0).all() or (np.diff(values) < 0).any():
            yield f"breaks the rule of {column}, a total: it is at least 0 and never falls"


def _name(key: Sequence[object]) -> str:
    return f"the run of {key[0]} on {key[1]} with seed {key[2]}"
