"""Is a scaffold that is truly better adopted, in each mode and for each seed?

    python -m benchmarks.modes [--modes stop,sica,dgm] [--seeds 1-20] [--jobs 2] [--keep FOLDER]
    python -m benchmarks.modes --table

The models' service is `evolve.testing.teachable`: its third edit of the scaffold is a lesson that it heeds in all that
it is asked afterwards, and its other edits are idle. With the lesson it answers with the methods of `methods/`, which
go a third to a half of the way, or repairs the bug. A run is the bundled task with the seed scaffold, its four
downstream tasks or its benchmark, its gate and its archive. One thing is smaller, for time: a lease of `--calls` calls
a nested search, where `stop` and `dgm` have 8. A run goes on in steps of three trials until something is adopted, for
twelve at most.

Rows are appended to `results/modes.parquet`, a row for each run, and those that are there are not made again. `--table`
prints what is there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.modes.runs import MODES, calls_of

RESULTS = Path(__file__).parent / "results" / "modes.parquet"


def main() -> int:
    """Make what is missing and print the table; 1 when a seed is not adopted, or another one is."""
    parser = argparse.ArgumentParser(description="Is a truly better scaffold adopted, in each mode and seed?")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--seeds", default="1-20", help="first and last")
    parser.add_argument("--calls", type=int, default=2, help="of a nested search, in stop and dgm")
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where the runs stay")
    parser.add_argument("--table", action="store_true", help="print what is there")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    records: list[dict[Any, Any]] = pd.read_parquet(RESULTS).to_dict("records") if RESULTS.exists() else []
    broken = False
    if not given.table:
        known = {(row["mode"], row["seed"], row["calls"]) for row in records}
        wanted = [(mode, seed, calls_of(mode, given.calls)) for seed in seeds for mode in given.modes.split(",")]
        missing = [each for each in wanted if each not in known]
        with ThreadPoolExecutor(given.jobs) as pool:
            made = [pool.submit(measured, *each, given.sandbox, given.keep) for each in missing]
            for done in as_completed(made):
                try:
                    row = done.result()
                except subprocess.CalledProcessError as error:
                    print(f"failed: {' '.join(error.cmd)}")
                    broken = True
                    continue
                records.append(row)
                RESULTS.parent.mkdir(exist_ok=True)
                pd.DataFrame(records).to_parquet(RESULTS, index=False)
                print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)
    rows = pd.DataFrame(records)
    print(table(rows))
    return int(broken or not (rows["planted"] & (rows["others"] == 0)).all())


def measured(mode: str, seed: int, calls: int, sandbox: str, keep: Path | None) -> dict[str, Any]:
    """The row of a run, which is made in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.modes.runs", mode, str(seed), str(calls), sandbox]
    command += [str(keep)] if keep is not None else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def table(rows: pd.DataFrame) -> str:
    """A line for each mode."""
    names = f"{'mode':6}{'calls':>6}{'seeds':>7}{'adopted':>9}{'others':>8}{'asked':>7}{'at trial':>10}"
    lines = [f"{names}{'confirmations':>15}{'pairs':>14}{'gain':>7}{'seconds':>9}{'cpu':>7}"]
    for (mode, calls), found in rows.groupby(["mode", "calls"], sort=False):
        good = found[found["planted"]]
        low, middle, high = good["pairs"].quantile([0.0, 0.5, 1.0], interpolation="nearest")
        lines.append(
            f"{mode:6}{calls:6d}{len(found):7d}{len(good):9d}{found['others'].sum():8d}{found['asked_person'].sum():7d}"
            f"{'-'.join(str(each) for each in sorted(set(good['trial']))):>10}{found['confirmations'].max():15d}"
            f"{f'{middle} ({low}-{high})':>14}{good['gain'].mean():7.2f}{found['seconds'].median():9.0f}"
            f"{found['cpu_seconds'].median():7.0f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
