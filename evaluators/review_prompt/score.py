"""Scores a prompt: how many reviews a reader who takes it at its word gets right.

The reader stands in for a language model, so that the task needs none: it knows "WORD counts NUMBER for" or "against",
and "above NUMBER". To use a model, ask it here; the script runs beside the candidate, so give it no key.
"""

import json
import re
import sys
from pathlib import Path

prompt = Path(sys.argv[1]).read_text(encoding="utf-8")
rules = re.findall(r"^(\w+) counts (\d+(?:\.\d+)?) (for|against)$", prompt, re.MULTILINE)
above = re.search(r"above (\d+(?:\.\d+)?)", prompt)
if not rules or above is None:
    sys.exit('the prompt needs lines "WORD counts NUMBER for" or "against", and "above NUMBER"')
counts = {word: float(number) * (1 if side == "for" else -1) for word, number, side in rules}

right, misread = 0, []
reviews = Path("reviews.txt").read_text(encoding="utf-8").splitlines()
for line in reviews:
    label, _, review = line.partition(" ")
    total = sum(counts.get(word, 0.0) for word in re.findall(r"\w+", review.lower()))
    if (total > float(above[1])) == (label == "happy"):
        right += 1
    else:
        misread.append(f"{label}, sum {total:g}: {review}")

print(
    json.dumps(
        {
            "score": right / len(reviews) - len(prompt) / 100_000,  # of two that are as good, the shorter one
            "metrics": {"right": right, "of": len(reviews), "characters": len(prompt)},
            "feedback": "Misread:\n" + "\n".join(misread[:5]) if misread else "All were read right.",
        }
    )
)
