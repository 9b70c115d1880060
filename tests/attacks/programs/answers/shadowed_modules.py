"""Brings files with the names of the harness's modules, and of modules that everybody imports."""

from typing import Any

HARMLESS = True
STATUS = ("ok", "failed")
FILES = (
    "frames.py",
    "candidate.py",
    "supervisor.py",
    "zygote.py",
    "conversation.py",
    "evaluator.py",
    "traceback.py",
    "socket.py",
    "numpy.py",
    "sitecustomize.py",
    "usercustomize.py",
    "pyvenv.cfg",
    "python.py",
    "python311._pth",
)
"""Each of them claims that it was run, when it is; by whom is what counts."""


def attack(_world: Any) -> list[str]:
    """Whatever the harness imports late, it would import from here; but in this process only."""
    return []
