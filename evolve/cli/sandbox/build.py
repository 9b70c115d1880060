"""`evolve sandbox build [TASK]`: the image that a task needs."""

from __future__ import annotations

import contextlib

import click

__all__ = ["command"]


@click.command(name="build")
@click.argument("task", required=False)
def command(task: str | None) -> None:
    """Build the image of the docker sandbox that TASK needs; the default one when no task is given.

    What is there already is left alone. A run builds by itself what it needs with --sandbox docker, or when its task
    asks for it in [sandbox]; this does it ahead.
    """
    from evolve.sandboxes.engines import connect, reachable
    from evolve.sandboxes.images import ensure_image, find_image, require_image
    from evolve.sandboxes.recipe import Surroundings
    from evolve.task import Task

    wanted = Task.load(task).surroundings if task is not None else Surroundings()
    with reachable("the Docker engine does not work"), contextlib.closing(connect(60)) as client:
        there = wanted.image or find_image(client, wanted.recipe)
        if there is None:
            click.echo("Building; this may take minutes where packages have to be fetched.", err=True)
        name = there or ensure_image(client, wanted.recipe)
        require_image(client, name)
    click.echo(f"{name} {'was there' if there else 'is built'}")
