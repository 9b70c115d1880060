"""All distances that can be reached from the left, by the last letter; then one way back."""

from itertools import pairwise


def find(text: str, distance: int) -> str:
    """An exact hit wherever there is one."""
    steps: list[dict[tuple[str, int], str]] = []
    within = sum(a != b for a, b in pairwise(text))
    reached: dict[tuple[str, int], str] = {("", within): ""}
    for letter in text:
        following: dict[tuple[str, int], str] = {}
        for last, total in reached:
            for new in "AB":
                following.setdefault((new, total + (new != letter) + (last not in ("", new))), last)
        steps.append(following)
        reached = following
    here = min(reached, key=lambda each: abs(each[1] - distance))
    found = ""
    for place in range(len(text) - 1, -1, -1):
        new, total = here
        last = steps[place][here]
        found = new + found
        here = (last, total - (new != text[place]) - (last not in ("", new)))
    return found
