"""A task that comes along, with time for machines that are slow or busy."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from evolve.resources import bundled
from evolve.task import Task

__all__ = ["patient"]

_LONG = "600.0"


def patient(name: str, place: Path) -> Task:
    """A copy of the task in the folder `place`, in which nothing that ends runs out of time before."""
    shutil.copytree(bundled("evaluators") / name, place)
    shutil.copytree(bundled("seeds") / name, place / "seed", dirs_exist_ok=True)
    settings, evaluate = place / "task.toml", place / "evaluate.py"
    text = settings.read_text().replace(f'"../../seeds/{name}"', '"seed"')
    settings.write_text(re.sub(r"^(\w*timeout) = .*$", rf"\1 = {_LONG}", text, flags=re.MULTILINE))
    seconds = f'SECONDS = {{"search": {_LONG}, "held_out": {_LONG}}}'
    evaluate.write_text(re.sub(r"^SECONDS = .*$", seconds, evaluate.read_text(), flags=re.MULTILINE))
    return Task.load(str(place))
