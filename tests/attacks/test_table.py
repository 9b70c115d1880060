"""The table in docs/security.md is what the tests of attacks hold to be so."""

from __future__ import annotations

import tomllib
from itertools import groupby
from pathlib import Path

from evolve.testing.attacks import Attack, attacks

FOLDER = Path(__file__).parent
DOCUMENT = FOLDER.parents[1] / "docs" / "security.md"
START, END = "<!-- from tests/attacks -->\n", "<!-- until here -->\n"
SANDBOXES = ("docker", "bubblewrap", "process")
HEADINGS = {
    "answers": "Attacks on the score",
    "reading": "Reading what is not its own",
    "network": "Network",
    "resources": "Taking more than its share",
    "processes": "Processes",
    "leftovers": "What is left for the next candidate",
    "kernel": "The kernel",
}


def table(expected: dict[str, dict[str, str]]) -> str:
    """What becomes of each attack in each sandbox, and below it the reason for each that gets through."""
    parts: list[str] = []
    found = sorted(attacks(FOLDER), key=lambda attack: list(HEADINGS).index(attack.kind))
    for kind, group in groupby(found, lambda attack: attack.kind):
        lines = [f"### {HEADINGS[kind]}", "", f"| attack | {' | '.join(SANDBOXES)} |", "|---|---|---|---|"]
        for attack in group:
            cells = " | ".join(_cell(attack, sandbox, expected) for sandbox in SANDBOXES)
            lines.append(f"| `{attack.name}` {_text(attack.title)} | {cells} |")
        parts += [*lines, ""]
    parts += ["### Why they get through", ""]
    for sandbox in SANDBOXES:
        parts += [f"- `{name}` in {sandbox}: {why}." for name, why in expected[sandbox].items()]
    return "\n".join(parts) + "\n"


def _cell(attack: Attack, sandbox: str, expected: dict[str, dict[str, str]]) -> str:
    if attack.name in expected[sandbox]:
        return "**gets through**"
    return "caught" if attack.harmless or sandbox != "process" else "not run"


def _text(title: str) -> str:
    return title.replace("|", "\\|")


def test_the_table_is_what_the_tests_hold() -> None:
    """Line by line. The table of a changed expectation is in the message of this test, to be copied."""
    expected = tomllib.loads((FOLDER / "expected.toml").read_text(encoding="utf-8"))
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count(START) == text.count(END) == 1
    written = text.partition(START)[2].partition(END)[0]
    wanted = f"\n{table(expected)}\n"
    assert written == wanted, f"put this between the two comments in docs/security.md:\n{wanted}"


def test_every_kind_has_a_heading() -> None:
    """And every heading an attack."""
    assert {attack.kind for attack in attacks(FOLDER)} == set(HEADINGS)
