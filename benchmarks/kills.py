"""A lineage that is killed at every moment, and taken up again: are its commits those of one that nobody disturbed?

    python benchmarks/kills.py [EVERY]

A moment is before or after the gate hears of a trial, a pair or a person's answer, or when a pair was scored that no
journal has; `evolve.testing.lineages` is what is killed. Of all moments each EVERYth is taken, by default the tenth,
with a kill -9 and a resume for each, in one run. The exit status is 1 when a commit differs.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evolve.testing.lineages import work


def refs(path: Path) -> list[str]:
    """The best and the adopted program, and every commit that led there."""
    told = [
        subprocess.run(["git", "-C", str(path), verb, "best", "adopted"], check=True, capture_output=True, text=True)
        for verb in ("rev-parse", "rev-list")
    ]
    return "".join(each.stdout for each in told).split()


def main(every: int) -> int:
    """Kill, and compare."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="evolve-kills-") as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        said = work(whole)
        moments = [(count, phase) for count in range(said[-1][0]) for phase in ("before", "during", "after")]
        kills, heard = 0, None
        for count, phase in moments[::every]:
            command = [sys.executable, "-m", "evolve.testing.lineages", str(killed), str(count), phase]
            ended = subprocess.run(command, check=False, capture_output=True, text=True)
            if ended.returncode == 0:  # no pair is scored any more, and it has come to its end
                heard = [(number, kind) for number, kind in json.loads(ended.stdout)]
                break
            if ended.returncode != -signal.SIGKILL:
                print(f"at {count} {phase}: {ended.returncode}\n{ended.stderr}")
                return 1
            kills += 1
        heard = work(killed) if heard is None else heard
        same = heard == said and refs(killed) == refs(whole)
    counted = {kind: sum(each == kind for _, each in said) for kind in sorted({kind for _, kind in said})}
    print(f"what was said: {', '.join(f'{number} {kind}' for kind, number in counted.items())}")
    print(f"{kills} kills of {len(moments)} moments in {time.monotonic() - begun:.0f} s")
    print("the same reference and the same commits" if same else "ANOTHER reference or other commits")
    return int(not same)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
