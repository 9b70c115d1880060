"""What it costs to score a scaffold: time of a proposal and of a search, and processor time of all that runs for it.

python benchmarks/scaffolds.py [SANDBOX ...]

The seed scaffold asks the simulated model, which answers at once, on the tasks of `evaluators/scaffold`.
"""

from __future__ import annotations

import resource
import sys
import time

from evolve import forms
from evolve.errors import SandboxUnavailable
from evolve.sandboxes.choose import NAMES, choose
from evolve.scoring import Asking, make_scorer
from evolve.simulated import SimulatedModel
from evolve.types import Evaluation, Sandbox

SEEDS = 3


def processor(who: int) -> float:
    """Seconds of this process, or of its children that have ended."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def measure(sandbox: Sandbox) -> str:
    """One line of figures; sessions are open before it begins, and those of containers are no children of ours."""
    task, model = forms.load("scaffold"), SimulatedModel()
    asking = Asking([(model, 1.0)], lambda _: lambda asked, request: asked.complete(request))
    evaluator = make_scorer(task, sandbox, asking=asking)
    evaluator.evaluate(task.seed)
    before, engine, started = (
        processor(resource.RUSAGE_CHILDREN),
        processor(resource.RUSAGE_SELF),
        time.perf_counter(),
    )
    found: list[Evaluation] = [evaluator.evaluate(task.seed, seed=seed) for seed in range(1, SEEDS + 1)]
    seconds, engine = time.perf_counter() - started, processor(resource.RUSAGE_SELF) - engine
    evaluator.close()
    sandbox.close()
    children = processor(resource.RUSAGE_CHILDREN) - before
    searches = sum(len(each.instances) for each in found)
    proposals = sum(int(str(each.metrics["proposals"])) for each in found)
    return (
        f"{sandbox.name:12}{seconds / searches:10.2f}{1000 * seconds / proposals:14.0f}{engine / searches:14.3f}"
        f"{children / searches:16.2f}"
    )


def main(names: list[str]) -> None:
    """A table, one line for each sandbox."""
    print(f"{'sandbox':12}{'s/search':>10}{'ms/proposal':>14}{'engine cpu s':>14}{'children cpu s':>16}")
    for name in names or list(NAMES):
        try:
            print(measure(choose(name)))
        except SandboxUnavailable as error:
            print(f"{name:12}{error}")


if __name__ == "__main__":
    main(sys.argv[1:])
