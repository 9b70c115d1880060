"""What can be said of a task by scoring its seed: its noise, its time and memory, what it is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote
from statistics import fmean, stdev

from evolve.checks.finding import Finding
from evolve.config import DEFAULT_TRIALS
from evolve.forms import FORMS
from evolve.task import Task
from evolve.types import Evaluation, Status
from evolve.words import quantity

__all__ = ["cost", "held_out", "known", "limits", "noise", "rough_time", "seeds", "start"]

_NEAR = 0.7  # of a limit on memory
_LONG = 0.5  # of a limit on time, since other machines are slower and other programs too
_DAY = 24 * 3600.0
_FEW = 20  # programs that a search should be able to score at least
_NOISE = "draw random numbers from `seed`, which evaluate() may take, or set repeats in [evaluator] of task.toml"


def start(task: Task, seed: Evaluation) -> Finding:
    """Whether the seed has a score."""
    if seed.status is Status.OK:
        kinds = [quantity(len(seed.instances), "instance")] if seed.instances else []
        kinds += [quantity(len(seed.objectives), "objective")] if seed.objectives else []
        return Finding("ok", "seed", ", ".join([f"its score is {seed.score:.6g}", *kinds]))
    fixes = {
        Status.SCREENED: "lower the threshold, or start from a better program: no search can begin below it",
        Status.TIMEOUT: "give it more time in [evaluator] of task.toml, or start from a faster program",
        Status.MEMORY: "give it more memory_mb in [limits] of task.toml",
        Status.OUTPUT: "give it more output_kb or reply_mb in [limits] of task.toml",
        Status.INVALID: 'return one finite number, alone or as "score"',
    }
    fix = fixes.get(seed.status, f"try it alone: evolve eval {_argument(task)}")
    return Finding("error", "seed", f"it has no score: {seed.status}\n{seed.feedback}".strip(), fix)


def _argument(task: Task) -> str:
    """How the task is named on the command line."""
    name = task.form.name
    return quote(task.reference) + (f" --from {name}" if name in FORMS and name != "native" else "")


def noise(task: Task, repeats: Sequence[Evaluation]) -> Finding:
    """Whether the same seed of the random numbers gives the same score to the same program."""
    scores = _scores(repeats)
    if len(scores) < len(repeats):
        odd = next(each for each in repeats if each.score is None)
        text = f"the same program has a score one time and none another ({odd.status}): {odd.feedback}"
        return Finding("error", "noise", text.strip(), "find out what differs from run to run; time, often")
    if min(scores) == max(scores):
        return Finding("ok", "noise", f"the same score {len(scores)} times")
    table = task.settings.evaluator
    text = f"the score of the same program differs: {_spread(scores)}"
    if table.cache:
        fix = "set cache = false in [evaluator] of task.toml, or the first score of a program stays for good"
        return Finding("error", "noise", text, fix)
    if table.repeats > 1 or table.repeats_most is not None:
        return Finding("ok", "noise", f"{text}; the task says how often to repeat")
    return Finding("warning", "noise", text, _NOISE)


def seeds(repeats: Sequence[Evaluation]) -> Finding:
    """How far scores with several seeds are apart."""
    scores = _scores(repeats)
    if len(scores) < len(repeats):
        odd = next(each for each in repeats if each.score is None)
        return Finding("error", "seeds", f"with another seed there is no score ({odd.status}): {odd.feedback}", _NOISE)
    if min(scores) == max(scores):
        text = "every seed gives the same score, so repeats of an evaluation would tell nothing"
        return Finding("warning", "seeds", text, "use `seed`, or do without it")
    return Finding("ok", "seeds", f"the score differs with the seed: {_spread(scores)}")


def limits(task: Task, seed: Evaluation) -> Iterator[Finding]:
    """How near the seed comes to what it may use."""
    table = task.settings
    seconds = table.evaluator.timeout + (table.task.build_timeout if table.task.build else 0.0)
    used, most = seed.cost.memory_bytes, task.limits.memory_bytes
    if seed.cost.seconds > _LONG * seconds:
        text = (
            f"an evaluation takes {seed.cost.seconds:.3g} s of {seconds:g} s: a slower machine or program gets no score"
        )
        yield Finding("warning", "limits", text, "raise timeout in [evaluator] of task.toml")
    if used > _NEAR * most:
        text = f"the seed uses {used / 2**20:.0f} of {most >> 20} MiB of memory, so little more is left for others"
        yield Finding("warning", "limits", text, "raise memory_mb in [limits] of task.toml")
    if seed.cost.seconds <= _LONG * seconds and used <= _NEAR * most:
        text = f"{seed.cost.seconds:.3g} s of {seconds:g} s, {used / 2**20:.0f} of {most >> 20} MiB of memory"
        yield Finding("ok", "limits", text)


def held_out(task: Task, seed: Evaluation, other: Evaluation | None, *, exact: bool) -> Finding:
    """Whether there are instances that steer nothing. `exact` says that the same program always has the same score."""
    if other is None:
        text = (
            "there are no held-out instances, so nobody can tell skill from luck on the instances that are searched on"
        )
        fix = "give evaluate() a parameter `split`; see docs/evaluators.md"
        if task.form.folder is not None:
            fix = "score the best program on other data yourself; only the native form has them"
        return Finding("warning", "held out", text, fix)
    if other.status is not Status.OK:
        text = f"the seed has no score on the held-out instances: {other.status}\n{other.feedback}".strip()
        return Finding("error", "held out", text, 'evaluate() has to work for split = "held_out" too')
    if exact and other.score == seed.score and other.instances == seed.instances:
        text = f"the seed has the very same score, {other.score:.6g}, on the held-out instances as in the search"
        return Finding("warning", "held out", text, "make sure that they are other instances")
    return Finding("ok", "held out", f"the seed's score is {other.score:.6g} there")


def known(task: Task, repeats: Sequence[Evaluation]) -> Iterator[Finding]:
    """Whether the seed is where a seed should be: worse than what is known."""
    best = task.settings.task.best_known
    if best is None:
        return
    scores = _scores(repeats)
    direction = task.settings.task.direction
    ahead = (fmean(scores) - best) * (1 if direction == "maximize" else -1)
    slack = 3 * (stdev(scores) if len(scores) > 1 else 0.0) + 1e-9 * abs(best)
    if abs(ahead) <= slack:
        text = f"the seed is as good as best_known, {best:g}: there is nothing left to find"
        yield Finding("warning", "best known", text, "start from a simpler program, or correct best_known")
    elif ahead > 0:
        text = f"the seed, {scores[0]:.6g}, is better than best_known, {best:g}, when the task says {direction!r}"
        yield Finding("error", "best known", text, "turn `direction` round, or correct best_known, in task.toml")
    else:
        yield Finding("ok", "best known", f"{best:g}, from {scores[0]:.6g} on ({direction})")


def cost(task: Task, repeats: Sequence[Evaluation], workers: int) -> Finding:
    """What a search with the task's own limits would take."""
    table = task.settings.search
    often = task.settings.evaluator.times
    each = often * fmean(evaluation.cost.seconds for evaluation in repeats) / workers
    counts = [count for count in (table.trials, table.evaluations) if count is not None]
    number = min(counts) if counts else None if table.seconds else DEFAULT_TRIALS
    one = "a program" if often == 1 else f"{often} repeats of a program"
    rate = f"{each * workers:.3g} s for {one}, {rough_time(each * 1000)} for 1000 with {workers} at a time"
    if table.seconds is not None and table.seconds < _FEW * each:
        programs = quantity(f"{table.seconds / each:.0f}", "program")
        text = f"{rate}; [search] stops after {table.seconds:g} s, with {programs}"
        return Finding("warning", "time", text, "raise seconds in [search] of task.toml, or make evaluations cheaper")
    if number is None or (table.seconds is not None and table.seconds < number * each):
        return Finding("ok", "time", f"{rate}; [search] stops after {rough_time(table.seconds or 0.0)}")
    text = f"{rate}; {number} of them, as a run without options tries, take {rough_time(number * each)}"
    if number * each > _DAY:
        return Finding("warning", "time", text, "put cheap stages first, or lower the limits in [search] of task.toml")
    return Finding("ok", "time", text)


def _scores(evaluations: Sequence[Evaluation]) -> list[float]:
    return [evaluation.score for evaluation in evaluations if evaluation.score is not None]


def _spread(scores: Sequence[float]) -> str:
    deviation = stdev(scores)
    share = f" ({100 * deviation / abs(mean):.2g} %)" if (mean := fmean(scores)) else ""
    return (
        f"standard deviation {deviation:.3g}{share} in {len(scores)} runs, from {min(scores):.6g} to {max(scores):.6g}"
    )


def rough_time(seconds: float) -> str:
    """Seconds as people think of them."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s"
