"""A text at a given grid distance from another one."""


# EVOLVE-BLOCK-START
def find(text, distance):
    """The text with letters changed from its beginning on, the more of them the greater the distance."""
    changes = int(0.2 * distance)
    letters = list(text)
    for place in range(0, len(letters), 1):
        if changes > 0:
            letters[place] = "B" if letters[place] == "A" else "A"
            changes -= 1
    return "".join(letters)


# EVOLVE-BLOCK-END
