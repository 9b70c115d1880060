"""The evaluator that ShinkaEvolve is given: it asks the runner's scorer, and writes the two files that are read."""

import argparse
import json
import os
import urllib.request
from pathlib import Path


def main(program_path: str, results_dir: str) -> None:
    """Score one program."""
    request = urllib.request.Request(os.environ["PEERS_SCORER"], data=Path(program_path).read_bytes())
    with urllib.request.urlopen(request, timeout=290) as answer:
        told = json.load(answer)
    correct = told["combined_score"] is not None
    metrics = {
        "combined_score": told["combined_score"] if correct else 0.0,
        "public": {},
        "private": {},
        "text_feedback": told["feedback"],
    }
    folder = Path(results_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "correct.json").write_text(
        json.dumps({"correct": correct, "error": None if correct else told["feedback"]})
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path", required=True)
    parser.add_argument("--results_dir", required=True)
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
