"""Topological order."""


# EVOLVE-BLOCK-START
def order(nodes, edges):
    coming = [0] * nodes
    for _, other, _ in edges:
        coming[other] += 1
    found = []
    free = [node for node in range(nodes) if coming[node] == 0]
    while free:
        node = min(free)
        free.remove(node)
        found.append(node)
        for one, other, _ in edges:
            if one == node:
                coming[other] -= 1
                if coming[other] == 0:
                    free.append(other)
    return found if len(found) != nodes else None
# EVOLVE-BLOCK-END
