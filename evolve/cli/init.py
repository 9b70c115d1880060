"""`evolve init FOLDER`: a task folder that works at once, to be changed into one's own."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import click

from evolve.cli.templates import TEMPLATES, TOOLS, files
from evolve.errors import StorageError, TaskError

__all__ = ["command"]

_FOREIGN = ("openevolve", "shinka")


@click.command(name="init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--form",
    type=click.Choice(TEMPLATES),
    default="native",
    show_default=True,
    help="What kind of task. stages and instances: more than evaluate(program). command: any script scores. "
    "openevolve, shinka: as those tools have it. package, cpp, rust, javascript, prompt: more than one Python file.",
)
def command(folder: Path, form: str) -> None:
    """Make a new task in FOLDER: settings, an evaluator and a seed program.

    It works at once: `evolve run FOLDER`. Then change it into your own. What FOLDER already holds stays as it is.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder.resolve().name).lstrip("-.").strip("_") or "task"
    made = files(form, name)
    if folder.exists() and not folder.is_dir():
        raise TaskError(f"{folder} is no folder; give the name of a new one")
    taken = [part for part in dict.fromkeys(path.split("/")[0] for path in made) if os.path.lexists(folder / part)]
    if taken:
        raise TaskError(f"{folder} already has {' and '.join(taken)}, and nothing is written over; give a new folder")
    try:
        for path, content in made.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"cannot write {error.filename}: {error.strerror}") from error
    for path in made:
        click.echo(folder / path)
    if tool := TOOLS.get(form):
        click.echo(
            f"\nIt needs {tool} where programs run: installed below /usr, for --sandbox bubblewrap, or in an image\n"
            f"that [sandbox] of task.toml names. The image that the docker sandbox takes else has Python alone."
        )
    shown = str(Path(".", folder))
    where = shlex.quote(shown if "/" in shown else f"./{shown}")
    where += f" --from {form}" if form in _FOREIGN else ""
    click.echo(
        f"\nScore the seed:  evolve eval {where}\nLook it over:    evolve check {where}\n"
        f"Search:          evolve run {where}"
    )
