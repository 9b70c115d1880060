"""Who waits is ahead of the incumbent as it is now, and not too many wait."""

from __future__ import annotations

from evolve.adoption.candidates import Candidates
from evolve.testing.trials import trial

SEED = trial(0, "x\n", 0.0)


def test_the_one_that_is_ahead_most_is_taken() -> None:
    """Of equals the first; each once, even if it is told again."""
    candidates = Candidates(100)
    for number, fitness in ((1, 0.5), (2, 0.9), (3, 0.9), (4, -0.1), (5, 0.0)):
        assert candidates.tell(trial(number, f"{number}\n", fitness), SEED) == ""
    taken = [candidates.take(SEED) for _ in range(4)]
    assert [candidate.trial.number for candidate in taken if candidate is not None] == [2, 3, 1]
    candidates.tell(trial(2, "2\n", 0.9), SEED)
    assert candidates.take(SEED) is None


def test_those_that_are_behind_a_new_incumbent_are_passed_over() -> None:
    """They were ahead of the one before."""
    candidates = Candidates(100)
    candidates.tell(trial(1, "1\n", 0.5), SEED)
    assert candidates.take(trial(2, "2\n", 0.6)) is None


def test_the_size_of_a_step_is_that_from_the_new_incumbent() -> None:
    """What was a small step from the one before may be a large one now."""
    candidates = Candidates(3)
    assert candidates.tell(trial(1, "x\ny\n", 0.9), SEED) == ""
    assert candidates.take(trial(2, "a\nb\nc\n", 0.5)) is None
    assert "4 lines in one step; 3 are allowed" in candidates.tell(trial(3, "q\ny\nz\n", 0.9), SEED)


def test_sixteen_wait_at_most() -> None:
    """Those that are least ahead go."""
    candidates = Candidates(100)
    for number in range(1, 31):
        candidates.tell(trial(number, f"{number}\n", number / 100.0), SEED)
    taken = []
    while (candidate := candidates.take(SEED)) is not None:
        taken.append(candidate.trial.number)
    assert taken == list(range(30, 14, -1))


def test_what_was_forgotten_is_not_taken() -> None:
    """Its evaluation was corrected."""
    candidates = Candidates(100)
    candidates.tell(trial(1, "1\n", 0.5), SEED)
    candidates.forget(1)
    candidates.forget(7)
    assert candidates.take(SEED) is None


def test_two_that_met_do_not_meet_again() -> None:
    """Against another incumbent it has another chance."""
    candidates = Candidates(100)
    candidates.bar(SEED, trial(1, "1\n", 0.5))
    candidates.tell(trial(2, "1\n", 0.5), SEED)
    assert candidates.take(SEED) is None
    candidates.tell(trial(2, "1\n", 0.5), SEED)
    taken = candidates.take(trial(3, "3\n", 0.4))
    assert taken is not None
    assert (taken.trial.number, taken.screened.ahead, taken.change.lines) == (2, True, 2)
