"""The stand-in for the program that an evaluator gets."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evolve.resources import bundled
from evolve.testing.program import FakeProgram, ProgramError, load_evaluator


def test_values_cross_as_plain_data() -> None:
    """Tuples arrive as lists, subclasses as what they are underneath, arrays as arrays, on both ways."""

    class Liar(float):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    program = FakeProgram({"kinds": lambda *args: [type(a).__name__ for a in args], "same": lambda a: a})
    assert program.call("kinds", (1, 2), Liar(1.0), np.float64(2), np.zeros(3)) == ["list", "float", "float", "ndarray"]
    assert program.call("same", (1, (2, 3))) == [1, [2, 3]]
    assert type(program.call("same", Liar(1.0))) is float
    assert program.call("same", np.arange(4).reshape(2, 2)).tolist() == [[0, 1], [2, 3]]
    assert np.isnan(program.call("same", float("nan")))


def test_what_is_no_data_is_the_programs_error() -> None:
    """Objects and arrays of objects cross in neither direction; an argument that is none is the evaluator's mistake."""
    program = FakeProgram({"make": object, "same": lambda a: a})
    with pytest.raises(program.Error, match="cannot cross") as caught:
        program.call("make")
    assert caught.value.kind == "data"
    with pytest.raises(ValueError, match="cannot cross"):
        program.call("same", np.array([object()]))


def test_a_map_is_one_message_and_keeps_the_order() -> None:
    """`trips` counts messages, `calls` remembers every call in order."""
    program = FakeProgram({"add": lambda a, b: a + b})
    assert program.map("add", [(1, 2), [3, 4]]) == [3, 7]
    assert program.call("add", "a", "b", timeout=1.0) == "ab"
    assert program.map("add", []) == []
    assert program.trips == 3
    assert program.calls == [("add", (1, 2)), ("add", (3, 4)), ("add", ("a", "b"))]


def test_an_error_carries_the_traceback() -> None:
    """What a function raises, and a function that is not there, are errors of the program."""
    program = FakeProgram({"fail": [].pop})
    with pytest.raises(ProgramError, match="IndexError: pop from empty list"):
        program.call("fail")
    with pytest.raises(ProgramError, match="has no function 'other'"):
        program.call("other")


def test_a_program_is_loaded_from_a_folder_or_a_file(tmp_path: Path) -> None:
    """Its files are there to read, and the functions of its main file to call."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_bytes(b"1 2")
    (tmp_path / "program.py").write_text("LIMIT = 3\ndef double(x):\n    return 2 * x\n")
    program = FakeProgram.load(tmp_path)
    assert sorted(program.files) == ["data/numbers.txt", "program.py"]
    assert program.read("data/numbers.txt") == "1 2"
    assert program.call("double", 4) == 8
    assert FakeProgram.load(tmp_path / "program.py").call("double", 1) == 2
    with pytest.raises(KeyError):
        program.read("other.txt")
    with pytest.raises(program.Error, match="no UTF-8"):
        FakeProgram(files={"data": b"\xff"}).read("data")


def test_a_command_runs_among_the_programs_files() -> None:
    """Standard input goes in, exit code and output come back, and a command that does not end is an error."""
    program = FakeProgram(files={"lib/words.txt": b"hello", "say.py": b"print(open('lib/words.txt').read(), input())"})
    done = program.run([sys.executable, "say.py"], input=b"world")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"hello world\n", b"")
    assert program.run([sys.executable, "-c", "raise SystemExit(3)"]).returncode == 3
    with pytest.raises(program.Error, match="did not end within"):
        program.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_it_is_used_like_the_program_in_the_harness() -> None:
    """Every public method of the harness's `Program` that an evaluator uses is here, with the same parameters."""
    tree = ast.parse((bundled("sandbox") / "harness" / "program.py").read_text())
    real = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Program")
    names = set()
    for node in real.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name != "close":
            names.add(node.name)
            ours: Any = getattr(FakeProgram, node.name)
            parameters = inspect.signature(getattr(ours, "fget", ours)).parameters
            varargs = [node.args.vararg] if node.args.vararg else []
            theirs = [each.arg for each in [*node.args.args, *varargs, *node.args.kwonlyargs]]
            assert theirs == list(parameters)
    assert names == {"call", "map", "run", "files", "read"}


def test_an_evaluator_file_is_loaded_as_a_module(tmp_path: Path) -> None:
    """`evaluate` of any file can be called on a fake program."""
    path = tmp_path / "evaluate.py"
    path.write_text("def evaluate(program):\n    return program.call('f', 20)\n")
    assert load_evaluator(path).evaluate(FakeProgram({"f": lambda x: x + 1})) == 21
    with pytest.raises(ImportError, match="no Python file"):
        load_evaluator(tmp_path / "evaluate.txt")
