"""Replaces what writes its answers, and sends heads of frames that no honest process would write."""

import json
from typing import Any

HARMLESS = True
STYLE = "survey"
STATUS = "ok"
QUESTIONS = 28

_FORGED: list[Any] = [
    {"kind": []},
    {"kind": {}, "error": {}},
    {"kind": "failed", "error": None},
    {"kind": "failed", "error": ["x"] * 10},
    {"kind": "failed", "error": "x" * 2_000_000},
    {"kind": "failed", "error": "\ud800\udfff \x1b[2J"},
    {"kind": "nonsense", "error": "x"},
    {"kind": "evaluator", "error": "x"},
    {"op": "result", "nonce": "", "notes": [], "kind": "failed", "error": 1},
    {"call": None},
    {"call": -1},
    {"call": 10**30},
    {"call": [1]},
    {"pid": 1, "call": "1"},
    {"imported": [[]], "used": [[]], "modules": {}, "kind": 0},
    {"imported": ["os"] * 100_000, "used": ["antigravity"] * 1000, "kind": 0},
    '{"call": 1, "call": 2, "buffers": []}',
    '{"call": NaN, "buffers": []}',
    "[]",
    "0",
    "",
    '{"buffers": [-1, 1]}',
    '{"buffers": [99999999]}',
    '{"buffers": {}}',
    '{"buffers": [' + "0," * 100_000 + "0]}",
    '{"a":' * 50_000,
    '{"a": ' + "1" * 5000 + ', "buffers": []}',
    "\udcff",
]


def attack(_world: Any) -> list[str]:
    """Nothing: the answers are the attack."""
    return []


def solve(world: Any, question: int) -> str:
    """The frame that follows is the honest one, but for what is forged."""

    def write(_channel: int, frame: Any) -> None:
        forged = _FORGED[question]
        if isinstance(forged, dict):
            forged = json.dumps({**frame.head, **forged, "buffers": []})
        world.tell(world.frame(forged))

    world.harness().write = write
    return "never seen"
