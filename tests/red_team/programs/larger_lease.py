"""Attacker: tries to mint itself a larger lease, or models that it was not lent."""

from typing import Any

HARMLESS = True
STEPS = 1
MORE = {"calls": 10**9, "tokens": 10**12, "nanodollars": 10**15, "seconds": 1e9, "models": ["other"]}


def propose(world: Any, parent: Any, context: Any) -> Any:
    """By paths that a gateway might have, fields, headers, and numbers that are none; then until it is refused."""
    claims = []
    for where in (
        "/v1/lease",
        "/v1/leases",
        "/lease",
        "/admin",
        "/v1/budget",
        "/v1/keys",
        "//v1/models",
        "/v1/../lease",
    ):
        methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
        claims += [f"{method} {where} was answered" for method in methods if world.send(method, where, MORE)[0] < 400]
    if world.ask("another model", model="other")[0] < 400:
        claims.append("asked a model that was not lent")
    for more in ({"max_tokens": -(10**6)}, {"max_tokens": 10**12}, {"n": 1000}, {"lease": MORE}, {"max_tokens": "100"}):
        world.ask("a number", **more)
    asked = 0
    while asked < 100 and world.ask(f"question {asked}", headers={"x-lease": "1000000"})[0] == 200:
        asked += 1
    return world.told(parent, claims)
