"""Evolutionary code search whose lineage is git.

    import evolve

    history = evolve.run("bin_packing", trials=200)
    print(history.best.evaluation.score, history.trials)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evolve.api import load, run

__all__ = ["__version__", "load", "run"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # late, so that `evolve --help` need not wait for what it does not use
    if name in {"load", "run"}:
        from evolve import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
