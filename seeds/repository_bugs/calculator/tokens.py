"""The pieces of a text: whole numbers as ints, signs and parentheses as text."""


def tokens(text):
    """The pieces in order, or None where there is a character that belongs to none."""
    found = []
    place = 0
    while place < len(text):
        if text[place] == " ":
            place += 1
        elif text[place].isdigit():
            end = place + 1
            while end < len(text) and text[end].isdigit():
                end += 1
            found.append(int(text[place:end]))
            place = end
        elif text[place] in "+-*/()":
            found.append(text[place])
            place += 1
        else:
            return None
    return found
