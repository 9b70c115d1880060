"""A transition in words: the message of the commit in which it is kept."""

from __future__ import annotations

from evolve.adoption.records import Transition
from evolve.gates.report import body, trailers

__all__ = ["message", "subject"]

_SUBJECTS = {
    "refused": "Trial {number} is too large a step",
    "confirming": "Confirm trial {number} against trial {adopted}",
    "rejected": "Reject trial {number}; trial {adopted} stays",
    "asked": "Ask about trial {number}",
    "adopted": "Adopt trial {number}",
    "promoted": "Promote trial {number}",
    "rolled back": "Roll trial {number} back to trial {adopted}",
    "going on": "Go on after trial {number}",
    "closed": "Adopt nothing after trial {number}",
}


def subject(transition: Transition) -> str:
    """One line that says what happened."""
    return _SUBJECTS[transition.kind].format(number=transition.number, adopted=transition.adopted)


def message(transition: Transition) -> str:
    """Subject, what was seen and why it was decided so, and trailers for `git log`. Nothing held out goes into it: the
    means of fresh pairs do, their instances do not."""
    paragraphs = [subject(transition)]
    if transition.reasons:
        paragraphs.append("\n".join(f"- {_line(reason)}" for reason in transition.reasons))
    if transition.review is not None:
        verb = "Approved" if transition.review.approve else "Rejected"
        by = f" by {_line(transition.review.by)}" if transition.review.by else ""
        paragraphs.append(f"{verb}{by}: {_line(transition.review.reason)}")
    if transition.evidence is not None and transition.evidence.pairs:
        paragraphs.append(body(transition.evidence))
    told = [
        ("Adoption", transition.kind.replace(" ", "-")),
        ("Challenger", str(transition.number)),
        ("Challenger-Tree", transition.tree),
        ("Adopted", str(transition.adopted)),
    ]
    if transition.change is not None:
        told.append(("Change", f"{transition.change.lines} lines in {transition.change.files} files"))
    if transition.screened is not None:
        told.append(("Screened", f"{transition.screened.mean:+.4f} in {transition.screened.pairs} pairs"))
    if transition.evidence is not None:
        told += trailers(transition.evidence)
    paragraphs.append("\n".join(f"{key}: {value}" for key, value in told))
    return "\n\n".join(paragraphs) + "\n"


def _line(text: str) -> str:
    """On one line, without what a terminal or git would take for an order."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
