"""The native contract: what evaluate() can do with a program, and how an evaluator ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

from evolve.errors import SandboxFault, TaskError
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.testing.processes import living, settles
from evolve.types import Evaluation, Program, Status

Make: TypeAlias = Callable[..., NativeEvaluator]
Score: TypeAlias = Callable[..., Evaluation]

ROOT = Path(__file__).parents[2]
MIB = 2**20


def test_a_number_is_the_score(score: Score) -> None:
    """And the cost is measured."""
    evaluation = score("def f():\n    return sum(range(100000)) and 2.5\n")
    assert (evaluation.status, evaluation.score, evaluation.fitness) == (Status.OK, 2.5, 2.5)
    assert 0 < evaluation.cost.cpu_seconds < 10
    assert 0 < evaluation.cost.seconds < 300
    assert MIB < evaluation.cost.memory_bytes < 512 * MIB


def test_what_is_minimized_has_its_sign_turned(score: Score) -> None:
    """The score stays in the user's unit."""
    evaluation = score("def f():\n    return 3", rules=Rules(direction="minimize"))
    assert (evaluation.score, evaluation.fitness) == (3.0, -3.0)


def test_a_dict_has_a_score_and_more(score: Score) -> None:
    """Metrics under their name or beside the score, measures, instances, feedback, artifacts."""
    evaluation = score(
        "",
        """
def evaluate(program):
    return {"score": 1, "metrics": {"a": 1}, "b": [1, 2], "measures": {"size": 3}, "instances": [0.5, 1.5],
            "feedback": "try harder", "artifacts": {"log.txt": "said", "raw/x": b"01"}}
""",
    )
    assert evaluation.status == Status.OK
    assert evaluation.metrics == {"a": 1, "b": [1, 2]}
    assert evaluation.measures == {"size": 3.0}
    assert evaluation.instances == {"0": 0.5, "1": 1.5}
    assert evaluation.feedback == "try harder"
    assert evaluation.artifacts == {"log.txt": b"said", "raw/x": b"01"}


def test_calls_and_maps_carry_plain_data_both_ways(score: Score) -> None:
    """Arguments reach the function, results come back in order, modules are found, state stays within an evaluation."""
    evaluation = score(
        """
import other_place as _
seen = []
def add(a, b=10):
    seen.append(a)
    return {"sum": a + b, "seen": len(seen), "data": b"\\0", "tuple": (1,)}
""".replace("import other_place as _\n", ""),
        """
def evaluate(program):
    assert program.call("add", 1, 2) == {"sum": 3, "seen": 1, "data": b"\\0", "tuple": [1]}
    results = program.map("program:add", [(i,) for i in range(1000)])
    assert [r["sum"] for r in results] == list(range(10, 1010))
    assert program.map("add", []) == []
    assert program.call("math:hypot", 3, 4) == 5
    assert program.seconds > 0
    return program.call("add", 0)["seen"]
""",
    )
    assert (evaluation.status, evaluation.score) == (Status.OK, 1002.0), evaluation.feedback


def test_arrays_cross(score: Score) -> None:
    """With dtype and shape, into the candidate and back."""
    evaluation = score(
        "def f(a):\n    return a.T * 2\n",
        """
import numpy as np
def evaluate(program):
    a = np.arange(12, dtype="float32").reshape(3, 4)
    b = program.call("f", a)
    assert b.dtype == np.float32 and b.shape == (4, 3)
    return float((b == a.T * 2).all())
""",
    )
    assert (evaluation.status, evaluation.score) == (Status.OK, 1.0), evaluation.feedback


def test_executables_run_in_the_program_s_folder(make: Make) -> None:
    """With input, output, exit code, time and memory; what is not executable says so."""
    evaluator = make("""
def evaluate(program):
    done = program.run(["bin/double", "3"], input=b"in")
    assert (done.returncode, done.stdout, done.stderr, done.cut) == (3, b"inin", b"said", False), done
    assert done.seconds > 0 and done.memory_bytes > 0
    assert program.run(["./data.txt"]).returncode == 126
    missing = program.run(["./nothing"])
    assert missing.returncode == 127 and b"No such file" in missing.stderr
    assert program.run(["cat", "data.txt"]).stdout == b"text"
    assert program.run(["sh", "-c", "kill -9 $$"]).returncode == -9
    program.run(["sh", "-c", "echo made > new"])
    assert program.run(["cat", "new"]).stdout == b"made\\n"
    return 1
""")
    script = b"#!/bin/sh\nx=$(cat)\nprintf %s%s $x $x\nprintf said >&2\nexit $1\n"
    program = Program({"bin/double": script, "data.txt": b"text"}, frozenset({"bin/double"}))
    evaluation = evaluator.evaluate(program)
    assert (evaluation.status, evaluation.score) == (Status.OK, 1.0), evaluation.feedback


def test_text_can_be_scored_without_running_it(make: Make) -> None:
    """`files` and `read` start no process of the candidate's."""
    evaluator = make("""
def evaluate(program):
    assert program.files == {"prompt.txt": "gr\u00fc\u00df dich".encode(), "raw": b"\\xff"}
    try:
        program.read("raw")
    except program.Error as error:
        assert error.kind == "data"
    return len(program.read("prompt.txt"))
""")
    evaluation = evaluator.evaluate(Program({"prompt.txt": "gr\u00fc\u00df dich".encode(), "raw": b"\xff"}))
    assert (evaluation.status, evaluation.score) == (Status.OK, 9.0), evaluation.feedback
    assert evaluation.cost.memory_bytes == 0


def test_the_entry_module_is_found(make: Make) -> None:
    """The one that was named, the only Python file, program.py or main.py; else it is said."""
    one = b"def f():\n    return 1\n"
    evaluator = make()
    for files in (
        {"a.py": one},
        {"x/b.py": one, "y.txt": b""},
        {"a.py": b"", "main.py": one},
        {"program.py": one, "main.py": b""},
    ):
        assert evaluator.evaluate(Program(files)).status == Status.OK, files
    assert "no module to find 'f' in" in evaluator.evaluate(Program({"a.py": one, "b.py": one})).feedback
    assert make(rules=Rules(module="x.b")).evaluate(Program({"x/b.py": one, "main.py": b""})).status == Status.OK


def test_a_program_may_have_files_named_like_ours(make: Make) -> None:
    """Nothing of the harness is in its way."""
    names = ("frames", "candidate", "supervisor", "main", "tree", "folder", "json2")
    files = {f"{name}.py": f"x = {name!r}\n".encode() for name in names}
    listed = ", ".join(names)
    files["program.py"] = f"import {listed}\ndef f(): return len({{module.x for module in ({listed})}})\n".encode()
    evaluation = make().evaluate(Program(files))
    assert evaluation.score == len(names), evaluation.feedback


def test_held_out_instances_need_the_second_argument(make: Make) -> None:
    """The engine looks at the signature, and says which splits there are."""
    both = make("def evaluate(program, split):\n    return {'search': 1, 'held_out': 2}[split]\n")
    assert both.splits == ("search", "held_out")
    program = Program({"program.py": b""})
    assert [both.evaluate(program, split=split).score for split in both.splits] == [1.0, 2.0]
    one = make("def evaluate(program):\n    return 1\n")
    assert one.splits == ("search",)
    with pytest.raises(TaskError, match=r"def evaluate\(program, split\)"):
        one.evaluate(program, split="held_out")


def test_the_evaluator_has_its_folder_and_is_loaded_once(make: Make, tmp_path: Path) -> None:
    """Its own modules and data are there, of whatever size, and stay from one evaluation to the next."""
    evaluator = make(
        """
import helper
data = open("data/large.bin", "rb").read()
calls = []
def evaluate(program):
    calls.append(1)
    return {"score": len(calls), "size": len(data), "sum": sum(data[::MIB]), "help": helper.ANSWER}
""".replace("MIB", str(MIB))
    )
    folder = tmp_path / "task0"
    (folder / "helper.py").write_text("ANSWER = 42\n")
    (folder / "data").mkdir()
    (folder / "data" / "large.bin").write_bytes(bytes(range(40)) * MIB)
    (folder / "run" / ".git").mkdir(parents=True)
    (folder / "run" / "evaluate.py").write_text("broken(")
    first, second = (evaluator.evaluate(Program({"program.py": b""})) for _ in range(2))
    assert (first.score, second.score) == (1.0, 2.0)
    assert first.metrics == {"size": 40 * MIB, "sum": sum((i * MIB) % 40 for i in range(40)), "help": 42}


def test_a_task_may_have_modules_named_like_ours(make: Make, tmp_path: Path) -> None:
    """The harness is in nobody's way."""
    names = ("program", "frames", "tree", "folder", "loop", "evaluator", "main")
    listed = ", ".join(names)
    evaluator = make(f"import {listed}\ndef evaluate(p): return len({{module.mine for module in ({listed})}})\n")
    for name in names:
        (tmp_path / "task0" / f"{name}.py").write_text(f"mine = {name!r}\n")
    assert evaluator.evaluate(Program({"program.py": b""})).score == len(names)


def test_an_evaluator_s_sets_come_in_the_same_order(make: Make) -> None:
    """In every process of it, so that a score does not hang on a hash."""
    text = "def evaluate(program): return {'score': 0, 'order': list({str(n) for n in range(99)})}\n"
    first, second = (make(text).evaluate(Program({"program.py": b""})).metrics["order"] for _ in range(2))
    assert first == second


def test_several_threads_share_an_evaluator(make: Make) -> None:
    """Each of their evaluations has its own candidate."""
    evaluator = make("def evaluate(program):\n    return program.call('f')\n")
    programs = [Program({"program.py": f"def f():\n    return {number}\n".encode()}) for number in range(24)]
    with ThreadPoolExecutor(3) as pool:
        assert [each.score for each in pool.map(evaluator.evaluate, programs)] == [float(n) for n in range(24)]


def test_closing_ends_what_is_going_on(make: Make) -> None:
    """The thread that waits gets a fault, and nothing is left; closing twice is once."""
    evaluator = make("def evaluate(program):\n    program.call('f')\n")
    faults: list[BaseException] = []

    def work() -> None:
        try:
            evaluator.evaluate(Program({"program.py": b"import time\ndef f(): time.sleep(600)\n"}))
        except SandboxFault as fault:
            faults.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.5)
    evaluator.close()
    evaluator.close()
    thread.join(60)
    assert len(faults) == 1
    with pytest.raises(SandboxFault, match="closed"):
        evaluator.evaluate(Program({"program.py": b""}))


ENGINE = """
import sys
from pathlib import Path
from evolve.evaluation.native import NativeEvaluator
from evolve.evaluation.rules import Rules
from evolve.sandboxes import harness
from evolve.sandboxes.process import ProcessSandbox
from evolve.types import Program
print(harness.home(), flush=True)
program = Program({"program.py": sys.argv[2].encode()})
NativeEvaluator(sandbox=ProcessSandbox(), folder=Path(sys.argv[1])).evaluate(program)
"""


@pytest.mark.parametrize("busy", ["program.call('g')", "program.call('f')\n    while True: pass"])
def test_an_engine_that_is_killed_leaves_nothing(tmp_path: Path, family: str, busy: str) -> None:
    """No process and no folder, seconds after: neither of the evaluator in the middle of the user's code, nor of the
    candidate with its children and daemons."""
    (tmp_path / "evaluate.py").write_text(f"def evaluate(program):\n    {busy}\n")
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(tmp_path), family], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout is not None
    home = engine.stdout.readline().strip()
    assert settles(lambda: sum(b"sleep" in _command(pid) for pid in living(home)) >= 2, 120)
    assert len(living(home)) >= 5
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    settles(lambda: not living(home) and not Path(home).exists(), 60)
    left = [(pid, _command(pid)) for pid in living(home)], [str(path) for path in Path(home).rglob("*")]
    assert left == ([], [])
    assert not Path(home).exists()


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
