"""A binary heap in a list: no entry is less than the one at half its place."""


def push(heap, entry):
    heap.append(entry)
    place = len(heap) - 1
    while place > 0:
        above = (place - 1) // 2
        if heap[above] <= heap[place]:
            break
        heap[above], heap[place] = heap[place], heap[above]
        place = above


def pop(heap):
    """Take the least entry."""
    last = heap.pop()
    if not heap:
        return last
    least, heap[0] = heap[0], last
    place = 0
    while 2 * place + 1 < len(heap):
        below = 2 * place + 1
        if below + 1 < len(heap) and heap[below + 1] < heap[below]:
            below += 1
        if heap[place] <= heap[below]:
            break
        heap[place], heap[below] = heap[below], heap[place]
        place = below
    return least
