"""A pattern as pieces: "*", "?", or what one character may be as (wanted, set of characters)."""


def pieces(pattern):
    """None where a bracket has no end."""
    found = []
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        if letter in "*?":
            found.append(letter)
        elif letter == "[":
            end = pattern.find("]", place + 1)
            if end < 0:
                return None
            inside = pattern[place + 1 : end]
            wanted = not inside.startswith("!")
            found.append((wanted, letters(inside if wanted else inside[1:])))
            place = end
        else:
            found.append((True, {letter}))
        place += 1
    return found


def letters(text):
    """The characters of a bracket, ranges spelt out."""
    found = set()
    place = 0
    while place < len(text):
        if place + 2 < len(text) and text[place + 1] == "-":
            for code in range(ord(text[place]), ord(text[place + 2]) + 1):
                found.add(chr(code))
            place += 3
        else:
            found.add(text[place])
            place += 1
    return found
