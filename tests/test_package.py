"""`import evolve` gives the Python API."""

from __future__ import annotations

import importlib

import evolve
from evolve import api


def test_run_is_the_function_whatever_was_imported() -> None:
    """The module `evolve.run`, once imported, does not take the place of the function."""
    importlib.import_module("evolve.run")
    assert evolve.run is api.run
    assert evolve.load is api.load
    assert evolve.resume is api.resume
    assert callable(evolve.run)


def test_a_notebook_can_complete_the_names() -> None:
    """Though they are imported when they are used."""
    assert {"run", "resume", "load"} <= set(dir(evolve))
