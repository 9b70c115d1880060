"""What is looked at beside the gate, each by a function of its own that says what is wrong, or "" when nothing is.

Limits are kept without asking: the size of a step, how often the reference may change, what scores. Everything else is
a reason to ask a person, who sees what the machine cannot.
"""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, stdev

from evolve.adoption.records import Adopted, Change, Outcome, Screened
from evolve.gates.sequential import Evidence
from evolve.types import Program, Trial

__all__ = [
    "accelerating",
    "change_between",
    "collapse",
    "drift",
    "jump",
    "large_change",
    "large_gain",
    "objective_changed",
    "perfect",
    "rate",
    "screen",
    "too_large",
]

_COMPARED_LINES, _COMPARED_PAIRS = 4000, 30_000
"""Lines that were removed or added, and pairs of such lines that are equal, above which texts count as changed as a
whole, so that nobody can make the comparison take long."""
_LINE = 120
"""Bytes of a line; a longer one counts as several, so that nobody can have a large change pass for a small one."""

_DRIFT_ERRORS, _DRIFT_LEAST = 4.0, 0.1
_JUMP, _JUMP_AFTER = 4.0, 2
_COLLAPSE_PAIRS = 5
_ACCELERATION, _ACCELERATION_AFTER = 3.0, 4


def change_between(before: Program, after: Program) -> Change:
    """The size of a change. A file that became executable, or ceased to be, has a changed line more; a line counts once
    for each 120 bytes."""
    lines = files = 0
    for path in sorted(before.files.keys() | after.files.keys()):
        old, new = before.files.get(path), after.files.get(path)
        moded = old is not None and new is not None and before.mode(path) != after.mode(path)
        if old == new and not moded:
            continue
        files += 1
        exact = lines <= _COMPARED_LINES
        lines += _changed_lines(old or b"", new or b"", exact=exact) + moded + (old is None) + (new is None)
    return Change(files=files, lines=lines)


def _changed_lines(old: bytes, new: bytes, *, exact: bool) -> int:
    before, after = _apart(old.split(b"\n"), new.split(b"\n"))
    known = Counter(after)
    many = max(len(before), len(after)) > _COMPARED_LINES or sum(known[line] for line in before) > _COMPARED_PAIRS
    if many or not exact:
        return _size(before) + _size(after)
    codes = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return sum(
        _size(before[at:end]) + _size(after[since:until]) for tag, at, end, since, until in codes if tag != "equal"
    )


def _apart(before: list[bytes], after: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Without the lines at the beginning and at the end that both have."""
    shorter = min(len(before), len(after))
    first = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    last = next((at for at in range(shorter - first) if before[-1 - at] != after[-1 - at]), shorter - first)
    return before[first : len(before) - last], after[first : len(after) - last]


def _size(lines: Sequence[bytes]) -> int:
    return sum(max(1, -(-len(line) // _LINE)) for line in lines)


def too_large(change: Change, most: int) -> str:
    """The limit to the change in one step: what is larger is not tried at all."""
    if change.lines <= most:
        return ""
    return f"it changes {change.lines} lines in one step; {most} are allowed"


def large_change(change: Change, asked: int) -> str:
    """The size above which a person is asked."""
    if change.lines <= asked:
        return ""
    return f"it changes {change.lines} lines; above {asked} a person is asked"


def large_gain(evidence: Evidence, asked: float) -> str:
    """The gain above which a person is asked: what is too good to be true seldom is."""
    if evidence.mean <= asked:
        return ""
    return f"it gains {evidence.mean:.3f} a pair; above {asked:g} a person is asked"


def rate(adoptions: Sequence[Adopted], now: int, *, most: int, window: int) -> str:
    """The rate limit: at most so many adoptions in the last `window` trials, counted when `now` were told."""
    recent = sum(adopted.at > now - window for adopted in adoptions)
    if recent < most:
        return ""
    return f"{recent} were adopted within the last {window} trials; {most} are allowed"


def objective_changed(pinned: str, found: str) -> str:
    """The immutable objective: a lineage is measured by one evaluator from its beginning to its end."""
    if pinned == found:
        return ""
    return (
        f"the evaluator has the tree {found}, and what was adopted so far was measured by {pinned}: put that one back, "
        f"or begin a new run, in which the program that is adopted now is the seed"
    )


def screen(incumbent: Trial, challenger: Trial) -> Screened:
    """The two on the reusable pairs: the scores of instances that their evaluations have in common, with 0 for those
    that the challenger lacks; their fitness where there are no instances."""
    known, found = incumbent.evaluation.instances, challenger.evaluation.instances
    if known:
        ahead = [found.get(name, 0.0) - score for name, score in known.items()]
    else:
        ahead = [(challenger.fitness or 0.0) - (incumbent.fitness or 0.0)]
    error = stdev(ahead) / math.sqrt(len(ahead)) if len(ahead) > 1 else None
    return Screened(pairs=len(ahead), mean=fmean(ahead), error=error)


def drift(screened: Screened, evidence: Evidence) -> str:
    """The monitor for what was learned by heart: far ahead on the reusable pairs, not so on fresh ones.

    By at least 0.1, and by four standard errors: a challenger is the luckiest of several on the first, and who is
    rejected early was unlucky on the others, which explains two or three.
    """
    if screened.error is None or evidence.pairs < 2:
        return ""
    variance = max(evidence.square - evidence.mean**2, 0.0) / evidence.pairs
    apart, error = screened.mean - evidence.mean, math.sqrt(screened.error**2 + variance)
    if apart <= max(_DRIFT_LEAST, _DRIFT_ERRORS * error):
        return ""
    return (
        f"drift: it is ahead by {screened.mean:.3f} on the instances of the search and by {evidence.mean:.3f} on fresh "
        f"ones, which is {apart / error if error else math.inf:.1f} standard errors apart"
    )


def jump(evidence: Evidence, earlier: Sequence[Adopted]) -> str:
    """The monitor for implausible jumps: a gain more than four times as large as any of at least two before."""
    gains = [adopted.gain for adopted in earlier]
    if len(gains) < _JUMP_AFTER or evidence.mean <= _JUMP * max(gains):
        return ""
    return f"jump: it gains {evidence.mean:.3f} a pair, and nothing before gained more than {max(gains):.3f}"


def perfect(outcomes: Sequence[Outcome]) -> str:
    """The monitor for scores that are the best possible in every pair, where the incumbent's are not."""
    if not outcomes or any(min(outcome.challenger) < 1.0 for outcome in outcomes):
        return ""
    if all(min(outcome.incumbent) == 1.0 for outcome in outcomes):
        return ""
    return f"perfect: it has the best score there is in each of {len(outcomes)} pairs"


def collapse(outcomes: Sequence[Outcome]) -> str:
    """The monitor for evaluations that hardly take time any more: most of five pairs and more were `swift`."""
    swift = sum(outcome.swift for outcome in outcomes)
    if len(outcomes) < _COLLAPSE_PAIRS or 2 * swift <= len(outcomes):
        return ""
    return (
        f"collapse: in {swift} of {len(outcomes)} pairs its evaluation took less than a quarter of the incumbent's time"
    )


def accelerating(earlier: Sequence[Adopted], change: Change, now: int) -> str:
    """The monitor for change that feeds on itself: the last two adoptions, this one included, changed more than three
    times as many lines a trial as all before them. Said from the fourth adoption on."""
    if len(earlier) + 1 < _ACCELERATION_AFTER:
        return ""
    *before, last = earlier
    since = before[-1].at
    slow = sum(adopted.lines for adopted in before) / max(since, 1)
    fast = (last.lines + change.lines) / max(now - since, 1)
    if fast <= _ACCELERATION * slow:
        return ""
    return f"acceleration: adoptions change {fast:.2g} lines a trial now, and changed {slow:.2g} before"
