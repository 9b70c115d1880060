"""`evolve sandbox list`: the sandboxes there are, and the images that were built."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from evolve.cli.options import as_json
from evolve.cli.printing import print_json, print_table
from evolve.errors import SandboxUnavailable
from evolve.words import quantity

if TYPE_CHECKING:
    from evolve.sandboxes.inventory import Image

__all__ = ["command"]


@click.command(name="list")
@as_json
def command(as_json: bool) -> None:
    """List the sandboxes that come along, and the images that were built for the docker sandbox.

    An image is stale when nobody will use it again; `evolve sandbox prune` removes those.
    """
    from evolve.sandboxes.choose import probe

    sandboxes = probe()
    images, problem = _images()
    if as_json:
        print_json({"sandboxes": [asdict(found) for found in sandboxes], "images": [asdict(found) for found in images]})
        return
    print_table(["sandbox", "works", "why"], [[s.name, "yes" if s.works else "no", s.reason] for s in sandboxes])
    click.echo()
    if problem:
        click.echo(f"Images are not known: {problem}")
    elif not images:
        click.echo("There are no images. Build the default one: evolve sandbox build")
    else:
        now = time.time()
        print_table(
            ["image", "size", "age", "task", "state"],
            [
                [
                    image.name if len(image.name) < 60 else image.name[:19],
                    f"{image.size / 2**20:.0f} MiB",
                    _age(now - image.created),
                    image.task or "any",
                    f"stale: {image.stale}" if image.stale else "current",
                ]
                for image in images
            ],
        )


def _images() -> tuple[list[Image], str]:
    """The images, or why they are not known."""
    from evolve.cli.sandbox.images import wanted_by
    from evolve.sandboxes.engines import connect, reachable
    from evolve.sandboxes.inventory import images

    try:
        with reachable("the Docker engine does not work"), contextlib.closing(connect(10)) as client:
            return images(client, wanted_by(client)), ""
    except SandboxUnavailable as error:
        return [], str(error)


def _age(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return quantity(f"{max(seconds, 0):.0f}", "second")
