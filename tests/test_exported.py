"""`__all__` is the truth about what a module offers to others."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import evolve

PACKAGE = Path(evolve.__file__).parent
MODULES = [module.name for module in pkgutil.walk_packages(evolve.__path__, "evolve.")]


def imports() -> Iterator[tuple[str, str, str]]:
    """Each (file, module, name) of `from evolve.module import name` in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "evolve":
                for alias in node.names:
                    yield str(path.relative_to(PACKAGE)), str(node.module), alias.name


@pytest.mark.parametrize("name", ["evolve", *(name for name in MODULES if not name.endswith("__main__"))])
def test_everything_in_all_exists(name: str) -> None:
    """No name is listed that is not there, and none twice."""
    module = importlib.import_module(name)
    exported = list(getattr(module, "__all__", []))
    assert len(exported) == len(set(exported))
    assert [missing for missing in exported if not hasattr(module, missing)] == []


def test_everything_that_others_import_is_in_all() -> None:
    """Modules take from each other only what `__all__` offers, and modules; one named `_x` is open to its folder."""
    found = list(imports())
    assert len(found) > 100
    assert [
        (file, module, name)
        for file, module, name in found
        if f"{module}.{name}" not in MODULES
        and not module.rpartition(".")[2].startswith("_")
        and name not in getattr(importlib.import_module(module), "__all__", [])
    ] == []


def test_the_modules_were_found() -> None:
    """The walk reaches into subpackages, so the tests above speak of the whole package."""
    assert {"evolve.types", "evolve.errors", "evolve.cli.run", "evolve.sandboxes.session"} <= set(MODULES)
