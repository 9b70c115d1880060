"""The repositories as they should be, and the hidden tests that tell whether one is.

A test is a call of a function of the repository with plain data, and what the whole repository answers. Calls are drawn
from a seed (`cases.py`), so that there are always others.
"""

from __future__ import annotations

import copy
import importlib.util
import itertools
import random
import sys
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from cases import DRAWN

HERE = Path(__file__).resolve().parent
REPOSITORIES = HERE / "repositories"
TESTS = {"search": 24, "held_out": 48}
_loaded = itertools.count()


class Test(NamedTuple):
    """`expected` is what `function(*arguments)` returns."""

    function: str
    arguments: list[Any]
    expected: Any


def files(name: str) -> dict[str, str]:
    """The text of a whole repository by path, with its name as the folder."""
    folder = REPOSITORIES / name
    return {f"{name}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}


def package(folder: Path, name: str) -> ModuleType:
    """The package in `folder / name`, imported under a name of its own. Raises whatever importing it raises."""
    known_as = f"_repository_{next(_loaded)}_{name}"
    place = folder / name
    spec = importlib.util.spec_from_file_location(
        known_as, place / "__init__.py", submodule_search_locations=[str(place)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[known_as] = module
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=256)
def tests(name: str, split: str, seed: int) -> list[Test]:
    """The hidden tests of a repository, all different, the same on every machine."""
    module = _whole(name)
    # Python promises the sequence of `random()` for a seed, and no more: everything is made from it
    draw = random.Random(f"repository_bugs/{split}/{seed}/{name}").random  # noqa: S311 - data, not a secret
    found: dict[str, Test] = {}
    while len(found) < TESTS[split]:
        function, arguments = DRAWN[name](draw)
        expected = getattr(module, function)(*copy.deepcopy(arguments))
        found[f"{function}{arguments}"] = Test(function, arguments, expected)
    return list(found.values())


@cache
def _whole(name: str) -> ModuleType:
    return package(REPOSITORIES, name)


def alike(one: Any, other: Any) -> bool:
    """Whether two values of plain data are equal and of the same types: 1, 1.0 and True are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(value, other[key]) for key, value in one.items())
    return bool(one == other)
