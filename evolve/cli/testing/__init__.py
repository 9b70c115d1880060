"""`evolve testing`: what helps to try searches, and those who write parts of them. One file per verb."""

from __future__ import annotations

import click

from evolve.cli.verbs import Verbs

__all__ = ["command"]

VERBS = {
    "serve-model": "Serve a simulated model over OpenAI's protocol.",
}


@click.group(name="testing", cls=Verbs, package="evolve.cli.testing", verbs=VERBS)
def command() -> None:
    """Try searches without cost."""
