"""One run of a mode with the teachable model, and what became of it.

    python -m benchmarks.modes.runs MODE SEED CALLS SANDBOX [KEEP]

prints its row of the table as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import evolve
from evolve import forms
from evolve.adoption.report import message
from evolve.options import Options
from evolve.resources import bundled
from evolve.reviewing import lineage_of
from evolve.search import Search
from evolve.testing.servers import FakeService
from evolve.testing.teachable import LESSON, Teachable, methods, repairs

__all__ = ["MODES", "calls_of", "known", "measure", "smaller"]

MODES = ("stop", "sica", "dgm")
STEP, MOST = 3, 12
"""Trials of one session, and of a run."""
TRAILERS = ("Adoption", "Challenger", "Adopted", "Pairs", "Gain", "E-Value", "Threshold")


def calls_of(mode: str, calls: int) -> int:
    """The lease: of `sica`, whose agents have two calls for a repository, it is the bundled one."""
    return 2 if mode == "sica" else calls


def known() -> dict[str, str]:
    """Methods for the downstream tasks, and the repositories of the benchmark as they are without bugs."""
    whole = bundled("evaluators") / "repository_bugs" / "repositories"
    return {**methods(Path(__file__).parent / "methods"), **repairs(whole)}


def measure(mode: str, seed: int, calls: int, *, sandbox: str, keep: Path | None) -> dict[str, Any]:
    """One run, as a row of the table."""
    os.environ.setdefault("OPENAI_API_KEY", "not-a-key")
    begun = time.monotonic()
    with place(mode, seed, keep) as folder, FakeService(Teachable(known=known(), seed=seed)) as service:
        task, run = smaller(mode, calls, folder / "task"), folder / "run"
        options = Options(
            sandbox=sandbox,
            allow_unsafe=sandbox == "process",
            workers=1,
            models=["teachable"],
            prices=["1/10"],
            base_url=service.url,
            seed=seed,
        )
        with Search.start(forms.load(str(task)), run, limits={"trials": STEP}, options=options) as search:
            search.run()
        trials = STEP
        while not adopted_in(run) and trials < MOST:
            trials += STEP
            with Search.resume(run, limits={"trials": trials}) as search:
                search.run()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return {
            "mode": mode,
            "seed": seed,
            "calls": calls,
            **outcome(run),
            "trials": trials,
            "asked": len(service.asked),
            "sandbox": sandbox,
            "seconds": time.monotonic() - begun,
            "cpu_seconds": sum(each.ru_utime + each.ru_stime for each in used),
        }


@contextmanager
def place(mode: str, seed: int, keep: Path | None) -> Iterator[Path]:
    """A folder for one run, which goes afterwards if nobody wants to keep it."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="evolve-modes-") as folder:
            yield Path(folder)
        return
    kept = keep / f"{mode}-{seed}"
    kept.mkdir(parents=True)
    yield kept


def smaller(mode: str, calls: int, folder: Path) -> Path:
    """The bundled task, but for the calls of a search."""
    text = (bundled("evaluators") / mode / "task.toml").read_text(encoding="utf-8")
    shutil.copytree(bundled("seeds") / "scaffold", folder / "seed", ignore=shutil.ignore_patterns("__pycache__"))
    text = text.replace('seed = "../../seeds/scaffold"', 'seed = "seed"').replace("calls = 8", f"calls = {calls}")
    (folder / "task.toml").write_text(text, encoding="utf-8")
    return folder


def adopted_in(run: Path) -> bool:
    """Whether anything but the seed was."""
    said = git(run, "log", "--first-parent", "--format=%(trailers:key=Adoption,valueonly)", "adopted", missing="")
    return any(line in {"adopted", "asked"} for line in said.split())


def outcome(run: Path) -> dict[str, Any]:
    """What became of the lineage, as git tells it, and whether that is what its journal tells."""
    history = evolve.load(run)
    lineage = lineage_of(history)
    assert lineage is not None
    adopted = [said for said in lineage.said if said.kind == "adopted"]
    planted = [said for said in adopted if LESSON in history.program(said.number).text("notes.md")]
    shown = planted[0] if planted else None
    commit = ""
    if shown is not None and shown.evidence is not None:
        wanted = git(run, "log", "--first-parent", "--format=%H %s", "adopted")
        commit = next(line[:40] for line in wanted.splitlines() if line[41:] == f"Adopt trial {shown.number}")
        text = git(run, "show", "-s", "--format=%B", commit)
        if text.strip() != message(shown).strip() or any(f"\n{key}: " not in text for key in TRAILERS):
            raise AssertionError(f"git show {commit} tells something else than the journal:\n{text}")
        if LESSON not in git(run, "show", f"{commit}:notes.md"):
            raise AssertionError(f"the tree of {commit} is not the one that was adopted")
    evidence = shown.evidence if shown is not None else None
    return {
        "planted": shown is not None,
        "trial": shown.number if shown is not None else -1,
        "others": len(adopted) - len(planted),
        "asked_person": any(said.kind == "asked" for said in lineage.said),
        "confirmations": lineage.adoption.confirmations,
        "pairs": evidence.pairs if evidence is not None else -1,
        "gain": evidence.mean if evidence is not None else float("nan"),
        "log_e": evidence.log_e if evidence is not None else float("nan"),
        "commit": commit,
    }


def git(run: Path, *arguments: str, missing: str | None = None) -> str:
    """What git says; `missing` when it fails."""
    done = subprocess.run(["git", "-C", str(run), *arguments], check=missing is None, capture_output=True, text=True)
    return missing if done.returncode and missing is not None else done.stdout


if __name__ == "__main__":
    mode, seed, calls, sandbox, *keep = sys.argv[1:]
    print(json.dumps(measure(mode, int(seed), int(calls), sandbox=sandbox, keep=Path(keep[0]) if keep else None)))
