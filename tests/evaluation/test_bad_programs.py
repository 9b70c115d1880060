"""What becomes of programs that fail, hang, flood, lie and leave things behind: a status, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.testing.processes import gone
from evolve.types import Evaluation, Limits, Program, Status

Make: TypeAlias = Callable[..., NativeEvaluator]
Score: TypeAlias = Callable[..., Evaluation]

MIB = 2**20
ANY = "def evaluate(program):\n    program.call('f')\n    return 1\n"


DEAF = """
import signal, time
for number in (1, 2, 3, 15): signal.signal(number, signal.SIG_IGN)
def f(): time.sleep(600)
"""
DEEP = """
def f():
    value = []
    for _ in range(9999): value = [value]
    return value
"""
GARBAGE = """
import os
def f():
    for number in range({first}, 100):
        try: os.write(number, {bytes} * 99)
        except OSError: pass
"""
SHARED = """
import mmap
def f():
    memory = mmap.mmap(-1, 2**28)
    while True:
        for place in range(0, 2**28, 4096): memory[place] = 1
"""
BAD = {
    "does not parse": ("def f(:\n", Status.FAILED, 'File "program.py", line 1\n    def f(:\n'),
    "has no such function": ("def g(): pass", Status.FAILED, "no function 'f' in module 'program'"),
    "raises": ("def f():\n    return 1 / 0\n", Status.FAILED, 'File "program.py", line 2, in f\n    return 1 / 0\n'),
    "imports what is not there": ("import nonsense", Status.FAILED, "ModuleNotFoundError: No module named 'nonsense'"),
    "recurses": ("def f(): return f()", Status.FAILED, "RecursionError"),
    "exits": ("import sys\nsys.exit(3)", Status.FAILED, "SystemExit: 3"),
    "ends the process": ("import os\ndef f(): os._exit(3)", Status.FAILED, "exit code 3 in the middle of a call"),
    "aborts": ("import os\ndef f(): os.abort()", Status.FAILED, "killed by SIGABRT"),
    "hangs": ("def f():\n    while 1: pass", Status.TIMEOUT, "f: stopped after 0.5 s, the call_timeout in task.toml"),
    "hangs when imported": ("while True: pass", Status.TIMEOUT, "stopped after 0.5 s"),
    "ignores signals": (DEAF, Status.TIMEOUT, "stopped after 0.5 s"),
    "allocates much": ("def f(): return bytearray(2**29)", Status.MEMORY, "emory"),
    "allocates little by little": (
        "def f(): return [bytearray(2**20) for _ in range(300)]", Status.MEMORY, "emory"
    ),
    "allocates shared memory": (SHARED, Status.MEMORY, "more than 128 MiB"),
    "returns much": ("def f(): return 'x' * 5_000_000", Status.OUTPUT, "what the program returned is too long"),
    "returns an object": ("def f(): return object()", Status.FAILED, "what f returned is no data: an object"),
    "returns odd keys": ("def f(): return {1: 2}", Status.FAILED, "keys are text"),
    "returns a huge integer": ("def f(): return 10**5000", Status.FAILED, "an integer of 16610 bits cannot cross"),
    "returns deep nesting": (DEEP, Status.FAILED, "nested deeper than 64"),
    "closes its descriptors": ("import os\ndef f(): os.closerange(0, 100)", Status.FAILED, "in the middle of a call"),
    "writes frames of garbage everywhere": (
        GARBAGE.format(first=0, bytes="b'\\0\\0\\0\\1'"), Status.FAILED, "not its own"
    ),
    "announces too much everywhere": (GARBAGE.format(first=3, bytes="b'\\xff'"), Status.OUTPUT, "too long"),
}  # fmt: skip


@pytest.mark.parametrize("how", BAD)
def test_a_bad_program_is_a_status_and_feedback(score: Score, how: str) -> None:
    """Each in its own way, and none of them is an exception."""
    program, status, feedback = BAD[how]
    limits = Limits(memory_bytes=128 * MIB, reply_bytes=4 * MIB)
    evaluation = score(program, ANY, call_timeout=0.5 if status is Status.TIMEOUT else 120.0, limits=limits)
    assert evaluation.status == status, evaluation
    assert feedback in evaluation.feedback
    assert (evaluation.score, evaluation.fitness) == (None, None)
    assert "/tmp" not in evaluation.feedback


def test_feedback_is_the_same_every_time(score: Score) -> None:
    """No path, no address, no line of ours: the same failure reads the same."""
    program = """
class C:
    def m(self):
        raise ValueError(self)
def f():
    import os
    try: C().m()
    except ValueError as error: raise OSError(os.getcwd() + "/x") from error
"""
    first, second = score(program), score(program)
    assert first.feedback == second.feedback
    assert first.feedback.startswith('Traceback (most recent call last):\n  File "program.py", line 7, in f\n')
    assert "ValueError: <program.C object at 0x...>" in first.feedback
    assert first.feedback.endswith("OSError: x")
    assert "candidate.py" not in first.feedback


def test_what_a_failed_program_printed_is_in_the_feedback(score: Score) -> None:
    """The end of it."""
    evaluation = score("def f():\n    print('so far')\n    1 / 0\n")
    assert evaluation.feedback.endswith("It printed:\nso far")


def test_of_a_program_that_was_stopped_the_first_lines_are_shown(score: Score) -> None:
    """However far it came, they are the same."""
    program = """
import itertools
def f():
    for number in itertools.count(): print(number, '.' * 200, flush=True)
"""
    first, second = (score(program, call_timeout=timeout).feedback for timeout in (2.0, 2.0))
    assert first == second
    assert first.startswith(f"f: stopped after 2 s, the call_timeout in task.toml\nIt printed:\n0 {'.' * 200}\n1 ..")
    assert first.endswith("[cut here, more was printed]")


def test_a_gigabyte_of_output_is_read_and_thrown_away(score: Score) -> None:
    """It costs the supervisor no memory, hangs nothing, and the answer still comes."""
    program = """
import os
block = b"x" * 2**20
def f():
    for _ in range(1024): os.write(1, block)
    with open(f"/proc/{os.getppid()}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
"""
    evaluation = score(program, call_timeout=600.0, timeout=600.0)
    assert evaluation.status == Status.OK
    assert evaluation.score is not None
    assert evaluation.score < 64 * MIB


def test_the_output_of_an_executable_is_cut_and_said_to_be(score: Score) -> None:
    """Both streams at their own limit."""
    evaluation = score(
        "",
        """
def evaluate(program):
    done = program.run(["sh", "-c", "head -c 5000000 /dev/zero; head -c 10 /dev/zero >&2"])
    assert done.cut and done.stdout_cut and not done.stderr_cut
    return len(done.stdout) + len(done.stderr)
""",
        limits=Limits(output_bytes=1000),
    )
    assert evaluation.score == 1010.0, evaluation.feedback


def test_an_executable_that_hangs_is_stopped_with_its_children(score: Score) -> None:
    """Whether it reads its input or not."""
    evaluation = score(
        "",
        """
def evaluate(program):
    try:
        program.run(["sh", "-c", "sleep 600 & sleep 600"], input=bytes(10**7), timeout=0.3)
    except program.Error as error:
        return {"score": 1, "kind": error.kind, "text": str(error)}
""",
    )
    assert evaluation.metrics == {
        "kind": "timeout",
        "text": "sh: stopped after 0.3 s, the timeout that evaluate() gave",
    }


@pytest.mark.parametrize(
    "end", ["", "    1 / 0\n", "    program.call('g', timeout=1.0)\n", "    program.run(['true'])\n"]
)
def test_children_and_daemons_do_not_outlive_the_evaluation(make: Make, family: str, end: str, tmp_path: Path) -> None:
    """However it ends, every process that it started is gone when it has."""
    text = f"""
def evaluate(program):
    pids = program.call("f")
    open({str(tmp_path / "pids")!r}, "w").write(str(pids))
{end}    return 1
"""
    make(text).evaluate(Program({"program.py": family.encode()}))
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().strip("[]").split(",")]
    assert len(pids) == 3
    assert all(gone(pid) for pid in pids)


def test_too_many_processes_are_stopped(score: Score) -> None:
    """The whole tree of them."""
    program = """
import subprocess, time
def f():
    for _ in range(6): subprocess.Popen(["sleep", "600"])
    time.sleep(600)
"""
    evaluation = score(program, limits=Limits(processes=5))
    assert evaluation.status == Status.FAILED
    assert "more than 5 processes at once" in evaluation.feedback


def test_processor_time_has_its_own_limit(score: Score) -> None:
    """Sleeping is free of it, and the time of children counts."""
    program = """
import subprocess, sys, time
def f():
    time.sleep(0.5)
    subprocess.run([sys.executable, "-c", "while True: pass"])
"""
    evaluation = score(program, cpu_timeout=1.5)
    assert evaluation.status == Status.TIMEOUT
    assert evaluation.feedback == "f: stopped after 1.5 s of processor time"
    assert evaluation.cost.seconds > 1.5


def test_files_are_gone_after_the_evaluation(make: Make) -> None:
    """The next program finds nothing of the one before."""
    program = b"""
import os
def f():
    found = len(os.listdir())
    os.makedirs("a/b")
    os.symlink("/", "l")
    return found
"""
    evaluator = make()
    assert [evaluator.evaluate(Program({"program.py": program})).score for _ in range(3)] == [1.0, 1.0, 1.0]


def test_a_program_sees_nothing_of_the_engine(score: Score, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its environment nor its folder; and hashes are the same each time."""
    monkeypatch.setenv("SECRET_KEY", "sesame")
    evaluation = score(
        """
import os, sys
def f():
    descriptors = len(os.listdir("/proc/self/fd"))
    return [dict(os.environ), os.getcwd(), sys.argv, sys.path[0], hash("x"), descriptors]
""",
        "def evaluate(program):\n    return {'score': 0, 'seen': program.call('f')}\n",
    )
    seen: Any = evaluation.metrics["seen"]
    environment, folder, argv, path, first_hash, descriptors = seen
    assert set(environment) <= {
        "PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip
    assert environment["HOME"] == folder == path == argv[0]
    assert descriptors <= 5  # three, the channel, and the listing itself
    code = "print(hash('x'))"
    clean = subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": "0"}, capture_output=True, check=True)
    assert first_hash == int(clean.stdout)


LIES = """
class Lie(float):
    def __float__(self): return 1e9
    def __eq__(self, other): return True
    def __gt__(self, other): return True
    def __hash__(self): return 0
    def __reduce__(self): return (print, ("unpickled",))
class Numbers(list):
    def __len__(self): return 10**6
    def __iter__(self): return iter([1e9])
def f():
    return Lie(2.5)
def g():
    return Numbers([Lie(1.0)])
def h():
    return {"score": Lie(3.0), "metrics": Numbers([])}
"""


def test_objects_that_lie_arrive_as_plain_data(score: Score) -> None:
    """What the evaluator holds is a float or a list and nothing else."""
    evaluation = score(
        LIES,
        """
def evaluate(program):
    a, b, c = program.call("f"), program.call("g"), program.call("h")
    assert type(a) is float and a == 2.5 and a != 7
    assert type(b) is list and b == [1.0] and type(b[0]) is float
    assert c == {"score": 3.0, "metrics": []}
    return a
""",
    )
    assert (evaluation.status, evaluation.score) == (Status.OK, 2.5), evaluation.feedback


def test_forged_frames_are_refused(score: Score) -> None:
    """A program that writes the answer itself, with a shape that nothing could hold, or for a call nobody made."""
    forge = """
import json, os
def send(document, blob=b"", call=1):
    head = json.dumps({{"call": call, "buffers": [len(document), len(blob)]}}).encode()
    rest = len(head).to_bytes(4, "big") + head + document + blob
    os.write(3, len(rest).to_bytes(4, "big") + rest)
def f():
    send({0})
    while True: pass
"""
    for what, kind, said in (
        ("""b'{"$array":["float64",[1000000,1000000,1000000]]}', b"12345678" """, Status.FAILED, "is no data"),
        ("""b'[NaN]'""", Status.FAILED, "is no data"),
        ("""b'1', call=2""", Status.FAILED, "not its own"),
        ("""b'[' * 100000""", Status.FAILED, "is no data"),
    ):
        evaluation = score(forge.format(what), ANY)
        assert evaluation.status == kind
        assert said in evaluation.feedback


def test_unasked_answers_fill_nothing(score: Score) -> None:
    """A thread that writes to the channel between calls waits, and the next call sees it for what it is."""
    program = """
import os, threading, time
def flood():
    while not os.path.exists("answered"): time.sleep(0.01)
    os.write(3, b"\\0\\0\\0\\1x" * 1000)
    open("begun", "w").close()
    while True: os.write(3, b"\\0\\0\\0\\1x" * 10000)
def f():
    return 1
def g():
    threading.Thread(target=flood, daemon=True).start()
    return 1
"""
    evaluation = score(
        program,
        """
def evaluate(program):
    program.call("g")
    program.run(["sh", "-c", "touch answered; until [ -e begun ]; do sleep 0.02; done"])
    try:
        program.call("f")
    except program.Error as error:
        return {"score": program.call("f"), "text": str(error)}
""",
    )
    assert (evaluation.status, evaluation.metrics) == (
        Status.OK,
        {"text": "f: the program wrote to a descriptor that is not its own"},
    )


def test_after_a_failure_the_next_call_starts_anew(score: Score) -> None:
    """In the same evaluation: what raised goes on as it was, what crashed or hung starts over."""
    evaluation = score(
        """
import os
n = 0
def f():
    global n
    n += 1
    return n
def bad(): 1 / 0
def end(): os._exit(1)
def hang():
    while True: pass
""",
        """
def evaluate(program):
    seen = [program.call("f")]
    for name, kind, timeout in (("bad", "failed", 120), ("end", "failed", 120), ("hang", "timeout", 0.3)):
        try:
            program.call(name, timeout=timeout)
        except program.Error as error:
            assert error.kind == kind
        seen += [program.call("f"), program.call("f")]
    return {"score": 1, "seen": seen}
""",
    )
    assert evaluation.metrics == {"seen": [1, 2, 3, 1, 2, 1, 2]}, evaluation.feedback


SUICIDE = """
import os, signal
def f():
    with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:  # only ever the supervisor of this sandbox
        if b"harness/main.py" in file.read():
            os.kill(os.getppid(), signal.SIGKILL)
    while True: pass
"""


def test_a_program_that_ends_its_supervisor_has_failed(make: Make) -> None:
    """It is tried twice, leaves nothing running, and the next program is scored."""
    evaluator = make()
    evaluation = evaluator.evaluate(Program({"program.py": SUICIDE.encode()}))
    assert evaluation.status == Status.FAILED
    assert "ended the process that watches it" in evaluation.feedback
    assert evaluator.evaluate(Program({"program.py": b"def f(): return 1"})).score == 1.0
