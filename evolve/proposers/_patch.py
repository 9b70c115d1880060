"""From a model's answer to a changed program: tolerant of how changes are written, strict about what may change.

Whatever the answer is, the outcome is a `Patch`: the new program, or the kind of failure with one line that tells the
model what to do about it. The functions are pure and never raise; the time is linear in the answer for a program of
given size, and what is too long is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evolve.proposers._blocks import Block, Content, Fence, read_answer
from evolve.proposers._match import plain
from evolve.proposers._outcome import DOTS, Outcome, Refused
from evolve.proposers._place import block_applied, quoted
from evolve.proposers._rewrite import has_marks, leaves_out, rewritten
from evolve.regions import Regions
from evolve.syntax import is_python, parse, syntax_problem
from evolve.types import Program, path_problem

__all__ = ["Outcome", "Patch", "accepted", "apply_answer"]

_MOST_CHARACTERS = 2**19
_MOST_BLOCKS = 100
_MOST_FENCES = 50
_ASIDE = {"bash", "sh", "shell", "console", "text", "txt", "output", "plaintext", "json", "markdown", "md", "math"}
"""Languages of fences that stand beside the program: commands, output, explanations."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What an answer does to a program: `program` when it was applied, else `message` says what to do about it.

    `blocks` is how many changes were read.
    """

    outcome: Outcome
    message: str = ""
    program: Program | None = None
    blocks: int = 0


def apply_answer(answer: str, parent: Program, regions: Regions, *, cut: bool = False) -> Patch:
    """What `answer` makes of `parent`. `cut` says that the service ended it at its limit of tokens."""
    if not answer.strip():
        return Patch(Outcome.EMPTY, "the answer is empty: give the change in the form that was asked for")
    if len(answer) > _MOST_CHARACTERS:
        return Patch(Outcome.TOO_LONG, f"the answer has {len(answer)} characters: give only what changes")
    if cut:
        return Patch(Outcome.CUT, "the answer was cut at its limit of tokens: be shorter, give only what changes")
    content = read_answer(answer, parent.files)
    number = len(content.blocks) or len(content.fences)
    try:
        return Patch(Outcome.APPLIED, program=_changed(content, parent, regions), blocks=number)
    except Refused as refused:
        return Patch(refused.outcome, refused.message, blocks=number)


def _changed(content: Content, parent: Program, regions: Regions) -> Program:
    if content.broken:
        first = content.broken[0]
        raise Refused(Outcome.MALFORMED, f"line {first.line} of the answer: {first.problem}")
    if len(content.blocks) > _MOST_BLOCKS or len(content.fences) > _MOST_FENCES:
        raise Refused(Outcome.TOO_LONG, f"more than {_MOST_BLOCKS} blocks: make a smaller change")
    program = _blocks_applied(content.blocks, parent, regions) if content.blocks else None
    program = program or _fences_applied(content, parent, regions)
    return accepted(program, parent, regions)


def accepted(program: Program, parent: Program, regions: Regions) -> Program:
    """The program that a change of the parent came to, when it may be. Raises `Refused`."""
    if regions.too_large(program):
        raise Refused(Outcome.TOO_LARGE, str(regions.too_large(program)))
    if problem := regions.problem(program):
        raise Refused(Outcome.OUTSIDE, f"{problem}; change only the text between the markers, and no marker line")
    if program.tree == parent.tree:
        raise Refused(Outcome.NO_CHANGE, "the program stays as it is: what comes in its place is the same text")
    return _parsing(program, parent, regions)


def _parsing(program: Program, parent: Program, regions: Regions) -> Program:
    """Where a Python file does not parse any more, quotes and dashes of prose may be why."""
    for path in regions.paths(program):
        content = program.files[path]
        before = parent.files.get(path)
        if not is_python(path) or content == before or parse(content) is not None:
            continue
        if before is not None and parse(before) is None:
            continue
        mended = _mended(program, path, regions)
        if mended is None:
            raise Refused(Outcome.SYNTAX, f"{path} would be no valid Python any more: {syntax_problem(content)}")
        program = mended
    return program


def _mended(program: Program, path: str, regions: Regions) -> Program | None:
    text = program.files[path].decode(errors="replace")
    for start, end in reversed(regions.spans(program, path)):
        text = text[:start] + "\n".join(plain(line) for line in text[start:end].split("\n")) + text[end:]
    mended = program.replace({path: text.encode()})
    return mended if parse(mended.files[path]) is not None and regions.problem(mended) is None else None


def _blocks_applied(blocks: Sequence[Block], parent: Program, regions: Regions) -> Program:
    program = parent
    last: str | None = None
    wanted = _last_words(blocks)
    for block in wanted:
        path = None if block.path is None else _resolved(block.path, program, regions)
        if block.removes:
            program = _without(path, program, regions)
            continue
        program, last = _program_with(block, path, last, program, regions)
    return program


def _last_words(blocks: Sequence[Block]) -> list[Block]:
    """Of blocks that replace the same lines of the same file the last one: it is what the model settled on."""
    chosen: dict[object, Block] = {}
    for block in blocks:
        key = (block.path, tuple(line.strip() for line in block.search if line.strip()))
        if any(line for line in key[1]):
            chosen.pop(key, None)
            chosen[key] = block
        else:
            chosen[block.line] = block
    return sorted(chosen.values(), key=lambda block: block.line)


def _resolved(path: str, program: Program, regions: Regions) -> str:
    """The file that a path of the answer means. Raises `Refused`."""
    name = path.replace("\\", "/")
    while name.startswith("./"):
        name = name[2:]
    if name in program.files:
        return name
    if problem := path_problem(name):
        raise Refused(Outcome.BAD_FILE, f"{path!r:.100} cannot be a file of the program: {problem}")
    ends = [known for known in program.files if known.endswith(f"/{name}") or name.endswith(f"/{known}")]
    if len(ends) == 1:
        return ends[0]
    try:
        added = program.replace({name: b""})
    except ValueError as error:
        raise Refused(Outcome.BAD_FILE, str(error)) from None
    if name in regions.paths(added):
        return name
    files = ", ".join(regions.paths(program)[:8])
    raise Refused(Outcome.BAD_FILE, f"{path!r:.100} is no file of the program that may change; there is {files}")


def _without(path: str | None, program: Program, regions: Regions) -> Program:
    if path is None or path not in program.files:
        raise Refused(Outcome.BAD_FILE, "a file is removed that the program does not have")
    smaller = program.replace({path: None})
    if problem := regions.problem(smaller):
        raise Refused(Outcome.OUTSIDE, problem)
    return smaller


def _program_with(
    block: Block, path: str | None, last: str | None, program: Program, regions: Regions
) -> tuple[Program, str]:
    """The program with one block applied, and the file in which that was."""
    editable = [p for p in regions.paths(program) if regions.spans(program, p)]
    paths = [path] if path is not None else [last, *editable] if last in editable else editable
    failure = Refused(Outcome.NOT_FOUND, "the program has no file that may change")
    for search, replace in _readings(block):
        if leaves_out(replace) and not leaves_out(search):
            raise Refused(Outcome.ELIDED, f"line {block.line} of the answer: {DOTS}")
        found: list[tuple[str, str]] = []
        for candidate in dict.fromkeys(paths):
            try:
                assert candidate is not None
                found.append((candidate, block_applied(block, candidate, search, replace, program, regions)))
                if candidate == last:
                    break
            except Refused as refused:
                failure = _graver(failure, refused)
        if len(found) > 1:
            files = " and ".join(candidate for candidate, _ in found[:3])
            raise Refused(Outcome.AMBIGUOUS, f"{quoted(search)} stands in {files}: name the file above the block")
        if found:
            candidate, text = found[0]
            return program.replace({candidate: text.encode(errors="replace")}), candidate
    raise failure


_GRAVITY = (Outcome.NOT_FOUND, Outcome.MALFORMED, Outcome.ELIDED, Outcome.OUTSIDE, Outcome.AMBIGUOUS)


def _graver(one: Refused, other: Refused) -> Refused:
    """The failure that says more about what to do."""
    gravity = {outcome: number for number, outcome in enumerate(_GRAVITY)}
    return one if gravity.get(one.outcome, 0) > gravity.get(other.outcome, 0) else other


def _readings(block: Block) -> Iterable[tuple[Sequence[str], Sequence[str]]]:
    """Ways to read a block: as it is, parted elsewhere, without fences and prose inside of it."""
    parts = [(block.search, block.replace), *block.others]
    yield from parts
    for search, replace in parts:
        inner = (_unfenced(search), _unfenced(replace))
        if inner != (search, replace):
            yield inner


def _unfenced(lines: Sequence[str]) -> Sequence[str]:
    at = [number for number, line in enumerate(lines) if line.lstrip().startswith("```")]
    return lines[at[0] + 1 : at[-1]] if len(at) >= 2 else lines


def _fences_applied(content: Content, parent: Program, regions: Regions) -> Program:
    """Whole files, whole regions or whole functions in fences. Of several for the same the last one that holds."""
    fences = _whole([fence for fence in content.fences if _may_be_code(fence, parent)], parent)
    if not content.fences and (bare := _bare_code(content.plain, parent, regions)):
        fences = [bare]
    program = parent
    failure = Refused(Outcome.NO_CODE, "the answer has no change in it: give it in the form that was asked for")
    for fence in fences:
        try:
            program = _fence_applied(fence, program, regions)
        except Refused as refused:
            failure = refused
    if program is parent:
        raise failure
    return program


def _whole(fences: Sequence[Fence], parent: Program) -> list[Fence]:
    """Without the short ones that only explain: outside of Python nobody can tell what a few lines would replace."""
    longest = max((len(fence.lines) for fence in fences if fence.path is None), default=0)
    python = any(is_python(path) for path in parent.files)
    return [fence for fence in fences if python or fence.path is not None or 2 * len(fence.lines) >= longest]


def _may_be_code(fence: Fence, parent: Program) -> bool:
    if not any(line.strip() for line in fence.lines):
        return False
    if fence.path is not None or fence.language not in _ASIDE:
        return True
    return any(path.endswith((f".{fence.language}", ".txt", ".md")) for path in parent.files)


def _bare_code(lines: Sequence[str], parent: Program, regions: Regions) -> Fence | None:
    """An answer that is nothing but code, without a fence."""
    text = "\n".join(lines)
    marked = has_marks(text)
    python = all(is_python(path) for path in regions.paths(parent))
    if marked or (python and re.search(r"^(?:def|class|import|from|@)\b", text, re.MULTILINE) and parse(text)):
        return Fence(None, "", tuple(lines), 1)
    return None


def _fence_applied(fence: Fence, program: Program, regions: Regions) -> Program:
    where = f"line {fence.line} of the answer"
    if leaves_out(fence.lines) and not any(leaves_out(_lines(program, path)) for path in program.files):
        raise Refused(Outcome.ELIDED, f"{where}: {DOTS}")
    path = None if fence.path is None else _resolved(fence.path, program, regions)
    paths = [path] if path is not None else [p for p in regions.paths(program) if regions.spans(program, p)]
    if path is not None and path not in program.files:
        return program.replace({path: ("\n".join(fence.lines).strip("\n") + "\n").encode(errors="replace")})
    made: dict[str, str] = {}
    problems: list[str] = []
    for candidate in paths:
        lines = fence.lines
        if fence.path is not None and len(lines) > 1 and fence.path in lines[0]:
            lines = lines if lines[0] in _lines(program, candidate)[:3] else lines[1:]
        result = rewritten(candidate, "\n".join(lines), program, regions, alone=len(paths) == 1)
        if result.text is not None:
            made[candidate] = result.text
        else:
            problems.append(result.problem)
    if len(made) > 1:
        raise Refused(Outcome.AMBIGUOUS, f"{where}: this could be {' or '.join(made)}: name the file above the fence")
    if not made:
        raise Refused(Outcome.NOT_FOUND, f"{where}: {problems[0] if problems else 'no file of the program may change'}")
    ((candidate, text),) = made.items()
    changed = program.replace({candidate: text.encode(errors="replace")})
    if not regions.too_large(changed) and (problem := regions.problem(changed)):
        raise Refused(Outcome.OUTSIDE, f"{problem}; leave all that is outside of the markers as it is")
    return changed if changed.tree != program.tree else program


def _lines(program: Program, path: str) -> list[str]:
    return program.files.get(path, b"").decode(errors="replace").split("\n")
