"""What any archive must do: a suite for authors of archives.

class TestMine(ArchiveSuite):
    def make(self) -> Archive:
        return MyArchive()
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from evolve.testing.trials import trial
from evolve.types import Archive, Evaluation, Selection, Status, Trial, lane_problem

__all__ = ["ArchiveSuite"]


class ArchiveSuite:
    """Subclass it in a test module and define `make`."""

    def make(self) -> Archive:
        """A new archive."""
        raise NotImplementedError

    def trials(self, number: int) -> list[Trial]:
        """This many trials: the first is OK, many of the others are not. Override it when they lack something."""
        drawn = np.random.default_rng(7).normal(size=number).round(1)
        return [
            trial(at, f"x = {at}\n", None if at % 4 == 3 else float(value), operator="mutation" if at else "seed")
            for at, value in enumerate(drawn)
        ]

    def test_without_a_trial_that_has_a_fitness_there_is_nothing_to_sample(self) -> None:
        """It raises `LookupError`, also when every trial failed."""
        archive = self.make()
        with pytest.raises(LookupError):
            archive.sample(np.random.default_rng(0))
        archive.tell(trial(0, "x = 0\n", None))
        with pytest.raises(LookupError):
            archive.sample(np.random.default_rng(0))

    def test_only_trials_with_a_fitness_are_offered(self) -> None:
        """Whatever else is told."""
        archive = self.make()
        known = {}
        for made in self.trials(200):
            archive.tell(made)
            known[made.number] = made
            for offered in self._all(archive.sample(np.random.default_rng(made.number))):
                assert offered is known[offered.number]
                assert offered.evaluation.status is Status.OK

    def test_trials_of_every_status_may_be_told(self) -> None:
        """They are learnt from or ignored, and never offered."""
        archive = self.make()
        seed = self.trials(1)[0]
        archive.tell(seed)
        for number, status in enumerate((s for s in Status if s is not Status.OK), start=1):
            archive.tell(
                Trial(
                    number=number,
                    program=seed.program,
                    parents=(0,),
                    operator="mutation",
                    summary="",
                    evaluation=Evaluation(status=status),
                    duplicate_of=0 if status is Status.DUPLICATE else None,
                )
            )
        assert {offered.number for offered in self._all(archive.sample(np.random.default_rng(0)))} == {0}

    def test_a_trial_that_is_told_again_is_known_as_it_is_now(self) -> None:
        """It is offered with its new evaluation, and not at all once it has no score."""
        archive = self._told(40)
        known = {made.number: made for made in self.trials(40)}
        for step in range(30):
            try:
                offered = archive.sample(np.random.default_rng(step)).parents[0]
            except LookupError:
                break  # a small archive has nothing left
            again = replace(offered, evaluation=self._worse(offered.evaluation, failed=step % 3 == 2))
            known[offered.number] = again
            archive.tell(again)
            for other in self._offers(archive):
                assert other.evaluation == known[other.number].evaluation
                assert other.fitness is not None
        else:
            assert any(trial.evaluation.status is Status.FAILED for trial in known.values())

    def _offers(self, archive: Archive) -> list[Trial]:
        try:
            return [trial for seed in range(10) for trial in self._all(archive.sample(np.random.default_rng(seed)))]
        except LookupError:
            return []

    def _worse(self, evaluation: Evaluation, *, failed: bool) -> Evaluation:
        if failed or evaluation.score is None or evaluation.fitness is None:
            return Evaluation(status=Status.FAILED, feedback="it failed when it was scored again")
        return replace(evaluation, score=evaluation.score - 1.0, fitness=evaluation.fitness - 1.0)

    def test_a_parent_is_offered_and_inspirations_are_others(self) -> None:
        """No trial twice in one selection."""
        archive = self._told(100)
        for seed in range(50):
            numbers = [offered.number for offered in self._all(archive.sample(np.random.default_rng(seed)))]
            assert len(numbers) >= 1
            assert len(set(numbers)) == len(numbers)

    def test_samples_depend_on_what_was_told_and_on_the_generator_only(self) -> None:
        """A replay tells, and does not sample: so sampling changes nothing."""
        first, second = self._told(100), self._told(100)
        for seed in range(20):
            first.sample(np.random.default_rng(1000 + seed))
        for seed in range(50):
            chosen = first.sample(np.random.default_rng(seed)), second.sample(np.random.default_rng(seed))
            assert [t.number for t in self._all(chosen[0])] == [t.number for t in self._all(chosen[1])]
            assert chosen[0].lane == chosen[1].lane
            assert not chosen[0].lane or lane_problem(chosen[0].lane) is None

    def test_global_generators_are_left_alone(self) -> None:
        """Nobody else's random numbers depend on an archive."""
        before = random.getstate(), str(np.random.get_state())  # noqa: NPY002 - to see that it is untouched
        self._told(50).sample(np.random.default_rng(0))
        assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002

    def _told(self, number: int) -> Archive:
        archive = self.make()
        for made in self.trials(number):
            archive.tell(made)
        return archive

    def _all(self, chosen: Selection) -> tuple[Trial, ...]:
        return (*chosen.parents, *chosen.inspirations)
