"""`evolve doctor`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias

from click.testing import Result

Invoke: TypeAlias = Callable[..., Result]


def test_doctor_tries_every_sandbox(invoke: Invoke) -> None:
    """Each is started, and says either what it does not protect from or what to do to make it work."""
    report = json.loads(invoke("doctor", "--json").output)
    sandboxes = {sandbox["name"]: sandbox for sandbox in report["sandboxes"]}
    assert set(sandboxes) == {"docker", "bubblewrap", "process"}
    assert all(sandbox["weaknesses"] if sandbox["works"] else sandbox["reason"] for sandbox in sandboxes.values())
    assert sandboxes["process"]["works"]
    assert report["auto"] == next(name for name, sandbox in sandboxes.items() if sandbox["works"])


def test_doctor_reads_well(invoke: Invoke) -> None:
    """People see the versions, a verdict for each sandbox, and which one is taken."""
    output = invoke("doctor").output
    assert "sandbox process works: " in output
    assert "--sandbox auto takes: " in output
