"""A cut of a weighted graph."""


# EVOLVE-BLOCK-START
def cut(nodes, edges):
    """One node after another goes to the side on which fewer of its neighbours are, heavy edges counting a little more."""
    pull = [0.0] * nodes
    sides = [0] * nodes
    for node in range(nodes):
        sides[node] = 1 if pull[node] > 0.5 else 0
        for one, other, weight in edges:
            if one == node:
                pull[other] += (1.0 + 0.1 * weight) * (1.0 if sides[node] == 0 else -0.2)
    return sides


# EVOLVE-BLOCK-END
