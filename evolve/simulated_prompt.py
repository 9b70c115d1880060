"""What a prompt shows and asks for, whoever wrote it: how the simulated model reads.

Searches put their prompts together in many ways. What they have in common is read here: programs in fences, headings
that tell which of them is to be changed, EVOLVE-BLOCK markers, and words for the form of the answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from evolve.regions import Regions
from evolve.syntax import is_python, parse
from evolve.types import Program

__all__ = ["Shown", "read"]

_SUBJECT = re.compile(
    r"#+ *(?:the|(?:the +)?(?:current|incorrect)) +program(?: +to +(?:fix|improve|change))?:? *", re.IGNORECASE
)
_OPENING = re.compile(r"(?P<ticks>`{3,})(?P<language>[\w+#-]*)[ \t]*")
_PATH = re.compile(r"[\w./+-]+")
_MARK = "EVOLVE-BLOCK-START"
_BARE = re.compile(rf"^.*{_MARK}.*\n(?:.*\n)*?.*EVOLVE-BLOCK-END.*$", re.MULTILINE)
_COMBINE = re.compile(r"cross-?over|\bone program of\b", re.IGNORECASE)
_DIFFERENT = re.compile(r"(?:completely|fundamentally) different|different (?:from all|structural)", re.IGNORECASE)
_SUFFIXES = {"cpp": ".cpp", "c": ".c", "javascript": ".js", "rust": ".rs", "go": ".go", "": ".py", "python": ".py"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The program that is to be changed, the others beside it, and the answer that is asked for.

    `others` are versions of the same program, `elsewhere` the text of all that stands in other fences. `language` is
    what the program's fence says. With `blocks` SEARCH/REPLACE blocks are wanted, else whole text; with `tagged` the
    parts of the answer stand between tags such as <NAME>. `combine` and `different` are what the words ask for.
    """

    program: Program
    regions: Regions
    others: tuple[Program, ...]
    elsewhere: str
    language: str
    blocks: bool
    tagged: bool
    combine: bool
    different: bool


@dataclass(frozen=True, slots=True)
class _Fence:
    heading: str
    above: str
    language: str
    text: str


def read(messages: Sequence[tuple[str, str]]) -> Shown | None:
    """What the messages show; None when there is no program in them."""
    said: list[str] = []
    fences: list[_Fence] = []
    for role, text in messages:
        if role != "assistant":
            found, prose = _parts(text)
            said.append(prose)
            fences += found if role == "user" else []
    subject = _subject(fences) or _bare(messages)
    if not subject:
        return None
    files = {_path(fence): _file(fence).encode() for fence in reversed(subject)}
    try:
        program = Program(files)
        regions = Regions(program)
    except Exception:  # noqa: BLE001 - what a prompt shows may be anything
        return None
    rest = [fence for fence in fences if fence not in subject]
    words = "\n".join(said)
    return Shown(
        program=program,
        regions=regions,
        others=_others(program, regions, rest),
        elsewhere="".join(f"{fence.text}\n" for fence in rest),
        language=subject[0].language,
        blocks="<<<<<<< SEARCH" in words,
        tagged="<NAME>" in words and "<DESCRIPTION>" in words,
        combine=_COMBINE.search(words) is not None,
        different=_DIFFERENT.search(words) is not None,
    )


def _parts(text: str) -> tuple[list[_Fence], str]:
    """The fences of a text, and what stands outside of them."""
    fences: list[_Fence] = []
    prose: list[str] = []
    heading, lines = "", iter(text.split("\n"))
    for line in lines:
        opening = _OPENING.fullmatch(line)
        if opening is None:
            heading = line if line.startswith("#") else heading
            prose.append(line)
            continue
        inner = list(takewhile(lambda line: line.rstrip() != opening["ticks"], lines))  # noqa: B023 - used at once
        above = prose[-1].strip() if prose else ""
        fences.append(_Fence(heading, above, opening["language"], "\n".join(inner)))
    return fences, "\n".join(prose)


def _subject(fences: Sequence[_Fence]) -> list[_Fence]:
    """The files of the program to change: what a heading says, else the last one with markers, else the first."""
    full = [fence for fence in fences if fence.text.strip()]
    headed = [fence for fence in full if _SUBJECT.fullmatch(fence.heading)]
    if headed:
        named = [fence for fence in headed if _PATH.fullmatch(fence.above)]
        return named or headed[:1]
    marked = [fence for fence in full if _MARK in fence.text]
    return marked[-1:] or full[:1]


def _bare(messages: Sequence[tuple[str, str]]) -> list[_Fence]:
    """What stands between markers and outside of fences."""
    found = [_BARE.search(text) for role, text in messages if role == "user"]
    return [_Fence("", "", "python", match.group()) for match in found if match is not None][-1:]


def _path(fence: _Fence) -> str:
    if _PATH.fullmatch(fence.above):
        return fence.above
    return "program" + _SUFFIXES.get(fence.language.lower(), ".txt")


def _file(fence: _Fence) -> str:
    return fence.text.rstrip("\n") + "\n"


def _others(program: Program, regions: Regions, fences: Sequence[_Fence]) -> tuple[Program, ...]:
    """Other versions of the program: whole files with the same frozen text, or what could stand in its only region."""
    found: list[Program] = []
    for fence in fences:
        path = fence.above if fence.above in program.files else next(iter(program.files))
        if not is_python(path) or (len(program.files) > 1 and path != fence.above):
            continue
        text = program.text(path)
        spans = regions.spans(program, path)
        versions = [_file(fence)]
        if _MARK not in fence.text and not _names(fence.text) & _names(text):
            continue
        if len(spans) == 1 and _MARK not in fence.text:
            start, end = spans[0]
            versions.append(text[:start] + fence.text + text[end:])
        for version in versions:
            other = program.replace({path: version.encode()})
            if version != text and not regions.problem(other):
                found.append(other)
                break
    return tuple(found)


def _names(text: str) -> set[str]:
    """Of the functions and classes of a Python text."""
    tree = parse(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in tree.body if isinstance(node, kinds)} if tree is not None else set()
