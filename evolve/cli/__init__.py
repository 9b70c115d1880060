"""The command line: one file per verb."""

from evolve.cli.app import main

__all__ = ["main"]
