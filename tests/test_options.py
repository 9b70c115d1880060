from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evolve
from evolve.errors import TaskError
from evolve.options import Options, check_limits, check_name

WRONG: list[dict[str, Any]] = [
    {"trials": 2.5},
    {"trials": True},
    {"trials": 0},
    {"trials": "5"},
    {"evaluations": -1},
    {"seconds": math.nan},
    {"seconds": math.inf},
    {"seconds": 0},
    {"seconds": True},
    {"seconds": "5"},
    {"dollars": 0},
    {"dollars": math.inf},
    {"dollars": "1"},
    {"calls": 0},
    {"tokens": 1.5},
    {"models": "gpt"},
    {"models": [3]},
    {"prices": "1/2"},
    {"base_url": 3},
    {"api_key_env": 3},
    {"model_file": 3},
    {"calls_in_flight": 0},
    {"workers": 0},
    {"workers": 1.5},
    {"seed": -1},
    {"seed": False},
    {"allow_unsafe": 1},
    {"strict": "no"},
    {"proposer": None},
    {"archive": 3},
    {"sandbox": None},
    {"name": "a/b"},
    {"name": ".."},
    {"name": "."},
    {"name": ""},
    {"name": "a\nb"},
    {"name": 3},
]


@pytest.mark.parametrize("options", WRONG, ids=str)
def test_the_python_api_refuses_what_makes_no_sense(options: dict[str, Any], tmp_path: Path) -> None:
    """The message names the option, or the name, and nothing is left behind."""
    ((option, value),) = options.items()
    with pytest.raises(TaskError) as caught:
        evolve.run("bin_packing", runs=tmp_path, **options)
    assert option in str(caught.value)
    assert repr(value) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_option_that_does_not_exist_is_an_argument_that_does_not_exist(tmp_path: Path) -> None:
    """The signature says what there is, so that Python itself, help() and editors know."""
    with pytest.raises(TypeError, match="trails"):
        evolve.run("bin_packing", runs=tmp_path, trails=5)  # type: ignore[call-arg]
    signature = inspect.signature(evolve.run)
    assert set(inspect.signature(Options).parameters) < set(signature.parameters)
    for name, parameter in inspect.signature(Options).parameters.items():
        assert signature.parameters[name].default == parameter.default


def test_numbers_of_numpy_are_numbers() -> None:
    """They come out of arrays and data frames, and go into the journal as Python's."""
    assert check_limits({"trials": np.int64(3), "seconds": np.float64(0.5)}) == {"trials": 3, "seconds": 0.5}
    limits = check_limits({"trials": np.int64(3), "seconds": np.float32(0.5)})
    assert [type(value) for value in limits.values()] == [int, float]
    assert type(Options(seed=np.int64(3)).seed) is int  # type: ignore[arg-type]


def test_a_limit_that_does_not_exist_is_named() -> None:
    """With those there are."""
    with pytest.raises(
        TaskError, match=r"no limit 'trails'; there are trials, evaluations, calls, tokens, dollars and seconds"
    ):
        check_limits({"trails": 3})


def test_a_name_is_that_of_a_folder() -> None:
    """Spaces and other alphabets are allowed, but not at its ends, where nobody sees them."""
    assert check_name("a run ü") == "a run ü"
    for name in (" ", "", "a ", " a", "..", ".", "a/b", "a\n"):
        with pytest.raises(TaskError, match="is no name for the folder of a run"):
            check_name(name)


@pytest.mark.parametrize(
    ("dollars", "nanodollars"), [(1, 10**9), (0.1, 10**8), (1e-9, 1), (0.0000000019, 1), (2.5, 25 * 10**8)]
)
def test_dollars_are_what_is_written(dollars: float, nanodollars: int) -> None:
    """Whole nano-dollars, rounded down: a tenth is a tenth."""
    assert check_limits({"dollars": dollars}) == {"nanodollars": nanodollars}


@pytest.mark.parametrize("options", [{"base_url": "http://localhost/v1"}, {"api_key_env": "K"}, {"prices": ["1/2"]}])
def test_options_of_models_need_a_model(options: dict[str, Any], tmp_path: Path) -> None:
    """Else they would be ignored without a word."""
    with pytest.raises(TaskError, match=r"there are no models for what \w+ says: name one with --model"):
        evolve.run("bin_packing", runs=tmp_path, **options)


@pytest.mark.parametrize(
    ("limits", "options", "said"),
    [
        ({"dollars": 5}, {}, "a limit on dollars would never end this run, since it asks no models"),
        ({"dollars": 5, "calls": 9}, {}, "a limit on (dollars and calls|calls and dollars) would never end this run"),
        ({"dollars": 5}, {"models": ["simulated"]}, "since what it asks costs nothing: give another one too"),
    ],
)
def test_a_limit_on_what_is_never_spent_ends_no_run(
    limits: dict[str, Any], options: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """So it is not begun, nor estimated."""
    with pytest.raises(TaskError, match=said):
        evolve.run("bin_packing", runs=tmp_path, **limits, **options)
    assert not any(tmp_path.iterdir())
