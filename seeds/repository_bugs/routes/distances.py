"""Dijkstra's algorithm."""


def neighbours(nodes, edges):
    found = [[] for _ in range(nodes)]
    for one, other, length in edges:
        found[one].append((other, length))
    return found


def shortest(nodes, edges, start):
    near = neighbours(nodes, edges)
    lengths = [None] * nodes
    lengths[start] = 0
    waiting = {start}
    while waiting:
        node = min(waiting, key=lambda each: lengths[each])
        waiting.remove(node)
        for other, length in near[node]:
            total = lengths[node] + length
            if lengths[other] is None or total < lengths[other]:
                lengths[other] = total
                waiting.add(other)
    return lengths


def way(nodes, edges, start, end):
    """Backwards from the end, so lengths have to be above 0; of several the first by its nodes."""
    turned = [[other, one, length] for one, other, length in edges]
    left = shortest(nodes, turned, end)
    if left[start] is None:
        return None
    near = neighbours(nodes, edges)
    found = [start]
    while found[-1] != end:
        here = found[-1]
        steps = [
            other for other, length in near[here] if left[other] is not None and left[other] + length == left[here]
        ]
        found.append(min(steps))
    return found
