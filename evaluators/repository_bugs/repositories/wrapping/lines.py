"""Words to lines."""


def words(text, width):
    """The words of a text, those longer than the width in pieces."""
    found = []
    for word in text.split():
        while len(word) > width:
            found.append(word[:width])
            word = word[width:]
        found.append(word)
    return found


def wrap(text, width):
    lines = []
    current = ""
    for word in words(text, width):
        if current == "":
            current = word
        elif len(current) + 1 + len(word) <= width:
            current = current + " " + word
        else:
            lines.append(current)
            current = word
    if current:
        lines.append(current)
    return lines
