"""A name against a pattern, all places at once."""

from .pieces import pieces


# EVOLVE-BLOCK-START
def matches(pattern, name):
    parts = pieces(pattern)
    if parts is None:
        return False
    reached = {0}
    for part in parts:
        if part == "*":
            reached = set(range(min(reached), len(name) + 1)) if reached else reached
        elif part == "?":
            reached = {place + 1 for place in reached if place < len(name)}
        else:
            wanted, known = part
            reached = {place - 1 for place in reached if place < len(name) and (name[place] in known) == wanted}
    return len(name) in reached
# EVOLVE-BLOCK-END
