"""The order of the jobs in a flow shop: each job passes all machines, in the order of the machines."""

from flowshop.priority import priority


def makespan(times, order):
    """When the last machine has finished the jobs in this order."""
    free = [0] * len(times[0])
    for job in order:
        ready = 0
        for machine, time in enumerate(times[job]):
            ready = free[machine] = max(ready, free[machine]) + time
    return free[-1]


# EVOLVE-BLOCK-START
def order(times):
    """The numbers of the jobs in order; `times[job][machine]` are whole numbers."""
    window = 1
    chosen = []
    for job in sorted(range(len(times)), key=lambda job: priority(times[job]), reverse=True):
        places = range(max(0, len(chosen) - window), len(chosen) + 1)
        tries = [chosen[:place] + [job] + chosen[place:] for place in places]
        chosen = min(tries, key=lambda tried: makespan(times, tried))
    return chosen


# EVOLVE-BLOCK-END
