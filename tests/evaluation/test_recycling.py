"""A candidate's session serves many programs, and is replaced for good reasons."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.processes import gone, settles
from evolve.types import Evaluation, Limits, Program, Role, Sandbox, Session, Status

SUPERVISOR = "import os\ndef f(): return os.getppid()\n"
SEEN = """
def evaluate(program):
    try:
        return {"score": 0, "seen": program.call("f")}
    except program.Error as error:
        return {"score": 0, "seen": str(error)}
"""


class Counting:
    """The process sandbox; remembers when it opened candidates' sessions, and how many it has open."""

    name = "counting"
    weaknesses: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._sandbox: Sandbox = ProcessSandbox()
        self.opened: list[float] = []

    def open(self, role: Role, limits: Limits, *, gateway: Path | None = None) -> Session:
        """Start a harness."""
        if role == "candidate":
            self.opened.append(time.monotonic())
        return self._sandbox.open(role, limits, gateway=gateway)

    def close(self) -> None:
        """Close what is left."""
        self._sandbox.close()


class Bench:
    """Makes evaluators over a counting sandbox, and runs programs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.sandbox = folder, Counting()
        self.made: list[NativeEvaluator] = []
        (folder / "evaluate.py").write_text(SEEN)

    def evaluator(self, *, recycle: int = 500, strict: bool = False, limits: Limits | None = None) -> NativeEvaluator:
        """One that is closed after the test."""
        limits = limits or Limits()
        made = NativeEvaluator(
            sandbox=self.sandbox,
            folder=self.folder,
            recycle=recycle,
            strict=strict,
            limits=limits,
            timeout=600.0,
            call_timeout=300.0,
        )
        self.made.append(made)
        return made

    @staticmethod
    def score(evaluator: NativeEvaluator, source: str) -> Evaluation:
        """What the evaluator says of a program of one file."""
        return evaluator.evaluate(Program({"program.py": source.encode()}))

    def seen(self, evaluator: NativeEvaluator, source: str = SUPERVISOR) -> object:
        """What the program's `f` returned, by default its supervisor's process id."""
        evaluation = self.score(evaluator, source)
        assert evaluation.status is Status.OK, evaluation.feedback
        return evaluation.metrics["seen"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Everything is closed after the test."""
    made = Bench(tmp_path)
    yield made
    for evaluator in made.made:
        evaluator.close()
    made.sandbox.close()


def test_one_session_serves_many_programs(bench: Bench) -> None:
    """As long as nothing happens."""
    evaluator = bench.evaluator()
    assert len({bench.seen(evaluator) for _ in range(8)}) == 1
    assert len(bench.sandbox.opened) == 1


def test_after_so_many_programs_it_is_replaced(bench: Bench) -> None:
    """Exactly so many, and the old one ends."""
    evaluator = bench.evaluator(recycle=3)
    supervisors = [bench.seen(evaluator) for _ in range(8)]
    assert [supervisors.count(pid) for pid in dict.fromkeys(supervisors)] == [3, 3, 2]
    assert settles(lambda: gone(int(str(supervisors[0]))), 60)


def test_strict_means_a_session_for_each(bench: Bench) -> None:
    """None is used twice."""
    evaluator = bench.evaluator(strict=True)
    assert len({bench.seen(evaluator) for _ in range(6)}) == 6


def test_a_successor_is_opened_before_it_is_needed(bench: Bench) -> None:
    """While the last program runs and not after it."""
    evaluator = bench.evaluator(strict=True)
    ready = bench.folder / "ready"
    waits = f"import os, time\ndef f():\n    while not os.path.exists({str(ready)!r}): time.sleep(0.01)\n    return 1\n"
    with ThreadPoolExecutor(1) as pool:
        runs = pool.submit(bench.seen, evaluator, waits)
        try:
            assert settles(lambda: len(bench.sandbox.opened) == 2, 60)
        finally:
            ready.touch()
        assert runs.result() == 1


BAD = {
    "memory": "def f(): return len(bytearray(10**10))\n",
    "memory of the tree": """
import os, time
def f():
    for _ in range(3):
        if os.fork() == 0:
            held = bytearray(60 * 2**20)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(300)
    time.sleep(300)
""",
    "protocol": "import os\ndef f():\n    os.write(3, b'garbage')\n    return 1\n",
    "zygote stopped": """
import os, signal
def f():
    with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as file:
        for pid in map(int, file.read().split()):
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if b"zygote.py" in line.read() and pid != os.getpid():
                    os.kill(pid, signal.SIGSTOP)
""",
}
BAD["zygote killed"] = BAD["zygote stopped"].replace("SIGSTOP", "SIGKILL")


@pytest.mark.parametrize("what", ["memory of the tree", "protocol", "zygote stopped", "zygote killed"])
def test_on_any_doubt_it_is_replaced_at_once(bench: Bench, what: str) -> None:
    """A kill for memory, garbage on the channel, a zygote that was touched: and the next program does not wait."""
    evaluator = bench.evaluator(limits=Limits(memory_bytes=100 * 2**20))
    first = bench.seen(evaluator)
    bench.score(evaluator, BAD[what])
    start = time.monotonic()
    assert bench.seen(evaluator) != first
    assert time.monotonic() - start < 60


def test_a_program_that_fails_is_no_doubt(bench: Bench) -> None:
    """An exception, one about memory too, is an answer like any other."""
    evaluator = bench.evaluator()
    first = bench.seen(evaluator)
    for source in (
        "def f(): raise ValueError\n",
        BAD["memory"],
        "def f(): return f\n",
        "import os\ndef f(): os._exit(1)\n",
    ):
        bench.score(evaluator, source)
    assert bench.seen(evaluator) == first


def test_a_zygote_that_is_stopped_is_found_out_within_its_own_session(bench: Bench) -> None:
    """The program that did it is called again, and waits for another zygote, not for that one."""
    evaluate = """
import time
def evaluate(program):
    program.call("f")
    try:
        program.call("g", timeout=0.2)  # so that it has to be started anew
    except program.Error:
        pass
    start = time.monotonic()
    program.call("h")
    return time.monotonic() - start
"""
    (bench.folder / "evaluate.py").write_text(evaluate)
    source = BAD["zygote stopped"] + "import time\ndef g(): time.sleep(600)\ndef h(): return 1\n"
    evaluation = bench.score(bench.evaluator(), source)
    assert evaluation.status is Status.OK, evaluation.feedback
    assert evaluation.score is not None
    assert evaluation.score < 60


def test_sessions_that_died_meanwhile_are_no_program_s_fault(bench: Bench) -> None:
    """However many of those that wait are gone, the last try has one that was opened just now."""
    evaluator = bench.evaluator(recycle=20)
    first = [bench.seen(evaluator) for _ in range(19)][-1]  # its successor is being opened, since it is near its end
    assert settles(lambda: len(bench.sandbox.opened) == 2, 60)
    time.sleep(0.5)
    for pid in _harnesses():
        os.kill(pid, signal.SIGKILL)
    second = bench.seen(evaluator)
    assert second != first


def _harnesses() -> list[int]:
    """Candidates' harnesses among the children of this process."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # threads and processes end while we look
            for pid in map(int, (task / "children").read_text().split()):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"candidate" in words:
                    found.append(pid)
    return found


def test_what_programs_import_is_told_to_the_next_session(bench: Bench) -> None:
    """So that its first program finds it imported."""
    evaluator = bench.evaluator(strict=True)
    bench.seen(evaluator, "import numpy\ndef f(): return 1\n")
    bench.seen(evaluator)  # its session was opened before anybody knew
    look = "import sys\ndef f(): return 'numpy' in sys.modules\n"
    assert bench.seen(evaluator, look) is True


def test_closing_ends_all_sessions(bench: Bench) -> None:
    """Those in use, those that wait, and those being opened."""
    evaluator = bench.evaluator(strict=True)
    threads = [threading.Thread(target=bench.seen, args=(evaluator,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    evaluator.close()
    assert settles(lambda: _harnesses() == [], 60)


def test_a_session_serves_someone(bench: Bench) -> None:
    """Fewer than one program is refused."""
    with pytest.raises(ValueError, match="at least 1"):
        bench.evaluator(recycle=0)
