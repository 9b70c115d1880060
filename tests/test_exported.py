"""`__all__` is the truth about what a module offers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import evolve

MODULES = ["evolve", *(module.name for module in pkgutil.walk_packages(evolve.__path__, "evolve."))]


def defined_here(module: ModuleType) -> set[str]:
    """Public classes and functions whose home is this module."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value))
        and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_all_lists_exactly_what_is_public(name: str) -> None:
    """Every public class and function is in `__all__`, every name there exists, and they are sorted."""
    module = importlib.import_module(name)
    exported = list(getattr(module, "__all__", []))
    assert exported == sorted(set(exported))
    assert [missing for missing in exported if not hasattr(module, missing)] == []
    assert defined_here(module) - set(exported) == set()


def test_the_modules_were_found() -> None:
    """The walk reaches into subpackages, so the test above speaks of the whole package."""
    assert {"evolve", "evolve.types", "evolve.errors", "evolve.cli", "evolve.sandboxes"} <= set(MODULES)
