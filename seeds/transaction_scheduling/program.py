"""In which order transactions run."""


# EVOLVE-BLOCK-START
def schedule(transactions):
    """The order of arrival, but each write gets a transaction ahead by two places and each read by one."""
    places = []
    for number, operations in enumerate(transactions):
        place = 1.0 * number
        for kind, key in operations:
            place -= 2.0 if kind == "w" else 1.0
        places.append(place)
    return sorted(range(len(transactions)), key=lambda number: places[number])


# EVOLVE-BLOCK-END
