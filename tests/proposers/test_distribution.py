"""A distribution learns when somebody looks, and it does not matter when that is."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.proposers._distribution import Distribution, Gaussian


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 8), st.integers(0, 1000), st.lists(st.booleans(), max_size=8))
def test_it_does_not_matter_when_somebody_looks(n: int, seed: int, looks: list[bool]) -> None:
    """After each generation, after some, or at the end."""
    always, sometimes = Distribution(n, 0.3), Distribution(n, 0.3)
    drawn = np.random.default_rng(seed)
    for look in looks:
        points = [always.now.sample(drawn) for _ in range(always.size)]
        costs = [float(np.square(point - 1.0).sum()) for point in points]
        for distribution in (always, sometimes):
            distribution.tell(points, costs)
        if look:
            assert sometimes.now.sigma == always.now.sigma
    assert np.array_equal(sometimes.now.mean, always.now.mean)
    assert np.array_equal(sometimes.now.root, always.now.root)
    assert sometimes.now.sigma == always.now.sigma


@pytest.mark.parametrize("n", [2, 3, 5, 10, 40])
def test_it_begins_as_the_library_does(n: int) -> None:
    """With as many points in a generation, and with the same first distribution."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns when matplotlib is missing
        import cma  # type: ignore[import-untyped]  # noqa: PLC0415
    strategy = cma.CMAEvolutionStrategy(np.zeros(n), 0.3, {"verbose": -9, "seed": float("nan")})
    begun = Distribution(n, 0.3)
    assert begun.size == strategy.popsize
    assert begun.now.sigma == strategy.sigma
    assert np.array_equal(begun.now.mean, strategy.mean)
    assert np.array_equal(begun.now.root, Gaussian.around(n, 0.3).root)


def test_what_is_told_alone_is_not_learned() -> None:
    """Not even the library is imported, which takes half a second."""
    code = (
        "import sys; import numpy as np; from evolve.proposers._distribution import Distribution; "
        "made = Distribution(3, 0.3); made.tell([np.ones(3) * at for at in range(made.size)], range(made.size)); "
        "assert 'cma' not in sys.modules; made.now; sys.exit('cma' not in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
