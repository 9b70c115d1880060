"""`evolve bench`: policies of searches, compared. One file per verb."""

from __future__ import annotations

import click

from evolve.cli.verbs import Verbs

__all__ = ["command"]

VERBS = {
    "run": "Make the runs of a comparison.",
    "report": "Say who is ahead, as a table and a figure.",
}


@click.group(name="bench", cls=Verbs, package="evolve.cli.bench", verbs=VERBS)
def command() -> None:
    """Compare policies of searches: on the same tasks, with the same seeds and the same model."""
