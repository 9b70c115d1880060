"""A model that is none: it answers prompts with random edits of the program that it is shown, for free.

Prompts, plumbing and policies of a search can be tried with it. It never sees a score: what it answers depends on its
seed, and on the request. It has structure that a search can find: some ideas come out well only in a program that
already has others, and a prompt that shows an idea in another program makes it more likely.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from evolve.errors import ModelFault
from evolve.models.transcript import request_hash
from evolve.proposers._dice import Dice, number_text
from evolve.proposers._expressions import call, combine, conditional, copy, operator, perturb, simplify
from evolve.proposers._reader import Reader, splice
from evolve.proposers._source import Source
from evolve.proposers._statements import adjust, guard, remove
from evolve.proposers._terms import Edit
from evolve.proposers.mutation import Mutation
from evolve.regions import Regions
from evolve.syntax import is_python, parse
from evolve.types import Context, Evaluation, Finish, Program, Reply, Request, Selection, Status, Trial, Usage

__all__ = ["IDEAS", "Rates", "SimulatedModel"]

Maker = Callable[[Source, Dice], Edit | None]


@dataclass(frozen=True, slots=True)
class _Idea:
    """Kinds of edits, and the ideas that a program needs to have for them to come out well."""

    needs: tuple[str, ...]
    edits: tuple[Maker, ...]


IDEAS: Mapping[str, _Idea] = {
    "better constants": _Idea((), (perturb, perturb, adjust)),
    "special cases": _Idea(("better constants",), (conditional, guard, perturb)),
    "more terms": _Idea(("better constants",), (combine, copy, perturb)),
    "curved terms": _Idea(("more terms",), (call, operator, perturb)),
    "less code": _Idea(("special cases", "more terms"), (simplify, remove, perturb)),
}
"""What it can think of. An idea in a program is told by a comment, `# ideas: better constants`."""

_BYTES_PER_TOKEN = 4
_COMMENT = re.compile(r"^[ \t]*# ideas: (?P<ideas>[a-z, ]*)\n", re.MULTILINE)
_SPOILT = re.compile(r"\bno_such_name\b|\(0 / 0\)")
_FENCE = re.compile(r"^(?P<path>[^\n`]*)\n(?P<ticks>`{3,})\w*\n(?P<text>.*?)\n(?P=ticks)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often an answer is of each kind: shares, which need not sum to 1. `slow` and `failing` come on top of that.

    `bad` programs raise, or lose what an idea needs; `malformed` answers cannot be applied; `refused` ones say no.
    """

    good: float = 0.75
    bad: float = 0.1
    malformed: float = 0.1
    refused: float = 0.05
    slow: float = 0.0
    failing: float = 0.0

    def __post_init__(self) -> None:
        if any(not rate >= 0 for rate in astuple(self)) or self.good + self.bad + self.malformed + self.refused <= 0:
            raise ValueError("rates are at least 0, and one of good, bad, malformed and refused is above it")


class SimulatedModel:
    """Answers by random edits, the same to the same request.

    Args:
        name: as transcripts call it.
        rates: how often its answers are of which kind.
        seed: of its random choices.
        seconds: that an answer takes; a slow one takes ten times as long.
    """

    def __init__(
        self, name: str = "simulated", *, rates: Rates | None = None, seed: int = 0, seconds: float = 0.0
    ) -> None:
        self.name = name
        self._rates = rates or Rates()
        self._seed = seed
        self._seconds = seconds

    def __str__(self) -> str:
        """That it is none."""
        return f"{self.name}, which is no model: random edits, for free"

    def complete(self, request: Request) -> Reply:
        """A random answer. Raises `ModelFault`, unsent, as often as the rates say."""
        digest = hashlib.blake2b(f"{self._seed} {request_hash(self.name, request)}".encode(), digest_size=16).digest()
        dice = Dice(np.random.default_rng(int.from_bytes(digest, "big")))
        slow, failing = dice.chance(self._rates.slow), dice.chance(self._rates.failing)
        seconds = self._seconds * (10 if slow else 1)
        time.sleep(seconds)
        if failing:
            raise ModelFault(f"{self.name} fails, as it was told to", sent=False)
        text, finish = self._answer(request, dice)
        asked, said = _tokens(request), _count(text)
        if said > request.max_tokens:
            text, finish, said = text[: request.max_tokens * _BYTES_PER_TOKEN // 4], "length", request.max_tokens
        usage = Usage(calls=1, input_tokens=asked, output_tokens=said)
        return Reply(text=text, finish=finish, model=self.name, usage=usage, seconds=seconds)

    def most(self, request: Request) -> Usage:
        """What the answer may take; it costs nothing."""
        return Usage(calls=1, input_tokens=_tokens(request), output_tokens=request.max_tokens)

    def close(self) -> None:
        """Nothing was started."""

    def _answer(self, request: Request, dice: Dice) -> tuple[str, Finish]:
        rates = self._rates
        kind = dice.weighted(
            [(rates.good, "good"), (rates.bad, "bad"), (rates.malformed, "malformed"), (rates.refused, "refused")]
        )
        if kind == "refused":
            return "I cannot help with that.", "refusal"
        prompt = next((text for role, text in request.messages if role == "user"), "")
        shown = _shown(prompt)
        if shown is None:
            return "There is no program in what I was shown.", "stop"
        program, elsewhere = shown
        regions = Regions(program)
        changed, said = _changed(program, regions, elsewhere, dice, bad=kind == "bad")
        if changed is None:
            return "I would change nothing.", "stop"
        answer = _written(program, changed, blocks="<<<<<<< SEARCH" in prompt)
        return f"Change: {said}\n\n{_damaged(answer, dice) if kind == 'malformed' else answer}", "stop"


def _shown(prompt: str) -> tuple[Program, str] | None:
    """The program of a prompt, which is what stands in fences under its heading, and the rest of the prompt."""
    heading = prompt.find("# The program\n")
    at = start = max(heading, 0)
    files: dict[str, bytes] = {}
    while (match := _FENCE.search(prompt, at)) is not None and "\n# " not in prompt[at : match.end("path")]:
        path = match["path"].strip()
        if re.fullmatch(r"[\w./+-]+", path):
            files.setdefault(path, (match["text"] + "\n").encode())
        at = match.end()
    try:
        program = Program(files)
        Regions(program)
    except Exception:  # noqa: BLE001 - what a prompt shows may be anything
        return None
    return program, prompt[:start] + prompt[at:]


def _changed(
    program: Program, regions: Regions, elsewhere: str, dice: Dice, *, bad: bool
) -> tuple[Program | None, str]:
    """The program with an idea more, or a bad one, and what is said of it."""
    reader = Reader(regions)
    paths = [path for path in reader.paths(program) if is_python(path) and reader.source(program, path) is not None]
    if not paths:
        return _mutated(program, regions, dice)
    path = dice.pick(paths)
    text = program.text(path)
    if not bad and (mended := _mended(program, path, regions, dice)) is not None:
        return mended, "mend what raised"
    have = _ideas(text)
    nearby = _ideas(elsewhere)
    ready = [name for name in IDEAS if all(need in have for need in IDEAS[name].needs)]
    table = [((1.0 if name in ready else 0.2) + 2.0 * (name in nearby and name not in have), name) for name in IDEAS]
    name = dice.weighted(table)
    if bad or name not in ready:
        return _spoilt(program, path, reader, dice), f"try {name}"
    for _ in range(12):
        source = reader.source(program, path)
        assert source is not None
        edits = [edit for maker in IDEAS[name].edits if (edit := maker(source, dice)) is not None]
        changed = splice(text, [] if not edits else dice.pick(edits).changes)
        if changed == text or parse(changed) is None:
            continue
        made = program.replace({path: changed.encode()})
        if regions.problem(made) is not None:
            continue
        start = regions.spans(made, path)[0][0]
        marked = _with_ideas(changed, start, [*have, *([name] if name not in have else [])])
        return program.replace({path: marked.encode()}), f"use {name}"
    return _mutated(program, regions, dice)


def _ideas(text: str) -> list[str]:
    return [name for match in _COMMENT.finditer(text) for name in IDEAS if name in match["ideas"].split(", ")]


def _with_ideas(text: str, start: int, ideas: Sequence[str]) -> str:
    """With the comment that tells the ideas, at the beginning of the region."""
    old = _COMMENT.search(text, start)
    line = f"# ideas: {', '.join(ideas)}\n"
    marked = text[: old.start()] + line + text[old.end() :] if old else text[:start] + line + text[start:]
    return marked if parse(marked) is not None else text


def _mutated(program: Program, regions: Regions, dice: Dice) -> tuple[Program | None, str]:
    """In any language: another number, or the like."""
    known = Evaluation(status=Status.OK, score=0.0, fitness=0.0)
    shown = Trial(number=0, program=program, parents=(), operator="shown", summary="", evaluation=known)
    context = Context(0, np.random.default_rng(dice.below(2**31)))
    proposal = Mutation(regions).plan(Selection(parents=(shown,)), context)()
    return (None if proposal.rejected else proposal.program), proposal.summary


def _mended(program: Program, path: str, regions: Regions, dice: Dice) -> Program | None:
    """With numbers again in the place of what `_spoilt` put there; None when there is no such thing."""
    text = program.text(path)
    for start, end in reversed(regions.spans(program, path)):
        inner = _SPOILT.sub(lambda _: number_text(dice.constant(())), text[start:end])
        text = text[:start] + inner + text[end:]
    if text == program.text(path) or parse(text) is None:
        return None
    return program.replace({path: text.encode()})


def _spoilt(program: Program, path: str, reader: Reader, dice: Dice) -> Program | None:
    """With an idea that does not come out well: a name that nobody knows in the place of a number."""
    source = reader.source(program, path)
    if source is None or not source.numbers:
        return None
    start, end = source.span(dice.pick(source.numbers).node)
    spoilt = splice(source.text, [(start, end, dice.pick(("no_such_name", "(0 / 0)")))])
    return program.replace({path: spoilt.encode()}) if parse(spoilt) is not None else None


def _written(before: Program, after: Program, *, blocks: bool) -> str:
    """The difference of two programs as a model would write it."""
    parts: list[str] = []
    for path in sorted(after.files):
        old, new = before.files.get(path, b"").decode(), after.files[path].decode()
        if old != new:
            text = _block(old, new) if blocks else f"```\n{new}```"
            parts.append(f"{path}\n{text}" if len(after.files) > 1 else text)
    return "\n\n".join(parts) + "\n"


def _block(old: str, new: str) -> str:
    """One block from the first line that differs to the last, and as much around it as makes it the only such."""
    mine, theirs = old.split("\n"), new.split("\n")
    codes = [c for c in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes() if c[0] != "equal"]
    low, high = codes[0][1], codes[-1][2]
    first, last = codes[0][3], codes[-1][4]
    while low == high or f"\n{old}\n".count("\n" + "\n".join(mine[low:high]) + "\n") != 1:
        if low == 0 and high == len(mine):
            break
        if low > 0:
            low, first = low - 1, first - 1
        elif high < len(mine):
            high, last = high + 1, last + 1
    search, replace = "\n".join(mine[low:high]), "\n".join(theirs[first:last])
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def _damaged(answer: str, dice: Dice) -> str:
    """An answer that cannot be applied."""
    return dice.pick(
        (
            re.sub(r"=======|```", "", answer, count=1),
            "I would look at the constants first, then at the special cases.",
            "<<<<<<< SEARCH\nthis line is in no program\n=======\nnor is this\n>>>>>>> REPLACE\n",
            "```\n# ... existing code ...\n```\n",
        )
    )


def _tokens(request: Request) -> int:
    return sum(_count(text) for _, text in request.messages)


def _count(text: str) -> int:
    return -(-len(text.encode(errors="replace")) // _BYTES_PER_TOKEN)
