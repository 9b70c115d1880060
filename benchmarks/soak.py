"""Thousands of ordinary and hostile programs in one mix: is each told apart, and is nothing left over?

    python benchmarks/soak.py [SANDBOX] [PROGRAMS]

The hostile ones only ever run inside the sandbox, which has to isolate (docker or bubblewrap). Prints how many of each
kind ended as they must, programs per second, what is left running, and the memory of this process and of its containers
over time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evolve.evaluation.native import NativeEvaluator
from evolve.sandboxes.choose import choose
from evolve.sandboxes.containers import OWNER
from evolve.sandboxes.owner import Owner
from evolve.types import Limits, Program, Status

EVALUATE = """
def evaluate(program):
    # of the others none is to be stopped by the clock, however busy the machine is
    value = program.call("f", 20, timeout=1.0 if "endless" in program.read("program.py") else 60.0)
    if type(value) is not int:
        raise ValueError(f"f(20) is {value!r}, not a whole number")
    return value
"""

OK, FAILED, TIMEOUT, MEMORY, OUTPUT = Status.OK, Status.FAILED, Status.TIMEOUT, Status.MEMORY, Status.OUTPUT


@dataclass(frozen=True)
class Kind:
    """How often among others, which statuses are right, and what `f(x)` does. What is scored must score 41."""

    often: float
    right: frozenset[Status]
    body: str


def kind(often: float, body: str, *right: Status) -> Kind:
    return Kind(often, frozenset(right), textwrap.dedent(body))


KINDS = {
    "honest": kind(40, "return 2 * x + 1", OK),
    "numpy": kind(
        20,
        """
        import numpy
        return int(numpy.arange(x + 1).sum() - 169)
        """,
        OK,
    ),
    "raises": kind(8, "raise RuntimeError('no')", FAILED),
    "does not parse": kind(4, "return (((", FAILED),
    "wrong type": kind(4, "return 'forty-one'", FAILED),
    "exits": kind(
        4,
        """
        import os
        os._exit(0)
        """,
        FAILED,
    ),
    "hangs": kind(
        0.5,
        """
        while True:  # endless
            pass
        """,
        TIMEOUT,
    ),
    "deaf": kind(
        0.5,
        """
        import signal, time
        for n in range(1, 65):
            try:
                signal.signal(n, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        time.sleep(600)  # endless
        """,
        TIMEOUT,
    ),
    "memory": kind(1, "return len([bytearray(2 ** 20) for _ in range(700)])", MEMORY),
    "floods": kind(
        1,
        """
        import sys
        sys.stdout.write('x' * (3 * 2 ** 20))
        return 41
        """,
        OK,
        OUTPUT,
    ),
    "daemon": kind(
        3,
        """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            time.sleep(600)
            os._exit(0)
        return 41
        """,
        OK,
    ),
    "forks": kind(
        1,
        """
        import os, time
        for _ in range(40):
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
        return 41
        """,
        OK,
        FAILED,
    ),
    "litters": kind(
        3,
        """
        import os
        for place in ('/tmp', '/dev/shm', '.'):
            try:
                os.makedirs(place + '/deep/er', exist_ok=True)
                open(place + '/deep/er/x', 'w').write('x')
                os.symlink('/etc/passwd', place + '/deep/link')
            except OSError:
                pass
        return 41
        """,
        OK,
    ),
    "reads litter": kind(
        3,
        """
        import os
        return 41 if not any(os.path.exists(p + '/deep') for p in ('/tmp', '/dev/shm', '.')) else 0
        """,
        OK,
    ),
    "signals": kind(
        3,
        """
        import os, signal
        for name in os.listdir('/proc'):
            if name.isdigit() and int(name) != os.getpid():
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    try:
                        os.kill(int(name), number)
                    except OSError:
                        pass
        return 41
        """,
        OK,
        FAILED,
    ),
    "writes garbage": kind(
        3,
        """
        import os
        for fd in range(3, 64):
            try:
                os.write(fd, b'\\0\\0\\0\\5garbage' * 9)
            except OSError:
                pass
        return 41
        """,
        OK,
        FAILED,
    ),
    "lies": kind(
        1,
        """
        class Lie(int):
            def __eq__(self, other): return True
            def __index__(self): return 10 ** 9
        return Lie(41)
        """,
        OK,
        FAILED,
    ),
}


def program(name: str, number: int) -> Program:
    body = textwrap.indent(KINDS[name].body.strip(), "    ")
    return Program({"program.py": f"# {number}\ndef f(x):\n{body}\n".encode()})


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def containers() -> set[str]:
    """The containers of this process that Docker knows now."""
    command = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={OWNER}={Owner.this()}"]
    try:
        return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())
    except FileNotFoundError:
        return set()


def processes() -> list[int]:
    """The processes below this one, but for those that have ended."""
    found = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += map(int, task.read_text().split())
        found.append(pid)
    return [pid for pid in found[1:] if ") Z " not in Path(f"/proc/{pid}/stat").read_text()]


def boxes() -> float:
    """Megabytes of all containers of this process, as the kernel counts them; 0 where it does not say."""
    found = 0
    for name in containers():
        for place in (
            f"memory/docker/{name}/memory.usage_in_bytes",
            f"system.slice/docker-{name}.scope/memory.current",
        ):
            with contextlib.suppress(OSError):
                found += int(Path("/sys/fs/cgroup", place).read_text())
    return found / 1e6


def main(where: str, programs: int) -> int:
    if where not in {"docker", "bubblewrap"}:
        raise SystemExit("these programs are hostile: name a sandbox that isolates, docker or bubblewrap")
    rng = np.random.default_rng(1)
    odds = np.array([kind.often for kind in KINDS.values()])
    names = [list(KINDS)[at] for at in rng.choice(len(KINDS), programs, p=odds / odds.sum())]
    wrong: Counter[str] = Counter()
    done: Counter[str] = Counter()
    marks: list[str] = []
    lock = threading.Lock()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "evaluate.py").write_text(EVALUATE)
        sandbox = choose(where)
        limits = Limits(memory_bytes=256 * 2**20, processes=24)
        evaluator = NativeEvaluator(sandbox=sandbox, folder=Path(folder), limits=limits, timeout=10.0)

        def one(number: int) -> None:
            name = names[number]
            evaluation = evaluator.evaluate(program(name, number))
            right = evaluation.status in KINDS[name].right and evaluation.score in {None, 41.0}
            with lock:
                done[name] += 1
                if not right:
                    wrong[name] += 1
                    if sum(wrong.values()) <= 10:
                        print(f"{name}: {evaluation.status} {evaluation.score} {evaluation.feedback[:300]}")
                if sum(done.values()) % max(1, programs // 10) == 0:
                    marks.append(f"{resident():.0f}+{boxes():.0f}")

        begun = time.monotonic()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, range(programs)))
        seconds = time.monotonic() - begun
        evaluator.close()
        sandbox.close()
    print(f"\n{'kind':<16}{'programs':>9}{'wrong':>7}")
    for each in KINDS:
        print(f"{each:<16}{done[each]:>9}{wrong[each]:>7}")
    left, running = containers(), processes()
    print(f"\n{programs} programs in {seconds:.0f} s, {programs / seconds:.0f} a second with 2 workers in {where}")
    print(f"containers left: {len(left)}; processes left: {len(running)}")
    print(f"megabytes of the engine + of its containers, after each tenth: {', '.join(marks)}")
    print(f"load of the machine, 1 and 15 minutes: {os.getloadavg()[0]:.1f} {os.getloadavg()[2]:.1f}")
    return 1 if wrong or left or running else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[0] if arguments else "docker", int(arguments[1]) if len(arguments) > 1 else 5000))
