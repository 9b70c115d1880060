"""A scaffold: what turns a program and what is known of it into a better one, with the help of a model.

    propose(parent, context) -> files       paths -> text of the files that change, None for one that goes
    solve(instance) -> answer               the same for a task that is told in words

All that crosses is plain data. There is no clock, no network and no memory from call to call: chance comes from the
seed, what is known is in the arguments, and a model answers through the socket of `gateway`.
"""

from __future__ import annotations

import random
from pathlib import Path

from answers import Refused, applied
from gateway import asker
from templates import render

WEIGHTS = {"edit": 0.5, "rewrite": 0.2, "combine": 0.15, "leap": 0.3}
PATIENCE = 25  # trials without a new best one, after which a leap is worth a try
RETRIES = 1  # how often an answer that cannot be applied is sent back
MOST_BYTES = 48_000  # of a prompt
NOTES = Path(__file__).with_name("notes.md")


def propose(parent, context, ask=None):
    """Ask for one change of the parent's program."""
    dice = random.Random(context["seed"])
    others = [other for other in context["inspirations"] if other["files"] != parent["files"]]
    operator = choose(parent, context, others, dice)
    partner = dice.choice(others) if operator == "combine" else None
    values = {
        **context,
        "parent": shown(parent, context["paths"]),
        "best": shown(context["best"]) if context["best"] else None,
        "partner": shown(partner) if partner else None,
        "inspirations": [shown(other) for other in others if other is not partner],
        "lessons": lessons(),
        "functions": all(path.endswith(".py") for path in context["paths"]),
    }
    prompt = render(operator, values)
    while len(prompt.encode()) > MOST_BYTES and values["inspirations"]:
        values["inspirations"] = values["inspirations"][:-1]
        prompt = render(operator, values)
    files = {path: parent["files"][path] for path in context["paths"]}
    return answered(prompt, files, values, ask or asker(context), dice)


def solve(instance, ask=None):
    """Ask for the files of a small programming task that make its hidden tests pass."""
    program = {"score": None, "metrics": [], "instances": [], "feedback": "", "files": instance["files"]}
    values = {
        **{"direction": "maximize", "best": None, "inspirations": [], "attempts": [], "deleted": []},
        **{"task": instance["task"], "paths": instance["paths"], "marked": instance["marked"]},
        **{"number": instance["seed"] % 1000, "lessons": lessons(), "parent": shown(program, instance["paths"])},
    }
    files = {path: instance["files"][path] for path in instance["paths"]}
    return answered(render("edit", values), files, values, ask or asker(instance), random.Random(instance["seed"]))


def choose(parent, context, others, dice):
    """The kind of change to ask for: what the search wishes for, if it can be; a leap when it stalls."""
    if parent["score"] is None:
        return "repair"
    applies = {"combine": bool(others), "leap": context["stalled"] >= PATIENCE}
    names = [name for name in WEIGHTS if applies.get(name, True)]
    if context["operator"] in ("leap", *names):
        return context["operator"]
    return dice.choices(names, [WEIGHTS[name] for name in names])[0]


def answered(prompt, files, values, ask, dice):
    """What the model's answer makes of `files`; it is told once what was wrong with an answer."""
    messages = [("system", render("system", values)), ("user", prompt)]
    for left in range(RETRIES, -1, -1):
        answer = ask(messages, dice)
        try:
            return applied(answer, files)
        except Refused as refused:
            if not left:
                raise
            retry = render("retry", {**values, "problem": str(refused)})
            messages += [("assistant", answer.strip() or "(nothing)"), ("user", retry)]


def shown(program, paths=None):
    """A program as the prompts show it: its files in a list, those that may not change marked as such."""
    order = list(program["files"]) if paths is None else [*paths, *sorted(program["files"].keys() - set(paths))]
    notes = {path: "" if paths is None or path in paths else " (may not change)" for path in order}
    files = [{"path": path, "text": program["files"][path], "note": notes[path]} for path in order]
    return {**program, "files": files}


def lessons():
    """What the notes say has been learned: their lines that begin with a dash."""
    lines = NOTES.read_text(encoding="utf-8").splitlines() if NOTES.exists() else []
    return [line[2:].strip() for line in lines if line.startswith("- ")]
