"""Task folders of other tools, written here, and what is said of programs in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve import forms
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.scoring import make_evaluator
from evolve.testing.sandboxes import available
from evolve.types import Evaluation, Program, Sandbox

Folder: TypeAlias = Callable[[Mapping[str, str]], Path]
Scores: TypeAlias = Callable[..., list[Evaluation]]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """`folder(files)`: a folder with them, by their paths."""

    def make(files: Mapping[str, str]) -> Path:
        place = tmp_path / "task"
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return place

    return make


@pytest.fixture
def scores_as() -> Iterator[Scores]:
    """`scores_as(form, folder, texts, seed=, sandbox=)`: what is said of the programs of these texts, which are scored
    one after another in one session; of the seed where a text is None."""
    process = ProcessSandbox()

    def each(
        form: str, folder: Path, texts: Sequence[str | None], *, seed: int = 0, sandbox: Sandbox = process
    ) -> list[Evaluation]:
        task = forms.load(folder, form)
        evaluator = make_evaluator(task, sandbox)
        (name,) = task.seed.files
        programs = [task.seed if text is None else Program({name: text.encode()}) for text in texts]
        try:
            return [evaluator.evaluate(program, seed=seed) for program in programs]
        finally:
            evaluator.close()

    yield each
    process.close()


SANDBOXES: dict[str, Callable[[], Sandbox]] = {
    "process": ProcessSandbox,
    "bubblewrap": BubblewrapSandbox,
    "docker": DockerSandbox,
}


@pytest.fixture(params=SANDBOXES)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Each sandbox that works here."""
    made = available(SANDBOXES[request.param])
    yield made
    made.close()
