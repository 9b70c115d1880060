"""The cache: values by key, and a list of the keys by use."""

from .order import touch


class Cache:
    def __init__(self, capacity):
        self.capacity = capacity
        self.values = {}
        self.used = []

    def get(self, key):
        """The value, which is used by that; None where there is none."""
        if key not in self.values:
            return None
        touch(self.used, key)
        return self.values[key]

    def put(self, key, value):
        """Keep a value; what was used least recently goes when there are too many."""
        if key not in self.values and len(self.values) >= self.capacity:
            oldest = self.used.pop(0)
            del self.values[oldest]
        self.values[key] = value
        touch(self.used, key)

    def drop(self, key):
        """Forget a key; whether it was there."""
        if key not in self.values:
            return False
        del self.values[key]
        self.used.remove(key)
        return True

    def keys(self):
        return list(self.used)
