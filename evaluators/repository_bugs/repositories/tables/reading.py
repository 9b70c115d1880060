"""Text to rows, character by character."""


def read(text):
    rows = []
    row = []
    cell = ""
    quoted = False
    place = 0
    while place < len(text):
        letter = text[place]
        if quoted:
            if letter == '"' and text[place + 1 : place + 2] == '"':
                cell += '"'
                place += 1
            elif letter == '"':
                quoted = False
            else:
                cell += letter
        elif letter == '"':
            quoted = True
        elif letter == ",":
            row.append(cell)
            cell = ""
        elif letter == "\n":
            rows.append(row + [cell])
            row, cell = [], ""
        else:
            cell += letter
        place += 1
    if row or cell:
        rows.append(row + [cell])
    return rows
