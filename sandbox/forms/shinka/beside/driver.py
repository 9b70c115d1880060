"""In a candidate's process: runs the user's evaluator as the script that it is. Nothing said from here is believed."""

import os
import runpy
import sys

from evolve_form import place

_RESULTS = "results"
_KEPT = 4 * 2**20  # bytes of all other files that the evaluator leaves


def run(entry, name, wanted, seed):
    """The texts of metrics.json and correct.json, how the script ended, and what other files it left. Raises what the
    script raised when one of the two is missing."""
    place.enter()
    place.seed(seed)
    results = os.path.join(place.WORK, _RESULTS)
    os.makedirs(results, exist_ok=True)
    script = os.path.join(place.FOLDER, entry)
    sys.argv = [script, "--program_path", place.program(name, wanted), "--results_dir", results]
    ended, error = "", None
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        ended = f"{entry} ended with exit code {end.code}" if end.code else ""
    except Exception as raised:  # noqa: BLE001 - the user's script; what it has written before that counts
        ended, error = f"{entry} raised {type(raised).__name__}: {raised}", raised
    said = {"ended": ended}
    for key in ("metrics", "correct"):
        path = os.path.join(results, f"{key}.json")
        if not os.path.isfile(path):
            if error is not None:
                raise error
            raise FileNotFoundError(f"{ended or entry + ' ended'} without writing {key}.json into --results_dir")
        with open(path, encoding="utf-8", errors="replace") as file:
            said[key] = file.read()
    said["files"] = _left(results)
    return said


def _left(results):
    """The other files, by their paths, as far as there is room for them."""
    left, room = {}, _KEPT
    for folder, _, names in os.walk(results):
        for name in sorted(names):
            path = os.path.join(folder, name)
            where = os.path.relpath(path, results)
            if where in ("metrics.json", "correct.json") or os.path.islink(path) or not os.path.isfile(path):
                continue
            room -= os.path.getsize(path)
            if room < 0:
                return left
            with open(path, "rb") as file:
                left[where] = file.read()
    return left
