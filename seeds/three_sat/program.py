"""An assignment that satisfies many clauses."""


# EVOLVE-BLOCK-START
def assign(variables, clauses):
    """Each variable has the sign that it has in the clauses with it, its first literals counting more."""
    lean = [0.0] * (variables + 1)
    for clause in clauses:
        for place, literal in enumerate(clause):
            lean[abs(literal)] += (1.0 if literal > 0 else -0.4) * (1.0 - 0.3 * place)
    return [value > 0.0 for value in lean[1:]]


# EVOLVE-BLOCK-END
