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
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Write it there: a new or empty folder."
)
@click.option("--force", is_flag=True, help="Write over files there; others stay.")
@as_json
def command(path: Path, files: bool, output: Path | None, force: bool, as_json: bool) -> None:
    """Show the best program of a run, or write it to a folder.

    With --files a single file is printed as it is, so that `evolve best RUN --files > program.py` copies it.
    """
    if force and output is None:
        raise click.UsageError("--force is about writing: add --output FOLDER")
    history = read_run(path)
    best = history.best
    if output is not None:
        if not force and output.exists() and any(output.iterdir()):
            raise click.UsageError(f"{output} is not empty; give a new folder, or --force to write over files in it")
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
                "files": ", ".join(sorted(best.program.files)) if output is None else "",
                "written": f"{', '.join(sorted(best.program.files))} in {output}" if output is not None else "",
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
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise click.UsageError(f"cannot write {error.filename}: {error.strerror}; choose another folder") from error
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
