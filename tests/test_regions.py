"""Only what a region holds may change, whoever changed it."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import TaskError
from evolve.regions import Regions
from evolve.types import Program

MARKED = """\
import math

# EVOLVE-BLOCK-START
def priority(item, remaining):
    return -(remaining - item)
# EVOLVE-BLOCK-END

def helper():
    return 1

# EVOLVE-BLOCK-START
SCALE = 2
# EVOLVE-BLOCK-END
"""


def program(**files: str) -> Program:
    return Program({name.replace("_py", ".py").replace("_txt", ".txt"): text.encode() for name, text in files.items()})


def edited(text: str, start: int, end: int, new: str, path: str = "a.py") -> Program:
    return Program({path: (text[:start] + new + text[end:]).encode()})


OPENERS = [
    ("#", ""),
    ("//", ""),
    ("/*", "*/"),
    ("--", ""),
    (";", ""),
    ("%", ""),
    ("<!--", "-->"),
    ("REM", ""),
    ("(*", "*)"),
    ("'", ""),
    ("!", ""),
    ("{#", "#}"),
    ("[//]: # (", ")"),
    ("dnl", ""),
    ("C", ""),
    ("", ""),
]


@pytest.mark.parametrize(("opener", "closer"), OPENERS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markers_are_found_in_any_comment_syntax(opener: str, closer: str, newline: str) -> None:
    """The text between the markers is the span, up to the newline that ends its last line."""
    lines = ["a", f"  {opener} EVOLVE-BLOCK-START {closer}", "b", f"{opener} EVOLVE-BLOCK-END {closer}", "c"]
    text = newline.join(lines)
    seed = Program({"f": text.encode()})
    regions = Regions(seed)
    [(start, end)] = regions.spans(seed, "f")
    assert text[start:end].strip() == "b"
    assert regions.problem(edited(text, start, end, "x\ny", "f")) is None
    assert regions.problem(edited(text, 0, 1, "x", "f")) is not None


@pytest.mark.parametrize(
    "line",
    [
        'text = "EVOLVE-BLOCK-START"',
        '"EVOLVE-BLOCK-START",',
        "'EVOLVE-BLOCK-START'",
        "# between EVOLVE-BLOCK-START and EVOLVE-BLOCK-END",
        "x = 1  # EVOLVE-BLOCK-END",
    ],
)
def test_a_line_that_talks_about_markers_is_none(line: str) -> None:
    """Only a line that is a comment of its own with the words first is a marker."""
    seed = program(a_py=f"{line}\nx = 2\n")
    assert Regions(seed).spans(seed, "a.py") == [(0, len(line) + 7)]


def test_without_markers_and_globs_every_file_may_change_but_none_may_appear_or_go() -> None:
    """The whole seed is the region."""
    seed = program(a_py="x = 1\n", b_txt="hello\n")
    regions = Regions(seed)
    assert regions.paths(seed) == ("a.py", "b.txt")
    assert regions.problem(seed) is None
    assert regions.problem(seed.replace({"b.txt": b"\xff\x00"})) is None
    assert (
        regions.problem(seed.replace({"c.txt": b""})) == "c.txt was added, and only files that match `editable` may be"
    )
    assert regions.problem(seed.replace({"a.py": None})) == "a.py was removed"


def test_globs_name_the_files_without_markers_that_may_change_appear_and_go() -> None:
    """`*` stays within a part of the path; `**` spans any number of parts."""
    seed = Program({"main.py": b"m", "src/a.py": b"a", "src/deep/b.py": b"b", "src/deep/c.txt": b"c"})
    regions = Regions(seed, ["src/**/*.py"])
    assert regions.paths(seed) == ("src/a.py", "src/deep/b.py")
    assert regions.problem(seed.replace({"src/a.py": None, "src/x/y/z.py": b"new", "src/deep/b.py": b"other"})) is None
    assert (
        regions.problem(seed.replace({"src/deep/c.txt": b"d"})) == "src/deep/c.txt was changed, and it may not change"
    )
    assert regions.problem(seed.replace({"main.py": b"n"})) == "main.py was changed, and it may not change"
    assert regions.problem(seed.replace({"src/d.txt": b""})) is not None
    assert Regions(seed, ["*"]).paths(seed) == ("main.py",)
    assert Regions(seed, ["src/"]).paths(seed) == ("src/a.py", "src/deep/b.py", "src/deep/c.txt")
    assert Regions(seed, ["src/?.py"]).paths(seed) == ("src/a.py",)


def test_markers_win_over_globs_and_freeze_unmarked_files() -> None:
    """A glob does not open the frozen part of a marked file."""
    seed = program(a_py=MARKED, b_py="x = 1\n")
    assert Regions(seed).paths(seed) == ("a.py",)
    regions = Regions(seed, ["*.py"])
    assert regions.paths(seed) == ("a.py", "b.py")
    assert regions.problem(seed.replace({"b.py": b"x = 2\n"})) is None
    assert regions.problem(seed.replace({"a.py": MARKED.replace("math", "json").encode()})) is not None
    assert regions.problem(seed.replace({"a.py": None})) == "a.py was removed"


def test_the_message_names_the_line_that_changed() -> None:
    """So that whoever proposed it can mend it."""
    seed = program(a_py=MARKED)
    regions = Regions(seed)
    bad = seed.replace({"a.py": MARKED.replace("-(remaining", "(remaining").replace("return 1", "return 2").encode()})
    message = regions.problem(bad)
    assert message == "a.py:9 is outside the regions that may change: '    return 1' became '    return 2'"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    return -(remaining - item)\n", "# EVOLVE-BLOCK-END\n# EVOLVE-BLOCK-START\n", "3 regions"),
        ("    return -(remaining - item)\n", "# EVOLVE-BLOCK-START\n", "starts inside"),
        ("    return -(remaining - item)\n", "# EVOLVE-BLOCK-END\n", "not started"),
        ("SCALE = 2\n# EVOLVE-BLOCK-END\n", "SCALE = 2\n", "has no end"),
        ("def helper():\n    return 1\n\n# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-START\ndef helper():\n", "outside"),
        ("import math\n\n# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-START\nimport math\n", "outside"),
        ("# EVOLVE-BLOCK-START\ndef", "#  EVOLVE-BLOCK-START\ndef", "outside"),
        ("EVOLVE", "evolve", "regions"),
    ],
)
def test_markers_that_were_added_moved_nested_or_lost_are_rejected(old: str, new: str, reason: str) -> None:
    """Markers are part of the frozen text."""
    assert old in MARKED
    seed = program(a_py=MARKED)
    message = Regions(seed).problem(program(a_py=MARKED.replace(old, new)))
    assert message is not None
    assert reason in message


def test_a_marker_in_a_file_without_any_is_rejected() -> None:
    """Not in a file that may change as a whole, nor in a new one."""
    seed = program(a_py="x = 1\n")
    marker = b"# EVOLVE-BLOCK-START\n"
    regions = Regions(seed, ["*.py"])
    assert regions.problem(seed.replace({"a.py": b"x = 1\n" + marker})) == "a.py:2: an EVOLVE-BLOCK marker was added"
    assert regions.problem(seed.replace({"b.py": marker})) == "b.py:1: an EVOLVE-BLOCK marker was added"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x\n# EVOLVE-BLOCK-START\n", "a.py:2: the region that starts here has no end"),
        ("x\n\n# EVOLVE-BLOCK-END\n", "a.py:3: a region ends that was not started"),
        (
            "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
            "a.py:2: a region starts inside the region",
        ),
        ("x\n# evolve_block_start\n", "a.py:2: '# evolve_block_start' is no marker"),
        ("x\n// EVOLVE-BLOCK-BEGIN\n", "a.py:2: '// EVOLVE-BLOCK-BEGIN' is no marker"),
    ],
)
def test_a_malformed_seed_is_a_task_error_that_names_file_and_line(text: str, message: str) -> None:
    """Unbalanced, nested and misspelt markers are found when the search is set up."""
    with pytest.raises(TaskError, match="the seed's") as caught:
        Regions(program(a_py=text))
    assert message in str(caught.value)


def test_a_seed_that_may_not_change_at_all_is_a_task_error() -> None:
    """Most likely a misspelt glob."""
    with pytest.raises(TaskError, match="no file of the seed may change"):
        Regions(program(a_py="x"), ["progam.py"])


@pytest.mark.parametrize("pattern", ["", "/a", "../a", "a//b"])
def test_a_glob_that_is_no_relative_path_is_a_task_error(pattern: str) -> None:
    """It would match nothing, silently."""
    with pytest.raises(TaskError, match="editable"):
        Regions(program(a_py="x"), [pattern])


def test_a_marked_file_must_be_text() -> None:
    """In the seed that is a task error, in a program a reason to reject it."""
    with pytest.raises(TaskError, match="not UTF-8"):
        Regions(Program({"a": b"# EVOLVE-BLOCK-START\n\xff\n# EVOLVE-BLOCK-END\n"}))
    seed = program(a_py=MARKED)
    message = Regions(seed).problem(Program({"a.py": MARKED.encode().replace(b"SCALE", b"\xff")}))
    assert message is not None
    assert "not UTF-8" in message


def test_modes_and_sizes_are_checked() -> None:
    """A change of mode is outside every region; so is growing without bound."""
    seed = program(a_py="x = 1\n")
    assert Regions(seed).problem(Program(seed.files, frozenset(["a.py"]))) == "the mode of a.py was changed"
    assert Regions(seed).problem(seed.replace({"a.py": b"#" * (2**20 + 1)})) == (
        "the program has 1048577 bytes, more than the 1048576 allowed"
    )
    assert Regions(seed, max_bytes=7).problem(seed.replace({"a.py": b"x = 10\n"})) is None
    assert Regions(seed, max_bytes=7).problem(seed.replace({"a.py": b"x = 100\n"})) is not None
    many = Regions(seed, ["**"], max_files=2).problem(seed.replace({"b": b"", "c": b""}))
    assert many == "the program has 3 files, more than the 2 allowed"


def test_an_empty_region_takes_whole_lines() -> None:
    """Its span is empty and stands at the start of the END line."""
    text = "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END"
    seed = program(a_py=text)
    regions = Regions(seed)
    [(start, end)] = regions.spans(seed, "a.py")
    assert start == end == 21
    assert regions.problem(edited(text, start, end, "x = 1\n")) is None
    assert regions.problem(edited(text, start, end, "x = 1")) is not None


LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6).map("\n".join)


@given(LINES, st.data())
def test_any_edit_inside_the_spans_passes(new: str, data: st.DataObject) -> None:
    """Whatever text replaces whatever part of a span."""
    seed = program(a_py=MARKED)
    regions = Regions(seed)
    start, end = data.draw(st.sampled_from(regions.spans(seed, "a.py")))
    first = data.draw(st.integers(start, end))
    last = data.draw(st.integers(first, end))
    assert regions.problem(edited(MARKED, first, last, new)) is None


@given(LINES, st.data())
def test_any_edit_outside_the_spans_is_rejected(new: str, data: st.DataObject) -> None:
    """Whatever the edit does to the frozen text, unless it writes what stands there already."""
    seed = program(a_py=MARKED)
    regions = Regions(seed)
    spans = regions.spans(seed, "a.py")
    outside = [(0, spans[0][0]), (spans[0][1], spans[1][0]), (spans[1][1], len(MARKED))]
    low, high = data.draw(st.sampled_from(outside))
    # the frozen text ends before a region's first character and starts again at its last newline
    first = data.draw(st.integers(low, max(low, high - 1)))
    last = data.draw(st.integers(min(first + 1, high), high))
    changed = edited(MARKED, first, last, new)
    whole = changed.text("a.py")
    pieces = [whole.startswith(MARKED[: spans[0][0]]), whole.endswith(MARKED[spans[1][1] :])]
    middle = MARKED[spans[0][1] : spans[1][0]]
    same = all(pieces) and whole.count(middle) == 1 and whole.count("EVOLVE-BLOCK-") == 4
    assert (regions.problem(changed) is None) == same


def test_a_check_takes_less_than_parsing() -> None:
    """The best of many runs of each, so that a busy machine does not decide."""
    text = MARKED.replace("def helper", "\n".join(f"x{i} = {i} * 3 + 2" for i in range(100)) + "\ndef helper")
    seed = program(a_py=text)
    regions = Regions(seed)
    changed = program(a_py=text.replace("SCALE = 2", "SCALE = 3"))
    assert regions.problem(changed) is None
    seconds: dict[str, list[float]] = {"check": [], "parse": []}
    for _ in range(200):
        begin = time.perf_counter()
        regions.problem(changed)
        seconds["check"].append(time.perf_counter() - begin)
        begin = time.perf_counter()
        ast.parse(text)
        seconds["parse"].append(time.perf_counter() - begin)
    assert min(seconds["check"]) < min(seconds["parse"]) / 3
