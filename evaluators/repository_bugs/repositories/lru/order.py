"""The order of use."""


def touch(used, key):
    """Move a key to the end of the list, where the most recently used one is."""
    for place, other in enumerate(used):
        if other == key:
            del used[place]
            break
    used.append(key)
