"""An assignment of facilities to places."""


# EVOLVE-BLOCK-START
def assign(flows, distances, preferences):
    """One facility after another takes the place it likes best, with a thought of what flows to those before it."""
    number = len(flows)
    places = {}
    free = list(range(number))
    for facility in range(number):
        best, most = free[0], None
        for place in free:
            moved = sum(flows[facility][other] * distances[place][places[other]] for other in places)
            gain = 1.0 * preferences[facility][place] - 0.02 * moved - 0.1 * sum(distances[place])
            if most is None or gain > most:
                best, most = place, gain
        places[facility] = best
        free.remove(best)
    return [places[facility] for facility in range(number)]


# EVOLVE-BLOCK-END
