"""`evolve sandbox prune`: remove what nobody needs any more."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from evolve.errors import SandboxUnavailable

__all__ = ["command"]


@click.command(name="prune")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
def command(dry_run: bool) -> None:
    """Remove stale images, and the containers, control groups and temporary folders that dead runs left.

    What a living run uses stays, and so do base images.
    """
    done = False
    for what, problem in (*_in_docker(dry_run), *_on_this_machine(dry_run)):
        done = True
        if problem:
            click.echo(f"could not remove {what}: {problem}", err=True)
        else:
            click.echo(f"{'would remove' if dry_run else 'removed'} {what}")
    if not done:
        click.echo("There is nothing to remove.")


def _in_docker(dry_run: bool) -> Iterator[tuple[str, str]]:
    """What was, or would be, removed, and why it could not be."""
    from evolve.cli.sandbox.images import wanted_by
    from evolve.sandboxes.containers import left_containers, remove
    from evolve.sandboxes.engines import connect, reachable
    from evolve.sandboxes.inventory import images, remove_image

    try:
        with reachable("the Docker engine does not work"), contextlib.closing(connect(60)) as client:
            for container in left_containers(client):
                gone = dry_run or remove(client, container)
                yield f"container {container[:12]} of a dead run", "" if gone else "the engine refused"
            for image in images(client, wanted_by(client)):
                if image.stale:
                    problem = "" if dry_run else remove_image(client, image)
                    yield f"image {image.name} ({image.stale})", problem
    except SandboxUnavailable as error:
        click.echo(f"Images and containers were not looked at: {error}", err=True)


def _on_this_machine(dry_run: bool) -> Iterator[tuple[str, str]]:
    from evolve.sandboxes.cgroups import left_groups
    from evolve.sandboxes.harness import sweep

    for group in left_groups():
        problem = ""
        if not dry_run:
            try:
                group.rmdir()
            except OSError as error:
                problem = error.strerror or str(error)
        yield f"control group {group}", problem
    for folder in sweep(dry_run=dry_run):
        yield f"temporary folder {folder}", ""
