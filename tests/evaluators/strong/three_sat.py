"""WalkSAT: a variable of a clause that is not satisfied is turned round, the one that breaks the fewest others."""

import random


def assign(variables: int, clauses: list[list[int]]) -> list[bool]:
    """After at most 2,000 turns."""
    draw = random.Random(0)
    found: list[list[int]] = [[] for _ in range(variables + 1)]
    for number, clause in enumerate(clauses):
        for literal in clause:
            found[abs(literal)].append(number)
    values = [draw.random() < 0.5 for _ in range(variables + 1)]
    true = [sum(values[abs(literal)] == (literal > 0) for literal in clause) for clause in clauses]
    open_clauses = [number for number, count in enumerate(true) if count == 0]
    for _ in range(2000):
        if not open_clauses:
            break
        chosen = [abs(literal) for literal in clauses[draw.choice(open_clauses)]]
        broken = [
            sum(true[number] == 1 and holds(clauses[number], values, each) for number in found[each]) for each in chosen
        ]
        least = min(broken)
        variable = draw.choice(chosen) if least > 0 and draw.random() < 0.4 else chosen[broken.index(least)]
        values[variable] = not values[variable]
        for number in found[variable]:
            if true[number] == 0:
                open_clauses.remove(number)
            true[number] += 1 if holds(clauses[number], values, variable) else -1
            if true[number] == 0:
                open_clauses.append(number)
    return values[1:]


def holds(clause: list[int], values: list[bool], variable: int) -> bool:
    """Whether the literal of that variable is true."""
    return any(abs(literal) == variable and values[variable] == (literal > 0) for literal in clause)
