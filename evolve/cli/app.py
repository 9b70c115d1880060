"""The command `evolve`: its verbs, each imported when it is used, and how errors are told."""

from __future__ import annotations

import shutil
import sys
import traceback
from pathlib import Path

import click

import evolve
from evolve.cli.streams import use_lasting_streams
from evolve.cli.verbs import Verbs
from evolve.errors import EvolveError

__all__ = ["command", "main"]

VERBS = {
    "run": "Search for better programs for a task.",
    "resume": "Continue a run that was stopped or killed.",
    "replay": "Make a run again from what it recorded, and compare.",
    "list": "List the runs.",
    "review": "Show what waits for a person, and answer.",
    "attribute": "Say whether a scaffold is better for its change, or by luck.",
    "show": "Show a run, or one of its trials.",
    "best": "Show the best program, or write it to a folder.",
    "diff": "Show what differs between two programs.",
    "log": "List the trials of a run, best first.",
    "tree": "Draw how programs came from each other.",
    "export": "Write the trials as CSV, Parquet or JSON.",
    "eval": "Score one program.",
    "check": "Find what is wrong with a task.",
    "init": "Make a new task folder.",
    "sandbox": "Build, list, prune and check sandboxes.",
    "bench": "Compare policies of searches.",
    "testing": "Try searches without cost.",
    "doctor": "Say what is installed and which sandboxes work.",
}

INTERRUPTED = 130
NO_GIT = 6

EXIT_CODES = """
\b
Exit codes:
    0  all is well, also when the budget of a run is spent
    1  an unexpected error
    2  wrong usage of the command line
    3  a task folder or an option is wrong
    4  a run is missing, taken, locked or damaged
    5  the sandbox does not work, or untrusted code was refused
    6  a lasting fault of the surroundings; the run can be resumed
    7  the seed program cannot be scored
    8  the disk is full, read-only or failing
  130  interrupted; the run can be resumed
"""


class _Evolve(Verbs):
    """Tells errors as one message and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EvolveError as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            click.echo(f"evolve: {error}", err=True)
            ctx.exit(error.exit_code)
        except ImportError:
            if shutil.which("git") is not None:
                raise
            click.echo(
                "evolve: git is not on PATH, and every run is a git repository: install it (sudo apt install git)",
                err=True,
            )
            ctx.exit(NO_GIT)
        except KeyboardInterrupt:
            click.echo("evolve: interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    name="evolve",
    cls=_Evolve,
    package="evolve.cli",
    verbs=VERBS,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(evolve.__version__, message="%(version)s")
@click.option("--debug", is_flag=True, envvar="EVOLVE_DEBUG", help="Show where an error came from.")
def command(debug: bool) -> None:
    """Evolutionary code search whose lineage is git.

    A run is a git repository and each trial a commit. Start with `evolve run bin_packing`.
    """


def main() -> None:
    """The console script. Finds plugins in the current folder too, unless Python was told not to look there."""
    if not sys.flags.safe_path and not {"", str(Path.cwd())} & set(sys.path):
        sys.path.append(str(Path.cwd()))
    use_lasting_streams()
    command(prog_name="evolve")
