"""Queues by priority.

`serve(operations)` plays ["add", priority, name] and ["take"], and returns the names taken: the lowest priority first,
among equals the one that was added first, None from an empty queue. `merged(lists)` merges sorted lists into one;
`smallest(numbers, count)` are so many of the smallest numbers, in order.
"""

from .heap import pop, push
from .merging import merged


def serve(operations):
    heap = []
    taken = []
    for place, operation in enumerate(operations):
        if operation[0] == "add":
            push(heap, [operation[1], place, operation[2]])
        elif heap:
            taken.append(pop(heap)[2])
        else:
            taken.append(None)
    return taken


def smallest(numbers, count):
    heap = []
    for number in numbers:
        push(heap, number)
    return [pop(heap) for _ in range(min(count, len(numbers)))]
