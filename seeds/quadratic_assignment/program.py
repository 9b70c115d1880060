"""An assignment of facilities to places."""


# EVOLVE-BLOCK-START
def assign(flows, distances, preferences):
    """Busy facilities choose first, among the places that are left, by what they like and how central a place is."""
    number = len(flows)
    order = sorted(range(number), key=lambda facility: -sum(flows[facility]))
    places = [0] * number
    free = list(range(number))
    for facility in order:
        best = free[0]
        for place in free:
            gain = 1.0 * preferences[facility][place] - 0.1 * sum(distances[place])
            if gain > 1.0 * preferences[facility][best] - 0.1 * sum(distances[best]):
                best = place
        places[facility] = best
        free.remove(best)
    return places


# EVOLVE-BLOCK-END
