"""Lines of equal length."""

from .lines import wrap


def spread(line, width):
    """A line with its spaces made more, the first ones first, until it has the width."""
    parts = line.split(" ")
    if len(parts) < 2:
        return line
    missing = width - len("".join(parts))
    each, more = divmod(missing, len(parts) - 1)
    found = parts[0]
    for place, part in enumerate(parts[1:]):
        extra = 1 if place < more else 0
        found += " " * (each + extra) + part
    return found


def justify(text, width):
    lines = wrap(text, width)
    return [spread(line, width) for line in lines[:-1]] + lines[-1:]
