"""`evolve best RUN`: the best program."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from evolve.cli.options import as_json, read_run, run_argument
from evolve.cli.printing import brief, describe, figure, outcome, print_fields, print_json, without_controls
from evolve.errors import StorageError
from evolve.types import Program

__all__ = ["command"]


@click.command(name="best")
@run_argument
@click.option("--files", is_flag=True, help="Print the program's files.")
@click.option("--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Write the program there.")
@as_json
def command(path: Path, files: bool, output: Path | None, as_json: bool) -> None:
    """Show the best program of a run, or write it to a folder.

    With --files a single file is printed as it is, so that `evolve best RUN --files > program.py` copies it.
    """
    history = read_run(path)
    best = history.best
    if output is not None:
        _write(best.program, output)
    if as_json:
        contents = {name: content.decode(errors="replace") for name, content in best.program.files.items()}
        print_json({**describe(best, history), "files": contents})
    elif files:
        _print(best.program)
    else:
        held_out = history.held_out.get(best.number)
        print_fields(
            {
                "best": f"trial {best.number} of {history.path}",
                "score": outcome(best),
                "held out": figure(held_out.score) if held_out is not None else "",
                "changed": brief(best.summary),
                "commit": history.commit(best.number),
                "files": ", ".join(sorted(best.program.files)),
                "written": output,
            }
        )


def _write(program: Program, folder: Path) -> None:
    """The files below `folder`; what else is there stays. No link is followed out of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in program.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.parent.resolve().is_relative_to(folder.resolve()):
                raise StorageError(f"{path} lies behind a link that leads out of {folder}; choose another folder")
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            path.chmod(0o755 if name in program.executables else 0o644)
    except OSError as error:
        raise StorageError(f"cannot write {error.filename or folder}: {error.strerror}") from error


def _print(program: Program) -> None:
    for name, content in sorted(program.files.items()):
        if len(program.files) > 1:
            click.echo(f"==> {name} <==")
        if sys.stdout.isatty():
            click.echo(without_controls(content.decode(errors="replace")))
        else:
            click.echo(content, nl=False)
