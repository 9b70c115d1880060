"""What a scaffold has to be able to do before anything is spent on it: python3 checks/smoke.py

A model is played here by canned answers, so nothing is asked of anybody. This file may not change in a search.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scaffold import propose, solve

TEXT = "# EVOLVE-BLOCK-START\ndef weight(size):\n    return 22.0 - size\n# EVOLVE-BLOCK-END\n"
BLOCK = "Change: less\n\n<<<<<<< SEARCH\n    return 22.0 - size\n=======\n    return 11.0 - size\n>>>>>>> REPLACE\n"
FENCE = "Change: less\n\n```python\ndef weight(size):\n    return 11.0 - size\n```\n"


def program(score, text=TEXT):
    """A program as a proposal is told of it."""
    files = {"program.py": text}
    said = {"number": 3, "summary": "a change", "status": "ok", "score": score, "feedback": "It works."}
    return {**said, "metrics": ["bins 210"], "instances": ["u500 0.25"], "files": files}


def context(seed):
    """What is known beside the parent."""
    other = program(0.6, TEXT.replace("22.0", "20.0"))
    history = {"attempts": [{"summary": "a change", "outcome": "score 0.25, worse"}], "deleted": ["x = 2"], "ideas": []}
    search = {"task": "Weigh.", "direction": "maximize", "number": 8, "stalled": 30, "best": other, **history}
    wish = ["", "", "leap", "combine", "tune"][seed % 5]
    place = {"paths": ["program.py"], "marked": True, "inspirations": [other], "operator": wish}
    return {**search, **place, "seed": seed, "models": ["model"], "max_tokens": 1000}


def main():
    """Propose and solve with each kind of prompt, and with a first answer that is of no use."""
    for seed in range(12):
        for score in (0.5, None):
            answers = iter([["I would think about it.", FENCE], [BLOCK]][seed % 2])
            asked = []

            def ask(messages, dice):
                asked.append(messages[-1][1])
                return next(answers)

            files = propose(program(score), context(seed), ask)
            assert files == {"program.py": TEXT.replace("22.0", "11.0")}, files
            assert "22.0 - size" in asked[0], asked[0]
    instance = {"task": "Weigh less.", "files": {"program.py": TEXT, "other.py": ""}, "paths": ["program.py"]}
    instance = {**instance, "marked": True, "seed": 1, "models": ["model"], "max_tokens": 1000}
    assert solve(instance, lambda messages, dice: BLOCK) == {"program.py": TEXT.replace("22.0", "11.0")}


if __name__ == "__main__":
    main()
