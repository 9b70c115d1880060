"""Scores orders of jobs in a flow shop: how much longer they take than a bound that cannot be passed."""

import numpy as np

SHOPS = ((10, 5), (15, 5), (20, 5), (20, 10), (30, 5))  # jobs, machines
EACH = 2


def instances(split):
    """Times at random from 1 to 99, by name, as in Taillard 1993: `times[job][machine]`."""
    rng = np.random.default_rng([20, split == "held_out"])
    return {f"{n} x {m}, {k}": rng.integers(1, 100, (n, m)) for n, m in SHOPS for k in range(EACH)}


def evaluate(program, instance):
    """The share by which the makespan of one instance passes its bound."""
    order = program.call("order", instance.tolist())
    if not isinstance(order, list) or any(type(job) is not int for job in order):
        raise ValueError(f"order(times) has to return a list of whole numbers, and it returned {order!r:.100}")
    if sorted(order) != list(range(len(instance))):
        raise ValueError(f"order(times) has to name each of the {len(instance)} jobs once, and it returned {order}")
    return makespan(instance[order]) / bound(instance) - 1


def makespan(times):
    """When the last machine has finished the jobs, which come in the order of the rows."""
    free = np.zeros(times.shape[1], int)
    for job in times:
        ready = 0
        for machine, time in enumerate(job):
            ready = free[machine] = max(ready, free[machine]) + time
    return int(free[-1])


def bound(times):
    """No order takes less: a machine does all its work, after the shortest way there and before the shortest on."""
    ahead = np.cumsum(times, axis=1) - times
    behind = times.sum(axis=1, keepdims=True) - ahead - times
    return int((times.sum(axis=0) + ahead.min(axis=0) + behind.min(axis=0)).max())
