"""Shares of an amount."""


def shares(amount, weights):
    total = sum(weights)
    found = [amount * weight // total for weight in weights]
    left = amount - sum(found)
    order = sorted(range(len(weights)), key=lambda place: -(amount * weights[place] % total))
    for place in order[:left]:
        found[place] += 1
    return found
