"""Evolutionary code search whose lineage is git.

import evolve

history = evolve.run("bin_packing", trials=200)
print(history.best.evaluation.score, history.trials)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolve.api import load, resume, run

__all__ = ["__version__", "load", "resume", "run"]

__version__ = "0.1.0"


class _Package(ModuleType):
    """Imports the API when it is used, so that `evolve --help` need not wait for it.

    `evolve.run` is the function, even when the module of that name, which only the package itself uses, was imported:
    the import system would put the module in its place.
    """

    def __dir__(self) -> list[str]:
        """What a notebook offers to complete `evolve.` with."""
        return sorted({*super().__dir__(), *__all__})

    @property
    def load(self) -> Callable[..., Any]:
        from evolve import api  # noqa: PLC0415 - see above

        return api.load

    @property
    def resume(self) -> Callable[..., Any]:
        from evolve import api  # noqa: PLC0415 - see above

        return api.resume

    @property
    def run(self) -> Callable[..., Any]:
        from evolve import api  # noqa: PLC0415 - see above

        return api.run

    @run.setter
    def run(self, module: ModuleType) -> None:
        """The import system offers the module here."""


sys.modules[__name__].__class__ = _Package
