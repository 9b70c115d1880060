"""`evolve sandbox`: what candidates run in. One file per verb."""

from __future__ import annotations

import click

from evolve.cli.verbs import Verbs

__all__ = ["command"]

VERBS = {
    "build": "Build the image that a task needs.",
    "list": "List the sandboxes, and the images that were built.",
    "prune": "Remove stale images, and what dead runs left.",
    "check": "Try every promise of a sandbox.",
}


@click.group(name="sandbox", cls=Verbs, package="evolve.cli.sandbox", verbs=VERBS)
def command() -> None:
    """Build, list, prune and check what candidates run in."""
