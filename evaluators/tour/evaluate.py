"""Scores round tours that a program in JavaScript finds: their length, against what is expected of the best ones."""

import json

import numpy as np

CITIES = (50, 80, 120, 200)
EACH = 3
EXPECTED = 0.7124  # times the root of the number of cities: Johnson and McGeoch 1996, for many cities in a unit square


def instances(split):
    """Cities at random in the unit square, by name."""
    rng = np.random.default_rng([7, split == "held_out"])
    return {f"{n} cities, {k}": rng.random((n, 2)) for n in CITIES for k in range(EACH)}


def evaluate(program, split="search"):
    """The mean over the instances of a tour's length over the expected one; all are solved in one run."""
    given = instances(split)
    done = program.run(["node", "tour.js"], json.dumps([points.tolist() for points in given.values()]).encode())
    if done.returncode:
        raise ValueError(f"node ended with exit code {done.returncode}")
    tours = json.loads(done.stdout)
    if not isinstance(tours, list) or len(tours) != len(given):
        raise ValueError(f"{len(given)} tours are needed, one for each instance")
    scores = {
        name: length(name, points, tour) / (EXPECTED * len(points) ** 0.5)
        for (name, points), tour in zip(given.items(), tours, strict=True)
    }
    worst = max(scores, key=scores.__getitem__)
    return {
        "score": sum(scores.values()) / len(scores),
        "instances": scores,
        "metrics": {"milliseconds": 1000 * done.seconds},
        "feedback": f"The worst tour is {scores[worst]:.3f} times as long as expected: {worst}.",
    }


def length(name, points, tour):
    """The length of a round tour. Raises `ValueError` unless it visits every city once."""
    if not isinstance(tour, list) or any(type(city) is not int for city in tour):
        raise ValueError(f"{name}: a tour is a list of whole numbers")
    if sorted(tour) != list(range(len(points))):
        raise ValueError(f"{name}: the tour has to visit each of the {len(points)} cities once")
    way = points[tour]
    return float(np.hypot(*(way - np.roll(way, 1, axis=0)).T).sum())
