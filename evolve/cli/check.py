"""`evolve check TASK`: what is wrong with a task, before a search spends time and money on it."""

from __future__ import annotations

import os

import click

from evolve.cli.options import as_json, form_option, sandbox_option
from evolve.cli.printing import print_json, without_controls
from evolve.words import quantity

__all__ = ["command"]

_WRONG = 3  # the exit code of a task that is wrong
_COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command(name="check")
@click.argument("task")
@click.option(
    "--repeats", type=click.IntRange(min=2), default=3, show_default=True, help="How often to score the seed."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Of the search to come. [default: as `evolve run` has them]"
)
@form_option
@sandbox_option
@as_json
def command(task: str, repeats: int, workers: int | None, form: str, sandbox: str | None, as_json: bool) -> None:
    """Find what is wrong with TASK before a search spends time and money on it.

    The seed is scored a few times: does it have a score, always the same, in time and memory that leave room? Are there
    held-out instances, does something evolve, can a program reach what scores it? And what would a search take?

    An error, of which no search could come, makes the exit code 3. A warning is for you to judge.
    """
    from evolve import forms
    from evolve.checks.task import check
    from evolve.scoring import make_evaluator, make_sandbox

    found = forms.load(task, form)
    chosen = make_sandbox(found, sandbox or "auto")
    evaluator = make_evaluator(found, chosen)
    findings = []
    try:
        for finding in check(
            found,
            evaluator,
            repeats=repeats,
            workers=workers or found.settings.search.workers or len(os.sched_getaffinity(0)),
        ):
            findings.append(finding)
            if not as_json:
                level = click.style(f"{finding.level:7}", fg=_COLORS[finding.level])
                first, *rest = without_controls(finding.text).splitlines() or [""]
                click.echo(f"{level}  {finding.about:10}  {first}")
                for line in [*rest, *([f"-> {finding.fix}"] if finding.fix else [])]:
                    click.echo(f"{'':21}{line}")
    finally:
        evaluator.close()
        chosen.close()
    counts = {level: sum(finding.level == level for finding in findings) for level in ("error", "warning")}
    if as_json:
        told = [
            {"level": finding.level, "about": finding.about, "text": finding.text, "fix": finding.fix}
            for finding in findings
        ]
        print_json({"task": found.name, "sandbox": chosen.name, **counts, "findings": told})
    else:
        words = [quantity(number, level) for level, number in counts.items() if number]
        click.echo(f"\n{found.name}, sandbox {chosen.name}: {' and '.join(words) or 'nothing is wrong'}")
    if counts["error"]:
        raise SystemExit(_WRONG)
