"""The identity of the model that a comparison was made with: nobody compares what answered by other rules."""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from evolve.simulated import VERSION, Rates

__all__ = ["simulated_identity", "without_code"]

_CODE = re.compile(r" \(code [0-9a-f]+\)")

_RECORDS = frozenset({"evolve.types", "evolve.errors", "evolve.objects"})
"""What only holds data: the answers do not depend on how it is written."""


def simulated_identity(rates: Rates | None = None) -> str:
    """Name, version, hash and rates of the simulated model, as it is in this process's package.

    The hash is of the text of `evolve.simulated` and of all modules of ours that it imports, through others too. The
    model's seed is not in it: that is the seed of the run.
    """
    digest = hashlib.sha256()
    for name, text in sorted(_modules("evolve.simulated").items()):
        digest.update(f"{name}\0".encode() + text + b"\0")
    shares = " ".join(f"{kind}={share:g}" for kind, share in asdict(rates or Rates()).items() if share)
    return f"simulated version {VERSION} (code {digest.hexdigest()[:12]}) {shares}"


def without_code(identity: str) -> str:
    """The identity without the hash: who has the same version and rates answers alike, which a test holds it to."""
    return _CODE.sub("", identity)


def _modules(root: str) -> dict[str, bytes]:
    """The texts of a module and of those that it imports, without what only holds data."""
    found: dict[str, bytes] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        spec = None if name in found or name in _RECORDS else find_spec(name)
        if spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin).read_bytes()
        imports = [node.module or "" for node in ast.walk(ast.parse(found[name])) if isinstance(node, ast.ImportFrom)]
        waiting += [module for module in imports if module.startswith("evolve.")]
    return found
