"""`evolve doctor`: what is installed, which sandboxes work, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata

import click

import evolve
from evolve.cli.options import as_json
from evolve.cli.printing import print_fields, print_json

__all__ = ["command"]

PACKAGES = (
    "click",
    "cma",
    "docker",
    "gitpython",
    "jinja2",
    "numpy",
    "openai",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "rich",
)
OLDEST_GIT = (2, 32)
"""The first with `repack --geometric`."""


@click.command(name="doctor")
@as_json
def command(as_json: bool) -> None:
    """Say what is installed, which sandboxes work here and what they do not protect from, and what to do about it."""
    from evolve.sandboxes.choose import probe

    system = {
        "evolve": evolve.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.release()}",
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "git": _git(),
        "free disk": f"{shutil.disk_usage('.').free / 2**30:.1f} GiB here",
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
    }
    sandboxes = probe()
    taken = next((sandbox.name for sandbox in sandboxes if sandbox.works), None)
    if as_json:
        print_json({**system, "sandboxes": [asdict(sandbox) for sandbox in sandboxes], "auto": taken})
        return
    print_fields(system)
    for sandbox in sandboxes:
        click.echo(f"\nsandbox {sandbox.name} {'works' if sandbox.works else 'does not work here'}: {sandbox.reason}")
        for weakness in sandbox.weaknesses:
            click.echo(f"  {weakness}")
    click.echo(f"\n--sandbox auto takes: {taken or 'none, for none works'}")
    if taken is not None:
        click.echo(f"To try every promise of a sandbox: evolve sandbox check --sandbox {taken}")


def _git() -> str:
    path = shutil.which("git")
    if path is None:
        return "missing: install it, since every run is a git repository (sudo apt install git)"
    words = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.split()
    version = words[2] if len(words) > 2 else "0"
    known = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    wanted = ".".join(map(str, OLDEST_GIT))
    return f"{version} ({path})" if known >= OLDEST_GIT else f"{version} is too old, {wanted} or newer is needed"
