"""`evolve sandbox check`: try every promise of a sandbox."""

from __future__ import annotations

from dataclasses import asdict

import click

from evolve.cli.options import as_json, sandbox_option
from evolve.cli.printing import print_json, print_table
from evolve.errors import SandboxUnavailable

__all__ = ["command"]


@click.command(name="check")
@sandbox_option
@click.option("--task", help="Check the image that this task asks for.")
@click.option("--quick", is_flag=True, help="Only what comes before a first candidate.")
@as_json
def command(sandbox: str | None, task: str | None, quick: bool, as_json: bool) -> None:
    """Run programs that try what the sandbox is there to prevent, and say how far they came.

    The exit code is 5 when something that is promised does not hold.
    """
    from evolve.sandboxes.check import check
    from evolve.sandboxes.choose import choose
    from evolve.sandboxes.recipe import Surroundings
    from evolve.task import Task

    chosen = choose(sandbox or "auto", Task.load(task).surroundings if task is not None else Surroundings())
    try:
        findings = check(chosen, quick=quick)
    finally:
        chosen.close()
    broken = [finding.name for finding in findings if finding.holds is False]
    if as_json:
        print_json({"sandbox": chosen.name, "holds": not broken, "findings": [asdict(found) for found in findings]})
    else:
        click.echo(f"sandbox {chosen.name}\n")
        words = {True: "yes", False: "NO", None: "not tried"}
        print_table(
            ["guarantee", "proven", "how"],
            [[f.name, words[f.holds] if f.promised else "not promised", f.how] for f in findings],
        )
        click.echo()
    if broken:
        raise SandboxUnavailable(f"the {chosen.name} sandbox does not keep what it promises: {', '.join(broken)}")
