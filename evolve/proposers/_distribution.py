"""A search distribution of CMA-ES that learns from tells alone.

The covariance matrix adaptation evolution strategy (Hansen and Ostermeier 2001; Hansen, "The CMA Evolution Strategy: A
Tutorial", arXiv:1604.00772) from the library `cma`. Sampling is kept apart from learning: it changes nothing, so it may
happen on any thread, any number of times, and a replay that only tells arrives at the same distribution.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Distribution", "Gaussian"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Points mean + sigma * root @ z with z standard normal; shapes (n,), (), (n, n)."""

    mean: Vector
    sigma: float
    root: Vector

    def sample(self, rng: np.random.Generator, widen: float = 1.0) -> Vector:
        """One point, shape (n,)."""
        z = rng.standard_normal(len(self.mean))
        return self.mean + widen * self.sigma * (self.root @ z)

    @property
    def width(self) -> float:
        """The largest standard deviation along an axis."""
        return self.sigma * float(np.sqrt(np.square(self.root).sum(axis=1).max()))

    @classmethod
    def around(cls, n: int, sigma: float) -> Gaussian:
        """Round the origin, with the same width in all n directions."""
        return cls(np.zeros(n), sigma, np.eye(n))


class Distribution:
    """Starts round the origin of n >= 2 dimensions with width `sigma`.

    It learns when somebody looks. A replay tells of hundreds of structures and looks at the few that are still tuned at
    its end; a strategy alone takes milliseconds to make.
    """

    def __init__(self, n: int, sigma: float) -> None:
        self.size = 4 + int(3 * math.log(n))
        """Points in a generation: the default of CMA-ES (tutorial, equation 48)."""
        self._now = Gaussian.around(n, sigma)
        self._strategy: Any = None
        self._told: list[tuple[Sequence[Vector], Sequence[float]]] = []
        """Generations that it has not learned from yet."""

    def tell(self, points: Sequence[Vector], costs: Sequence[float]) -> None:
        """Learn from a generation of points, shape (n,) each; lower cost is better. Points may come from anywhere."""
        self._told.append((points, costs))

    @property
    def now(self) -> Gaussian:
        """After all that was told. Not for many threads at once."""
        if self._told:
            self._learn()
        return self._now

    def _learn(self) -> None:
        if self._strategy is None:
            self._strategy = _strategy(len(self._now.mean), self._now.sigma, self.size)
            self._strategy.ask()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of points from elsewhere, and of flat costs: both are expected
            for points, costs in self._told:
                self._strategy.tell(list(points), list(costs))
                # asking brings the decomposition of the covariance up to date; the points themselves are not used
                self._strategy.ask()
        self._told = []
        root = np.array([self._strategy.sm.transform(axis) for axis in np.eye(self._strategy.N)]).T
        self._now = Gaussian(np.array(self._strategy.mean), float(self._strategy.sigma), root)


def _strategy(n: int, sigma: float, size: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import warns when matplotlib is missing
        # 0.6 s, which only searches that tune have to wait for
        import cma  # type: ignore[import-untyped]  # noqa: PLC0415
    generator = np.random.default_rng(0)
    options = {
        "popsize": size,
        "seed": float("nan"),  # leave the global generator alone
        "randn": lambda *shape: generator.standard_normal(shape),
        "verbose": -9,
        "CMA_active": True,
    }
    return cma.CMAEvolutionStrategy(np.zeros(n), sigma, options)
