"""Figures of self-improvement are what happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evolve.adoption.canary import Share
from evolve.adoption.figures import figures
from evolve.adoption.policy import Policy
from evolve.gates.sequential import Rules
from evolve.testing.adoptions import Driver, worth

POLICY = Policy(gate=Rules(families=("cut", "sat"), cap=160, least=5, hopeful=20), every=1, gain_asked=1.0, canary=None)
SAME = [worth(0.3, name=f"same {n}") for n in range(40)]


def test_two_improvements() -> None:
    """The second is found ten trials after the first; each pair is counted once."""
    driver = Driver([worth(0.3), worth(0.6), *SAME[:9], worth(0.95, lines=10)], POLICY)
    driver.run()
    found = figures(driver.said, trials=11)
    pairs = [entry for entry in driver.journal if isinstance(entry, dict) and entry["what"] == "pair"]
    assert (found.adopted, found.standing, found.confirmed) == (2, 2, driver.adoption.confirmations)
    assert found.pairs == len(POLICY.gate.families) * len(pairs)
    assert found.trials_to_improve == pytest.approx(5.5)
    assert found.improvement_rate == pytest.approx(200 / 11)
    assert found.velocity == pytest.approx(100 * (2 + 12) / 11)
    assert found.regression_rate == 0.0
    assert found.validated == pytest.approx(2 / driver.adoption.confirmations)
    assert found.pairs_to_improve == pytest.approx(found.pairs / 2)
    assert found.gain == pytest.approx(sum(adopted.gain for adopted in driver.adoption.history))


def test_what_was_rolled_back_is_no_improvement() -> None:
    """It is a regression, and its pairs were spent."""
    policy = replace(POLICY, canary=Share(every=2, blocks=8))
    driver = Driver([worth(0.3), worth(0.8, valid=0.0), *SAME], policy)
    driver.run()
    found = figures(driver.said, trials=41)
    assert ("rolled back", 1) in driver.kinds
    assert (found.adopted, found.standing, found.regression_rate) == (1, 0, 1.0)
    assert (found.gain, found.velocity, found.trials_to_improve, found.pairs_to_improve) == (0.0, 0.0, None, None)
    assert found.pairs > 0


def test_a_change_that_a_person_was_asked_about_took_its_pairs_once() -> None:
    """Asked and adopted are two transitions of one confirmation."""
    driver = Driver([worth(0.3), worth(0.75)], replace(POLICY, lines_asked=0))
    driver.run()
    before = figures(driver.said, trials=1).pairs
    driver.review(1, approve=True)
    assert figures(driver.said, trials=1).pairs == before > 0


def test_without_trials_nothing_is_divided() -> None:
    """Nor are rates made up."""
    found = figures([], trials=0)
    assert (found.improvement_rate, found.regression_rate, found.velocity, found.validated) == (None,) * 4
