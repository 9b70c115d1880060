"""How long `evolve --help` takes, in a fresh interpreter each time: at most 0.3 s.

python benchmarks/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

REPEATS = 11
LIMIT_SECONDS = 0.3


def seconds(*arguments: str) -> float:
    """Wall seconds of one command."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    """Print medians; the exit status is 1 when the limit is passed."""
    medians = {}
    for name, arguments in {
        "python -c pass": ("-c", "pass"),
        "evolve --help": ("-m", "evolve", "--help"),
        "evolve run --help": ("-m", "evolve", "run", "--help"),
    }.items():
        times = [seconds(*arguments) for _ in range(REPEATS)]
        medians[name] = statistics.median(times)
        print(f"{name:20} median {medians[name]:.3f} s  worst {max(times):.3f} s")
    return int(medians["evolve --help"] > LIMIT_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
