"""A cache that forgets what was used least recently, told by a list of operations.

`replay(capacity, operations)` plays ["put", key, value], ["get", key], ["drop", key] and ["keys"], and returns what each
but "put" returns: the value or None, whether the key was there, the keys from the least to the most recently used.
"""

from .cache import Cache


def replay(capacity, operations):
    cache = Cache(capacity)
    told = []
    for name, *arguments in operations:
        if name == "put":
            cache.put(*arguments)
        elif name == "get":
            told.append(cache.get(*arguments))
        elif name == "drop":
            told.append(cache.drop(*arguments))
        else:
            told.append(cache.keys())
    return told
