"""What evaluate() came back with becomes an evaluation, whatever it was."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.evaluation.result import accept, stopped
from evolve.types import Cost, Status

COST = Cost(seconds=1.5, cpu_seconds=1.0, memory_bytes=7)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=15,
)
keys = st.sampled_from(["score", "metrics", "measures", "instances", "feedback", "artifacts", "other"])


@given(anything | st.dictionaries(keys, anything))
def test_whatever_comes_back_is_an_evaluation_that_can_be_kept(value: Any) -> None:
    """Scores are finite, all of it is JSON in UTF-8, artifacts are bytes under paths; and nothing ever raises."""
    evaluation = accept(value, direction="maximize", cost=COST)
    if evaluation.status is Status.OK:
        assert evaluation.score is not None
        assert math.isfinite(evaluation.score)
        assert evaluation.fitness == evaluation.score
    else:
        assert (evaluation.status, evaluation.score, evaluation.fitness) == (Status.INVALID, None, None)
        assert evaluation.feedback
    numbers = [*evaluation.measures.values(), *evaluation.instances.values()]
    assert all(type(number) is float and math.isfinite(number) for number in numbers)
    kept = [dict(evaluation.metrics), dict(evaluation.measures), dict(evaluation.instances), evaluation.feedback]
    json.dumps(kept, allow_nan=False, ensure_ascii=False).encode()
    assert all(isinstance(content, bytes) for content in evaluation.artifacts.values())
    assert evaluation.cost == COST


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**1000), 2**1000))
def test_a_finite_number_is_a_score_in_either_direction(score: float) -> None:
    """Higher fitness is better, whichever it is."""
    up, down = (accept(score, direction=direction, cost=COST) for direction in ("maximize", "minimize"))
    assert up.score == down.score == float(score)
    assert up.fitness == float(score)
    assert down.fitness == -float(score)


def test_zero_has_one_sign() -> None:
    """Minimizing does not make a minus zero, which prints differently."""
    assert str(accept(0, direction="minimize", cost=COST).fitness) == "0.0"


def test_halves_of_surrogate_pairs_become_question_marks() -> None:
    """In every text, so that all of it can be written down."""
    value = {"score": 1, "\ud800": "\udfff", "feedback": "a\ud800", "artifacts": {"x": "\ud800"}}
    evaluation = accept(value, direction="maximize", cost=COST)
    assert evaluation.metrics == {"?": "?"}
    assert evaluation.feedback == "a?"
    assert evaluation.artifacts == {"x": b"?"}


@pytest.mark.parametrize("value", [np.float64(2), np.array(2), 2])
def test_measures_are_numbers_of_any_kind(value: Any) -> None:
    """A single number in an array too."""
    assert accept({"score": 1, "measures": {"m": value}}, direction="maximize", cost=COST).measures == {"m": 2.0}


def test_arrays_are_kept_as_lists() -> None:
    """As metrics, and as scores of instances by their index."""
    evaluation = accept({"score": 1, "a": np.eye(2), "instances": np.arange(2)}, direction="maximize", cost=COST)
    assert evaluation.metrics == {"a": [[1.0, 0.0], [0.0, 1.0]]}
    assert evaluation.instances == {"0": 0.0, "1": 1.0}


def test_there_are_limits_on_how_much_is_kept() -> None:
    """Each with a note."""
    value = {
        "score": 1,
        "metrics": {str(number): number for number in range(20_000)},
        "feedback": "x" * 100_000,
        "artifacts": {"large": bytes(2**25), **{str(number): b"" for number in range(100)}},
    }
    evaluation = accept(value, direction="maximize", cost=COST)
    assert len(evaluation.metrics) == 10_000
    assert len(evaluation.artifacts) == 64
    assert "large" not in evaluation.artifacts
    assert len(evaluation.feedback) < 70_000
    assert evaluation.feedback.endswith("[cut here]")
    short = accept({**value, "feedback": ""}, direction="maximize", cost=COST).feedback
    assert "metrics beyond the first 10000 were dropped" in short
    assert "artifacts 'large' was dropped: all of them are more than 16777216 bytes" in short
    assert "there are more than 64" in short


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("failed", Status.FAILED),
        ("data", Status.FAILED),
        ("evaluator", Status.FAILED),
        ("timeout", Status.TIMEOUT),
        ("memory", Status.MEMORY),
        ("output", Status.OUTPUT),
    ],
)
def test_a_program_without_a_score_has_the_status_of_its_end(kind: str, status: Status) -> None:
    """With what was said, and what it printed."""
    evaluation = stopped(kind, "why", output="printed\n", cost=COST)
    assert (evaluation.status, evaluation.score) == (status, None)
    assert evaluation.feedback == "why\nIt printed:\nprinted"
    assert stopped(kind, "why", output=" \n", cost=COST).feedback == "why"
