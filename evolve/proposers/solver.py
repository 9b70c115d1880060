"""Solver: has a scaffold solve a small programming task that is told in words, outside of any search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evolve.proposers._outcome import Refused
from evolve.proposers.scaffold import changed, drawn, lease_of
from evolve.regions import Regions
from evolve.rooms import Rooms
from evolve.scaffolds import Scaffold, ScaffoldFailed
from evolve.types import Limits, Model, Program, Reply, Request, Sandbox, Usage

__all__ = ["Solver"]

_USUAL = Limits()
_SHOWN = 500  # characters of what went wrong


class Solver:
    """Asks scaffolds for `solve(instance)` of their module `scaffold`, each time under a lease of `calls` calls.

    Args:
        models: (model, weight) pairs, at least one.
        sandbox: where scaffolds run, in a session for each answer; or rooms of one. The caller closes it.
        task: what is to be done, in words.
        max_tokens: the most tokens of an answer.
        seconds: of processor time, for an answer; see `Scaffold`.
        limits: of its sessions, where it is given no rooms.
    """

    def __init__(
        self,
        models: Sequence[tuple[Model, float]],
        *,
        sandbox: Sandbox | Rooms,
        task: str,
        calls: int = 2,
        max_tokens: int = 16_384,
        seconds: float = 60.0,
        limits: Limits = _USUAL,
    ) -> None:
        self._models = [model for model, _ in models]
        self._told = {
            "task": task.strip(),
            "models": drawn([(model.name, weight) for model, weight in models]),
            "max_tokens": max_tokens,
        }
        self._rooms, self._seconds = Rooms.of(sandbox, limits), seconds
        self._lease = lease_of(calls, self._models)

    def solve(
        self,
        scaffold: Program,
        whole: Program,
        files: Mapping[str, str],
        regions: Regions,
        seed: int,
        ask: Callable[[Model, Request], Reply],
    ) -> tuple[Program | None, str, Usage]:
        """What the scaffold makes of `files`, which are some of `whole`: that with its answer, or None and why not; and
        what it spent. An answer without a change is none. Raises as `Scaffold.call` does."""
        paths = [path for path in regions.paths(whole) if path in files and regions.spans(whole, path)]
        marked = any(regions.spans(whole, path) != [(0, len(files[path]))] for path in paths)
        instance = {**self._told, "files": dict(files), "paths": paths, "marked": marked, "seed": seed}
        asked = Scaffold(scaffold, self._rooms, self._models, self._lease, ask=ask, seconds=self._seconds)
        program, problem = None, ""
        try:
            program = changed(asked.call("solve", instance), whole, regions, "solve")
            if outside := [
                path for path in program.files if path not in files and program.files[path] != whole.files.get(path)
            ]:
                program, problem = None, f"it reaches for {outside[0]}, which it was not given"
        except ScaffoldFailed as failure:
            problem = f"{failure.kind}: {str(failure).strip().rpartition(chr(10))[2][:_SHOWN]}"
        except Refused as refused:
            problem = f"{refused.outcome}: {refused.message[:_SHOWN]}"
        finally:
            asked.close()
        return program, problem, asked.used
