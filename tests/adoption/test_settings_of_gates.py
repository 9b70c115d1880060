"""Settings become a policy, or it is said which of them is wrong."""

from __future__ import annotations

import pytest

from evolve.adoption.canary import Share
from evolve.adoption.policy import Policy
from evolve.adoption.settings import policy_of
from evolve.errors import TaskError
from evolve.gates.sequential import Rules


def test_nothing_is_the_defaults() -> None:
    """And families are the evaluator's to say."""
    assert policy_of({}) == Policy()
    assert policy_of({}, ["cut", "sat"]) == Policy(gate=Rules(families=("cut", "sat")))


def test_every_key_is_taken() -> None:
    """Whole numbers do for numbers."""
    settings = {"alpha": 0.05, "cap": 60, "futility": 0, "least": 5, "every": 7, "lines_asked": 9, "gain_asked": 1}
    assert policy_of({**settings, "canary_every": 2, "canary_blocks": 20}) == Policy(
        gate=Rules(alpha=0.05, cap=60, futility=0, least=5),
        every=7,
        lines_asked=9,
        gain_asked=1,
        canary=Share(every=2, blocks=20),
    )
    assert policy_of({"canary": False}) == Policy(canary=None)
    assert policy_of({"canary": True}) == Policy()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"alfa": 0.1}, r"\[gate\] has no key 'alfa'; there are canary, adoptions_most, .*alpha"),
        ({"families": ["a"]}, "no key 'families'"),
        ({"alpha": "low"}, r"\[gate\] alpha is 'low'; it is like 0.1"),
        ({"cap": 60.5}, "cap is 60.5; it is like 240"),
        ({"cap": True}, "cap is True"),
        ({"canary": 1}, "canary is 1; it is like True"),
        ({"canary": False, "canary_blocks": 9}, "leave one of them out"),
        ({"cap": 5}, r"\[gate\]: a cap of 5 pairs does not reach"),
        ({"canary_blocks": 2}, "more blocks"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, object], said: str) -> None:
    """With the key, and what it should be."""
    with pytest.raises(TaskError, match=said):
        policy_of(settings)
