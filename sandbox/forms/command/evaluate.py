"""Asks a command for a program's score: what it prints on its last line, a number or a JSON object with a "score"."""

import json

with open("settings.json", encoding="utf-8") as file:
    SETTINGS = json.load(file)

# the command runs beside the task's files, and gets the program's path as its last argument
RUN = 'export PROGRAM="$PWD/$1" EVOLVE_SEED="$2"; shift 2; cd evaluator && exec "$@" "$PROGRAM"'


def evaluate(program, seed):
    """The score, or the object, that the command printed."""
    names = list(program.files)
    path = names[0] if len(names) == 1 else ""
    argv = ["sh", "-c", RUN, "sh", path, str(seed), *SETTINGS["command"]]
    done = program.run(argv, timeout=SETTINGS["timeout"])
    shown = " ".join(SETTINGS["command"])
    said = done.stderr.decode(errors="replace").strip()
    printed = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise program.Error(f"{shown} ended with exit code {done.returncode}", "failed", said or printed)
    last = printed.rpartition("\n")[2]
    try:
        value = json.loads(last)
    except ValueError:
        problem = "ended without printing its score" if not last else f"printed {last[:200]!r} on its last line"
        raise program.Error(
            f'{shown} {problem}: it has to be a number, or a JSON object with a "score"', "failed", said or printed
        ) from None
    if isinstance(value, dict) and "feedback" not in value and said:
        value["feedback"] = said[-4000:]
    return value
