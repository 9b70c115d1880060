"""What answers of models come to: a corpus of them, and the bounds that hold for any text."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.proposers._outcome import Outcome
from evolve.proposers._patch import Patch, apply_answer
from evolve.regions import Regions
from evolve.types import Program

CORPUS = Path(__file__).parent / "corpus"


@dataclass
class Change:
    """Lines of a file, and those that are expected in their place; with `whole`, of a file that is new."""

    path: str
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    whole: bool = False
    gone: bool = False

    def apply(self, files: dict[str, str]) -> None:
        if self.gone:
            del files[self.path]
        elif self.whole:
            files[self.path] = "".join(f"{line}\n" for line in self.new)
        else:
            newline = "\r\n" if "\r\n" in files[self.path] else "\n"
            old, new = newline.join(self.old), newline.join(self.new)
            assert files[self.path].count(old) == 1, f"the corpus is wrong: {old!r} in {self.path}"
            files[self.path] = files[self.path].replace(old, new)


@dataclass
class Case:
    """An answer, and what is expected of it."""

    name: str
    program: str
    outcome: str
    cut: bool
    answer: str
    changes: list[Change]


def directives(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """(directive, its argument, the lines below it) of a file of the corpus."""
    word, argument, below = "", "", list[str]()
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        if line.startswith("%% "):
            if word:
                yield word, argument, below
            word, _, argument = line[3:].partition(" ")
            below = []
        else:
            below.append(line)
    yield word, argument, below


def read_programs() -> dict[str, tuple[Program, Regions]]:
    found: dict[str, tuple[dict[str, bytes], list[str]]] = {}
    name, newline = "", "\n"
    for word, argument, below in directives(CORPUS / "programs.txt"):
        if word == "program":
            name, _, flag = argument.partition(" ")
            newline = "\r\n" if flag else "\n"
            found[name] = ({}, [])
        elif word == "file":
            found[name][0][argument] = "".join(line + newline for line in below).encode()
        else:
            found[name][1].append(argument)
    programs = {name: (Program(files), globs) for name, (files, globs) in found.items()}
    return {name: (program, Regions(program, globs, max_bytes=20_000)) for name, (program, globs) in programs.items()}


PROGRAMS = read_programs()


def read_cases(path: Path) -> Iterator[Case]:
    case: Case | None = None
    where, latest = "", ""
    for word, argument, below in directives(path):
        if word == "case":
            if case is not None:
                yield case
            name, program, outcome, *flags = (part.strip() for part in argument.split("|"))
            answer = ("\r\n" if "crlf" in flags else "\n").join(below)
            answer = answer.replace("\\u0000", "\0").replace("\\ud800", "\ud800")
            case = Case(name, program, outcome, "cut" in flags, answer, [])
            where = next(iter(PROGRAMS[program][0].files))
        elif word == "in":
            where = argument
        elif word in {"new", "gone"}:
            assert case is not None
            case.changes.append(Change(argument, whole=word == "new", gone=word == "gone"))
        else:
            assert case is not None
            if not case.changes or case.changes[-1].gone or (word == "-" and latest != "-"):
                case.changes.append(Change(where))
            (case.changes[-1].old if word == "-" else case.changes[-1].new).append(argument)
        latest = word
    assert case is not None
    yield case


def styled() -> Iterator[Case]:
    """Each change in each style."""
    changes: list[tuple[str, str, str, list[str], list[str]]] = []
    for word, argument, _ in directives(CORPUS / "changes.txt"):
        if word == "change":
            name = argument
        elif word == "-":
            program, path = (part.strip() for part in argument.split("|"))
            changes.append((name, program, path, [], []))
        else:
            (changes[-1][3] if word == "s" else changes[-1][4]).append(argument)
    for _, style, below in directives(CORPUS / "styles.txt"):
        for name, program, path, search, replace in changes:
            parts = {"search": search, "replace": replace}
            answer = "\n".join(below).replace("{path}", path)
            for part, lines in parts.items():
                sign = "-" if part == "search" else "+"
                answer = answer.replace("{" + part + "}", "\n".join(lines))
                answer = answer.replace("{>" + part + "}", "\n".join(f"> {line}" for line in lines))
                answer = answer.replace("{" + sign + part + "}", "\n".join(f"{sign}{line}" for line in lines))
            yield Case(f"{style}: {name}", program, "applied", False, answer, [Change(path, search, replace)])


CASES = [*styled(), *(case for name in ("good", "damaged", "hostile") for case in read_cases(CORPUS / f"{name}.txt"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_answer_has_the_outcome_of_its_label(case: Case) -> None:
    """And where it is applied, the program is the one expected, byte for byte."""
    program, regions = PROGRAMS[case.program]
    patch = apply_answer(case.answer, program, regions, cut=case.cut)
    assert patch.outcome == case.outcome, patch.message
    if patch.outcome is not Outcome.APPLIED:
        assert patch.program is None
        assert patch.message.isprintable()
        assert 20 < len(patch.message) < 400
        return
    files = {path: content.decode() for path, content in program.files.items()}
    for change in case.changes:
        change.apply(files)
    assert patch.program is not None
    assert {path: content.decode() for path, content in patch.program.files.items()} == files


def test_the_corpus_is_large_and_has_every_outcome() -> None:
    """Two hundred answers and more; what has no case of its own is tested below."""
    assert len(CASES) >= 200
    assert len({case.answer for case in CASES}) >= 200
    assert {case.outcome for case in CASES} == {outcome.value for outcome in Outcome} - {"too long", "too large"}


def harmless(patch: Patch, program: Program, regions: Regions) -> None:
    """What holds for every answer whatever."""
    if patch.outcome is Outcome.APPLIED:
        assert patch.program is not None
        assert patch.program.tree != program.tree
        assert regions.problem(patch.program) is None
    else:
        assert patch.program is None
        assert patch.message
        assert "\n" not in patch.message


_PIECES = st.sampled_from(
    [
        "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "```", "```python", "~~~", "@@", "--- a/x", "+++ b/x", "...",
        "*** Update File: program.py", "*** Delete File: program.py", "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END",
        "WASTE = 20", "    return remaining - item", "def gap_of(item, remaining):", "program.py", "src/util.py", "",
        "+WASTE = 21", "-WASTE = 20", "    pass", "import math", "\t", "# ... existing code ...", "<think>", "</think>",
        "> <<<<<<< SEARCH",
        "&lt;&lt;&lt; SEARCH", "\u201cx\u201d", "if __name__ == '__main__':", "\x0c", "\x85", "\u2028",
    ]
)  # fmt: skip


@given(
    st.text() | st.lists(_PIECES | st.text(max_size=20), max_size=30).map("\n".join), st.sampled_from(sorted(PROGRAMS))
)
def test_no_text_is_an_exception(answer: str, name: str) -> None:
    """Random text, and lines that mean something in random order."""
    program, regions = PROGRAMS[name]
    harmless(apply_answer(answer, program, regions), program, regions)


@given(st.sampled_from(CASES), st.randoms(use_true_random=False), st.integers(1, 6))
def test_no_damage_to_a_good_answer_is_an_exception(case: Case, rng: random.Random, times: int) -> None:
    """Characters and lines are lost, doubled, exchanged; answers run into each other."""
    answer = case.answer
    for _ in range(times):
        at, to = sorted(rng.randrange(len(answer) + 1) for _ in range(2))
        kind = rng.randrange(5)
        lines = answer.split("\n")
        if kind == 0:
            answer = answer[:at] + answer[to:]
        elif kind == 1:
            answer = answer[:at] + chr(rng.choice([9, 10, 13, 32, 60, 61, 62, 96, 0x2019, 0x10FFFF])) + answer[at:]
        elif kind == 2:
            rng.shuffle(lines)
            answer = "\n".join(lines)
        elif kind == 3:
            answer = answer[:to] + answer[at:to] + answer[to:]
        else:
            answer += "\n" + rng.choice(CASES).answer
    program, regions = PROGRAMS[case.program]
    harmless(apply_answer(answer, program, regions), program, regions)


_LINES = st.lists(st.sampled_from(["a", " a", "b", "", "  c d", "\u2019q", "=", "x = 1", "\ty"]), max_size=12)


@given(_LINES, _LINES, st.integers(0, 12), st.integers(1, 4), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_block_replaces_the_lines_that_it_names_and_nothing_else(
    lines: list[str], replace: list[str], at: int, number: int, newline: str, ended: bool
) -> None:
    """Whatever the lines are, and however the file ends; lines that are there twice are ambiguous.

    Where lines at the end are deleted, the newline before them may stay.
    """
    search = lines[at : at + number]
    text = newline.join(lines) + (newline if ended and lines else "")
    if not any(line.strip() for line in search):
        return
    program = Program({"a.txt": text.encode()})
    answer = "\n".join(["<<<<<<< SEARCH", *search, "=======", *replace, ">>>>>>> REPLACE"])
    patch = apply_answer(answer, program, Regions(program))
    places = [n for n in range(len(lines)) if lines[n : n + len(search)] == search]
    if len(places) > 1:
        assert patch.outcome is Outcome.AMBIGUOUS
        return
    kept = [*lines[:at], *replace, *lines[at + number :]]
    expected = newline.join(kept) + (newline if ended and lines else "")
    if expected == text:
        assert patch.outcome is Outcome.NO_CHANGE
        return
    assert patch.program is not None, patch.message
    assert patch.program.text("a.txt").split(newline) == expected.split(newline) or not replace


@pytest.mark.parametrize(
    "answer",
    [
        "<<<<<<< SEARCH\n" * 6_000,
        "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n" * 2_000,
        "<<<<<<< SEARCH\n" + "=======\n" * 10_000 + ">>>>>>> REPLACE",
        "<<<<<<< SEARCH\n" + "\n" * 90_000 + "x\n=======\nb\n>>>>>>> REPLACE\n",
        "<<<<<<< SEARCH\n" + "    return 0\n" * 7_000 + "=======\nb\n>>>>>>> REPLACE\n",
        "```python\nx\n```\n" * 5_000,
        "`" * 100_000,
        "*" * 100_000 + "\n<<<<<<< SEARCH\n",
        "> " * 30_000,
        "&lt;&lt;&lt;" * 8_000,
        "@@\n" * 30_000,
        "@@\n+a\n" * 10_000,
        "```python\n" + "(" * 20_000 + "\n```",
        "```python\ndef gap_of(item, remaining):\n    return " + "-" * 20_000 + "1\n```",
        "```python\n" + "# ... " * 10_000 + "\n```",
        "```python\n" + "def f():\n    pass\n" * 1_400 + "\n```",
        "".join(" " * i + "x\n" for i in range(450)),
        "<<<<<<< SEARCH\n" + "".join(" " * i + "x\n" for i in range(450)) + "=======\n>>>>>>> REPLACE",
        "<think>" * 14_000,
        "\n".join(["a/b.py"] * 14_000),
    ],
    ids=lambda answer: f"{answer[:12]!r} {len(answer)}",
)
def test_a_long_answer_is_read_in_linear_time(answer: str) -> None:
    """A tenth of what is read at all; with the square of the time this would take minutes."""
    for program, regions in (PROGRAMS["packing"], PROGRAMS["package"]):
        patch = apply_answer(answer, program, regions)
        harmless(patch, program, regions)
        assert patch.outcome is not Outcome.APPLIED or len(answer) < 20_000


def test_an_answer_of_ten_megabytes_is_not_read() -> None:
    """It says so."""
    program, regions = PROGRAMS["packing"]
    patch = apply_answer("x = 1\n" * 2_000_000, program, regions)
    assert patch.outcome is Outcome.TOO_LONG
    assert "12000000 characters" in patch.message


def test_more_blocks_than_anybody_needs_are_too_long() -> None:
    """A hundred changes are no longer one idea."""
    program, regions = PROGRAMS["packing"]
    block = "<<<<<<< SEARCH\nWASTE = 20\n=======\nWASTE = 21\n>>>>>>> REPLACE\n"
    assert apply_answer(block * 101, program, regions).outcome is Outcome.TOO_LONG


def test_a_program_that_would_be_too_large_is_none() -> None:
    """The bound is that of the regions."""
    program, regions = PROGRAMS["prompt"]
    patch = apply_answer("```\n" + "Be brief.\n" * 3000 + "```", program, regions)
    assert patch.outcome is Outcome.TOO_LARGE
    assert "20000" in patch.message


def test_a_file_that_did_not_parse_before_need_not_parse_after() -> None:
    """A broken parent may be mended in steps."""
    program = Program({"a.py": b"def f(:\n    return 1\n"})
    answer = "<<<<<<< SEARCH\n    return 1\n=======\n    return 2\n>>>>>>> REPLACE"
    assert apply_answer(answer, program, Regions(program)).outcome is Outcome.APPLIED


def test_bytes_that_are_no_text_are_left_alone() -> None:
    """No answer of text can change them."""
    program = Program({"a.bin": bytes(range(256))})
    for answer in ("<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE", "```\nabc\n```"):
        assert apply_answer(answer, program, Regions(program)).outcome is not Outcome.APPLIED
