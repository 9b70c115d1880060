"""Who the best is, and has been: what the loop, the reader of a run and the evaluator of repeats agree on.

Without races the best is the trial with the highest fitness, of equals the first one told. Where scores are noisy, an
evaluation is a race against the best one, and who wins it takes its place. The samples that the best one gave in it are
added to its own here, so that a lucky score is corrected by every race.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from evolve.types import Evaluation, Rescored, Status, Trial

__all__ = ["Standing", "corrected"]


class Standing:
    """Hears every trial, in the order of the journal, live and in replay; or those told after `best` was."""

    def __init__(self, best: Trial | None = None) -> None:
        self._champions = [best] if best is not None else []
        """Each took the place of the one before it."""

    @property
    def best(self) -> Trial | None:
        """The best trial, as its last race left it; None before there is one with a score."""
        return self._champions[-1] if self._champions else None

    def tell(self, trial: Trial) -> tuple[Trial, ...]:
        """Learn of a trial. Returns those told before that are to be told again, as they are now.

        One that failed when it was scored again loses its score and its place, unless nobody is there to take it. Then
        the one before it is the best again, and told again, since an archive may have forgotten it.
        """
        before = self.best
        changed = self._correct(trial)
        if self._takes_over(trial, before):
            if trial.evaluation.won is None:
                self._champions.clear()  # without races nobody comes back
            self._champions.append(trial)
        elif (best := self.best) is not None and before is not None and best.number != before.number:
            changed.append(best)
        return tuple(changed)

    def _correct(self, trial: Trial) -> list[Trial]:
        """What the races of a trial say of champions; who has no score any more is none."""
        changed: list[Trial] = []
        for again in trial.evaluation.rescored:
            place = next((at for at, one in enumerate(self._champions) if one.number == again.number), None)
            if place is None:
                continue
            alone = len(self._champions) == 1 and trial.fitness is None
            if again.status is not Status.OK and alone:
                continue
            champion = self._champions[place]
            now = replace(champion, evaluation=corrected(champion.evaluation, again))
            changed.append(now)
            self._champions[place : place + 1] = [now] if now.fitness is not None else []
        return changed

    def _takes_over(self, trial: Trial, before: Trial | None) -> bool:
        """Whether the trial is the best one now; `before` is who was when it was told."""
        if trial.fitness is None:
            return False
        best, won = self.best, trial.evaluation.won
        if best is None or best.fitness is None:
            return True
        if won is None:
            return trial.fitness > best.fitness
        raced = [again.number for again in trial.evaluation.rescored]
        # another one may have won in the meantime; that one it has not met
        met = before is not None and before.number in raced
        return won and (met or trial.fitness > best.fitness)


def corrected(evaluation: Evaluation, again: Rescored) -> Evaluation:
    """The evaluation with further samples: score, fitness and objectives are means over all of them."""
    if again.status is not Status.OK or again.fitness is None or evaluation.score is None or evaluation.fitness is None:
        return Evaluation(
            status=again.status,
            metrics=evaluation.metrics,
            feedback=again.feedback,
            cost=evaluation.cost,
            evaluations=evaluation.evaluations,
        )
    samples = (*evaluation.samples, *again.samples)
    share = len(again.samples) / len(samples)
    fitness = _between(evaluation.fitness, again.fitness, share)
    return replace(
        evaluation,
        samples=samples,
        seeds=(*evaluation.seeds, *again.seeds),
        fitness=fitness,
        score=_between(evaluation.score, math.fsum(again.samples) / len(again.samples), share),
        objectives=_objectives(evaluation.objectives, again.objectives, share),
    )


def _between(old: float, new: float, share: float) -> float:
    return old * (1.0 - share) + new * share


def _objectives(old: Mapping[str, float], new: Mapping[str, float], share: float) -> dict[str, float]:
    return {name: _between(value, new.get(name, value), share) for name, value in old.items()}
