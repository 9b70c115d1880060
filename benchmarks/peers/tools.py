"""The peers: how each is installed, given a task, and started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve.task import Task

__all__ = ["PEERS", "Peer", "surroundings"]

_FORMS = Path(__file__).parent / "forms"
_SPARE = 100  # more steps than answers, so that it is the model that ends a run


@dataclass(frozen=True)
class Peer:
    """A searcher from the registry. `start` writes a task into a folder, for (calls, seed, address of the model)."""

    name: str
    package: str
    version: str
    start: Callable[[Path, Task, int, int, str], Sequence[str]]

    def environment(self, folder: Path) -> Path:
        """Its own virtual environment below `folder`, made when it is not there; what is in it is in `versions.txt`."""
        place = folder / f"{self.package}-{self.version}"
        done = place / "versions.txt"
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            venv.create(place, with_pip=True)
            pip = [str(place / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
            subprocess.run([*pip, "install", "--quiet", f"{self.package}=={self.version}"], check=True)
            listed = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
            done.write_text(f"python=={sys.version.split()[0]}\n{listed}")
        return place


def surroundings(environment: Path, home: Path, scorer: str) -> Mapping[str, str]:
    """The variables that a peer sees: none of the user's, so no key either."""
    return {
        "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "OPENAI_API_KEY": "none",
        "PEERS_SCORER": scorer,
    }


def _openevolve(folder: Path, task: Task, calls: int, seed: int, model: str) -> Sequence[str]:
    """Its command-line tool, with a configuration that says where the model is and which seed to use."""
    _seed_program(task, folder / "initial_program.py")
    shutil.copy(_FORMS / "openevolve_evaluator.py", folder / "evaluator.py")
    config = {
        "random_seed": seed,
        "llm": {"api_base": model, "api_key": "none", "models": [{"name": "simulated", "weight": 1.0}]},
        "database": {"random_seed": seed},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    steps = ["--config", "config.yaml", "--iterations", str(calls + _SPARE), "--output", "output"]
    return ["openevolve-run", "initial_program.py", "evaluator.py", *steps]


def _shinka(folder: Path, task: Task, calls: int, _: int, model: str) -> Sequence[str]:
    """Its command-line tool with its defaults, the model, and no embeddings, which nothing reads without a judge."""
    _seed_program(task, folder / "initial.py")
    shutil.copy(_FORMS / "shinka_evaluate.py", folder / "evaluate.py")
    settings = {"evo.llm_models": json.dumps([f"local/simulated@{model}"]), "evo.embedding_model": "null"}
    given = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    steps = ["--results_dir", "results", "--num_generations", str(calls + _SPARE)]
    return ["shinka_run", "--task-dir", ".", *steps, *given]


def _seed_program(task: Task, path: Path) -> None:
    (content,) = task.seed.files.values()
    path.write_bytes(content)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("openevolve", "openevolve", "0.4.0", _openevolve),
        Peer("shinka", "shinka-evolve", "0.0.7", _shinka),
    )
}
