"""Rows to text."""


def shown(cell):
    if "," in cell or '"' in cell or "\n" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def written(rows):
    return "".join(",".join(shown(cell) for cell in row) + "\n" for row in rows)
