"""What a prompt and an answer cost the engine: milliseconds to plan a proposal, and to make an answer a program.

python benchmarks/prompts.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evolve.proposers._patch import apply_answer
from evolve.proposers.llm import LLM
from evolve.regions import Regions
from evolve.simulated import SimulatedModel
from evolve.testing.trials import selection, trial
from evolve.types import Context, Program

FUNCTION = "def rate_{0}(x):\n    y = {0}.0 * x\n    return y + {0}\n\n\n"


def milliseconds(act: Callable[[int], object], times: int = 50) -> float:
    """The mean over this many calls."""
    begun = time.perf_counter()
    for number in range(times):
        act(number)
    return 1000 * (time.perf_counter() - begun) / times


def row(functions: int) -> str:
    """The figures for a program of so many functions."""
    text = "".join(FUNCTION.format(number) for number in range(functions))
    program = Program({"program.py": text.encode()})
    regions = Regions(program)
    llm = LLM(regions, [(SimulatedModel(), 1.0)], prompt_tokens=50_000)
    for number in range(2000):
        changed = program.replace({"program.py": text.replace("7.0", f"{number}.0", 1).encode()})
        llm.tell(replace(trial(number, changed, float(number % 100)), parents=(max(0, number - 1),)))
    chosen = selection(trial(0, program, 1.0), trial(5, program, 2.0))
    block = "<<<<<<< SEARCH\n    return y + 7\n=======\n    return y + 70\n>>>>>>> REPLACE\n"
    fence = "```python\ndef rate_7(x):\n    return 70\n```\n"
    plan = milliseconds(lambda n: llm.plan(chosen, Context(n, np.random.default_rng(n))))
    one = milliseconds(lambda _: apply_answer(block, program, regions), 20)
    other = milliseconds(lambda _: apply_answer(fence, program, regions), 20)
    return f"{len(text) / 1000:10.0f} {plan:9.2f} {one:18.2f} {other:21.2f}"


def main() -> None:
    """Print a table: programs of 1, 10 and 100 KB after 2,000 trials."""
    print("program KB   plan ms   apply a block ms   apply a function ms")
    for functions in (20, 200, 2000):
        print(row(functions))


if __name__ == "__main__":
    main()
