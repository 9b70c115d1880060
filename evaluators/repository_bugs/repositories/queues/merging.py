"""Sorted lists to one."""

from .heap import pop, push


def merged(lists):
    heap = []
    for number, values in enumerate(lists):
        if values:
            push(heap, [values[0], number, 0])
    found = []
    while heap:
        value, number, place = pop(heap)
        found.append(value)
        if place + 1 < len(lists[number]):
            push(heap, [lists[number][place + 1], number, place + 1])
    return found
