"""Sealed: what is drawn for a score follows from a secret, too, which no program that is scored can know."""

from __future__ import annotations

import hashlib

from evolve.evaluation.scorer import Around, Scorer
from evolve.types import Evaluation, Program, Split

__all__ = ["Sealed", "sealed"]


class Sealed(Around):
    """Scores with seeds that nobody can compute without the secret: 63 bits, which nobody can try, for each seed. What
    an evaluator of one task is given of it are 31.

    A program that asks models hears numbers that follow from the seed which it is scored with. Could it find that seed
    out while it runs, from what is public and from these numbers, it would know its instances, held-out ones included,
    and whether it is screened, confirmed or reported. Programs that are scored with the same seed still meet the same
    instances.
    """

    def __init__(self, scorer: Scorer, secret: str) -> None:
        super().__init__(scorer)
        self._secret = secret

    def evaluate(self, program: Program, *, split: Split = "search", seed: int = 0) -> Evaluation:
        """Raises as the scorer does."""
        digest = hashlib.blake2b(f"{seed}".encode(), key=self._secret.encode(), digest_size=8).digest()
        return self._scorer.evaluate(program, split=split, seed=int.from_bytes(digest) >> 1)


def sealed(scorer: Scorer, secret: str) -> Scorer:
    """The scorer, with a secret if there is one; as it is without."""
    return Sealed(scorer, secret) if secret else scorer
