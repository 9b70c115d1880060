"""Dynamic programming over prefixes."""


# EVOLVE-BLOCK-START
def distance(a, b):
    row = list(range(len(b) + 1))
    for i in range(1, len(a) + 1):
        above, row = row, [i]
        for j in range(1, len(b) + 1):
            change = above[j - 1] + (a[i - 1] != b[j - 1])
            row.append(min(change, above[j] + 1, row[j + 1] + 1))
    return row[-1]
# EVOLVE-BLOCK-END


def common(a, b):
    """The lengths of longest common subsequences of all ends: [i][j] of a[i:] and b[j:]."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            if a[i] == b[j]:
                table[i][j] = table[i + 1][j + 1] + 1
            else:
                table[i][j] = max(table[i + 1][j], table[i][j + 1])
    return table


def same(a, b):
    return common(a, b)[0][0]
