"""The evaluator that OpenEvolve is given: it asks the runner's scorer."""

import json
import os
import urllib.request
from pathlib import Path


def evaluate(program_path: str) -> dict[str, float]:
    """The score, higher is better, and 0 for a program that has none."""
    request = urllib.request.Request(os.environ["PEERS_SCORER"], data=Path(program_path).read_bytes())
    with urllib.request.urlopen(request, timeout=290) as answer:
        return {"combined_score": json.load(answer)["combined_score"] or 0.0}
