"""Tasks for tests in which scaffolds improve themselves: small, fast, and one edit that is truly better.

The scaffold asks a model once for each proposal; what it does with the answer to a downstream task is a number in its
own text, FACTOR. So a model that, asked to improve the scaffold, gives another FACTOR has made a better proposer or a
worthless one, and it is known which.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from evolve.testing.servers import Asked, Served, chat

__all__ = ["PLANTED", "answer", "write_tasks"]

PLANTED, USELESS = 0.8, 0.05
"""The FACTOR that is truly better, and the one of the seed and of all other edits."""

_EVALUATE = """
def evaluate(program, split="search"):
    value = program.call("value")
    return {"score": -abs(value - 3.0)}
"""
_SCAFFOLD = """
import http.client, json, os, re, socket
FACTOR = 0.05
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["EVOLVE_GATEWAY"])
def ask(context, text):
    connection = Connection("gateway")
    request = {"model": context["models"][0], "messages": [{"role": "user", "content": text}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(request))
    return json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
def propose(parent, context):
    if "scaffold.py" in parent["files"]:
        said = ask(context, f"edit {context['number']}")
        return {"scaffold.py": re.sub(r"(?m)^FACTOR = .*$", said, parent["files"]["scaffold.py"])}
    said = ask(context, f"step {context['number']} {context['seed']}")
    value = float(parent["files"]["program.py"].rpartition(" ")[2])
    return {"program.py": f"def value():\\n    return {value + FACTOR * float(said)}\\n"}
"""


def write_tasks(folder: Path, tables: str) -> Path:
    """A task of scaffolds with these tables besides `[task]` and `[improve]`; its path."""
    near, mine, better = (folder / name for name in ("near", "mine", "better"))
    for made in (near / "seed", mine, better):
        made.mkdir(parents=True)
    (near / "task.toml").write_text("[task]\nbest_known = 0.0\n")
    (near / "evaluate.py").write_text(_EVALUATE)
    (near / "seed" / "program.py").write_text("def value():\n    return 0.5\n")
    (mine / "scaffold.py").write_text(_SCAFFOLD)
    (better / "task.toml").write_text(
        f'[task]\nseed = "../mine"\neditable = ["scaffold.py"]\n[improve]\ntasks = ["../near"]\ncalls = 3\n{tables}'
    )
    return better


def answer(asked: Asked) -> Served:
    """To an edit: the third one plants the better FACTOR, the others change nothing. To a step: a number up to 2."""
    if (edit := re.fullmatch(r"edit (\d+)", asked.text)) is not None:
        number = int(edit[1])
        return chat(f"FACTOR = {PLANTED if number == 3 else USELESS}  # {number}")
    draw = int(hashlib.sha256(asked.text.encode()).hexdigest()[:8], 16) / 2**32
    return chat(f"{2.0 * draw:.6f}")
