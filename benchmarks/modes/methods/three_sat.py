"""Some turns of a local search."""

import random


def assign(variables: int, clauses: list[list[int]]) -> list[bool]:
    """A variable of a clause that is not satisfied is turned round, as often as there are variables, by halves."""
    draw = random.Random(0)
    values = [True] * (variables + 1)
    for variable in range(1, variables + 1):
        signs = [literal > 0 for clause in clauses for literal in clause if abs(literal) == variable]
        values[variable] = 2 * sum(signs) > len(signs)
    for _ in range(variables // 10):
        broken = [clause for clause in clauses if not any(values[abs(literal)] == (literal > 0) for literal in clause)]
        if not broken:
            break
        literal = draw.choice(draw.choice(broken))
        values[abs(literal)] = literal > 0
    return values[1:]
