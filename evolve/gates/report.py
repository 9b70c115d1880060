"""Evidence in words: what stands in the commit that adopts or rejects a challenger, for people and for `git log`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from evolve.gates.power import smallest_gain
from evolve.gates.sequential import Evidence, Verdict
from evolve.types import Json

__all__ = ["body", "record", "trailers"]

_WORDS = {
    Verdict.CONTINUE: "Not decided",
    Verdict.ADOPT: "Adopted",
    Verdict.FUTILE: "Rejected: nothing speaks for it",
    Verdict.CAPPED: "Rejected: not shown to be better",
    Verdict.VETOED: "Rejected: behind in {behind}",
}


def trailers(evidence: Evidence) -> tuple[tuple[str, str], ...]:
    """Key and value of each; `git log --format='%(trailers:key=E-Value,valueonly)'` finds them."""
    return (
        ("Gate", str(evidence.verdict)),
        ("Confirmation", str(evidence.confirmation)),
        ("Pairs", str(evidence.pairs)),
        ("Gain", f"{evidence.mean:+.4f}"),
        ("E-Value", _number(evidence.log_e)),
        ("Threshold", _number(-math.log(evidence.level))),
    )


def body(evidence: Evidence) -> str:
    """What was seen, what it takes, and what could have been seen, in lines that need no other page to be read."""
    rules = evidence.rules
    least = smallest_gain(rules, evidence.level, evidence.square)
    seen = (
        f"A gain of {least:.3f} a pair would have been adopted with a chance of 80 %."
        if least is not None
        else "No gain, however large, is likely to be adopted by these rules."
    )
    takes, most = _number(-math.log(evidence.level)), rules.rounds * len(rules.families)
    lines = [
        _WORDS[evidence.verdict].format(behind=", ".join(map(repr, evidence.behind))) + ".",
        "",
        f"Confirmation {evidence.confirmation} of this lineage, {evidence.pairs} of {most} pairs on fresh instances,",
        f"ahead by {evidence.mean:+.4f} a pair. E-value {_number(evidence.log_e)}; adopted at {takes}, which makes the",
        f"chance that this lineage ever adopts one that is no better at most {rules.alpha:g}.",
        seen,
    ]
    if len(rules.families) > 1:
        needed = math.log(len(rules.families) / rules.veto)
        width = max(len(name) for name in ("family", *rules.families))
        lines += ["", f"{'family':{width}}  pairs     gain  against (veto at {_number(needed)})"]
        lines += [
            f"{name:{width}}  {tally.pairs:5d}  {tally.mean:+.4f}  {_number(tally.log_e)}"
            for name, tally in zip(rules.families, evidence.tallies, strict=True)
        ]
    return "\n".join(lines)


def record(evidence: Evidence) -> Mapping[str, Json]:
    """The same as JSON, for programs that read a run."""
    return {
        "verdict": str(evidence.verdict),
        "confirmation": evidence.confirmation,
        "level": evidence.level,
        "pairs": evidence.pairs,
        "mean": evidence.mean,
        "square": evidence.square,
        "log_e": evidence.log_e,
        "smallest_gain": smallest_gain(evidence.rules, evidence.level, evidence.square),
        "families": {
            name: {"pairs": tally.pairs, "mean": tally.mean, "log_e_against": tally.log_e}
            for name, tally in zip(evidence.rules.families, evidence.tallies, strict=True)
        },
    }


def _number(log: float) -> str:
    """A number that has this log, to three digits; it may be larger than a float can be."""
    if abs(log) < 600.0:
        return f"{math.exp(log):.3g}"
    exponent = log / math.log(10.0)
    return f"{10.0 ** (exponent - math.floor(exponent)):.2f}e{math.floor(exponent):+d}"
