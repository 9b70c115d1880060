"""Ways in directed graphs, whose edges are [from, to, length] with nodes numbered from 0.

`shortest(nodes, edges, start)` has the length of the shortest way to each node, None where there is none;
`way(nodes, edges, start, end)` the nodes of the shortest way, of several the one that comes first by its nodes, or None;
`order(nodes, edges)` the nodes so that all edges go forward, smaller ones first where that is free, or None for a cycle;
`parts(nodes, edges)` how many parts there are when directions do not count.
"""

from .distances import shortest, way
from .sorting import order


def parts(nodes, edges):
    root = list(range(nodes))

    def top(node):
        while root[node] != node:
            node = root[node]
        return node

    count = nodes
    for one, other, _ in edges:
        a, b = top(one), top(other)
        if a != b:
            root[a] = b
            count -= 1
    return count
