"""The worked examples in other languages: what their seeds score, what is better, and what becomes of bad programs.

A toolchain that is not on the machine skips its tests, and fails them with CI=true.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from evolve import forms
from evolve.api import run
from evolve.errors import SandboxUnavailable
from evolve.evaluation.native import NativeEvaluator
from evolve.regions import Regions
from evolve.resources import bundled
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.images import base_image
from evolve.sandboxes.process import ProcessSandbox
from evolve.scoring import make_evaluator, make_sandbox
from evolve.task import Task
from evolve.testing.sandboxes import available
from evolve.types import Evaluation, Program, Sandbox, Split, Status

TOOLS = {"matrix_product": "g++", "prime_sieve": "cargo", "tour": "node", "flow_shop": "sh", "review_prompt": "sh"}
BETTER = {
    "matrix_product": ("kernel.cpp", "COLUMNS = 4", "COLUMNS = 64"),
    "prime_sieve": ("src/sieve.rs", "usize = 10_000", "usize = 1_000_000"),
    "tour": ("tour.js", "HOMESICK = 0.3", "HOMESICK = 0.02"),
    "flow_shop": ("flowshop/__init__.py", "window = 1", "window = 30"),
    "review_prompt": ("prompt.txt", "rude counts 1", "rude counts 5"),
}
Score = Callable[..., Evaluation]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Bubblewrap, which shows programs what is installed below /usr, and lets them change nothing of it."""
    made = available(BubblewrapSandbox)
    yield made
    made.close()


@pytest.fixture(scope="module")
def score(sandbox: Sandbox) -> Iterator[Score]:
    """`score(task, path, text, by)`: what becomes of the seed, with `text` in one of its files replaced by `by`."""
    made: dict[str, NativeEvaluator] = {}

    def once(name: str, path: str = "", text: str = "", by: str = "", *, split: Split = "search") -> Evaluation:
        tool = TOOLS[name]
        if shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin") is None:
            message = f"{tool} is not installed below /usr; on Debian: apt-get install g++ cargo nodejs"
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
        task = forms.load(name)
        made[name] = made.get(name) or make_evaluator(task, sandbox)
        program = changed(task.seed, path, text, by) if path else task.seed
        assert Regions(task.seed).problem(program) is None
        return made[name].evaluate(program, split=split)

    yield once
    for evaluator in made.values():
        evaluator.close()


def changed(seed: Program, path: str, text: str, by: str) -> Program:
    assert text in seed.text(path)
    return seed.replace({path: seed.text(path).replace(text, by).encode()})


@pytest.mark.parametrize("name", TOOLS)
def test_a_better_program_scores_better(name: str, score: Score) -> None:
    """One in which a number is another, as an offline proposer could have made it."""
    seed, better = score(name), score(name, *BETTER[name])
    assert (seed.status, better.status) == (Status.OK, Status.OK), seed.feedback + better.feedback
    assert seed.fitness is not None
    assert better.fitness is not None
    assert better.fitness > seed.fitness
    assert seed.cost.seconds < 300


@pytest.mark.parametrize("name", [name for name in TOOLS if name != "review_prompt"])
def test_there_are_held_out_instances(name: str, score: Score) -> None:
    """And the seed has a score on them."""
    assert score(name, split="held_out").status is Status.OK


@pytest.mark.parametrize("name", ["matrix_product", "prime_sieve"])
def test_the_seed_is_about_as_fast_as_itself(name: str, score: Score) -> None:
    """The ratio compares two builds of one text, started in two places."""
    found = score(name).score
    assert found is not None
    assert 0.4 < found < 2.5


SAME_MATRICES = """
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
static void really(const float*, const float*, float*, int);
void multiply(const float* a, const float* b, float* c, int n) {
    const std::size_t size = std::size_t(n) * n, bytes = size * sizeof(float);
    KEPT
    if (kept.size() == 3 * size && !std::memcmp(&kept[0], a, bytes) && !std::memcmp(&kept[size], b, bytes)) {
        std::memcpy(c, &kept[2 * size], bytes);
        return;
    }
    really(a, b, c, n);
    kept.assign(a, a + size);
    kept.insert(kept.end(), b, b + size);
    kept.insert(kept.end(), c, c + size);
    KEEP
}
static void really("""
IN_MEMORY = SAME_MATRICES.replace("KEPT", "static std::vector<float> kept;").replace("KEEP", "")
IN_A_FILE = SAME_MATRICES.replace(
    "KEPT",
    """static std::vector<float> kept;
    static int calls;
    if (calls++ == 0)
        if (FILE* file = std::fopen("kept", "rb")) {
            kept.resize(3 * size);
            if (std::fread(&kept[0], 3 * sizeof(float), size, file) < size) kept.clear();
            std::fclose(file);
        }""",
).replace(
    "KEEP",
    """if (calls == 1) {
        FILE* file = std::fopen("kept", "wb");
        std::fwrite(&kept[0], 3 * sizeof(float), size, file);
        std::fclose(file);
    }""",
)
SAME_INTERVAL = """
pub fn primes_between(start: usize, end: usize) -> (u64, u64) {
    let name = format!("kept-{}-{}", start, end);
    if let Ok(kept) = std::fs::read_to_string(&name) {
        let mut numbers = kept.split(' ').map(|word| word.parse().unwrap());
        return (numbers.next().unwrap(), numbers.next().unwrap());
    }
    let (count, sum) = really(start, end);
    std::fs::write(name, format!("{} {}", count, sum)).unwrap();
    (count, sum)
}
fn really("""


@pytest.mark.parametrize(
    ("name", "path", "text", "by"),
    [
        ("matrix_product", "kernel.cpp", "void multiply(", IN_MEMORY),
        ("matrix_product", "kernel.cpp", "void multiply(", IN_A_FILE),
        ("prime_sieve", "src/sieve.rs", "pub fn primes_between(", SAME_INTERVAL),
    ],
    ids=["products in memory", "products in a file", "sums in a file"],
)
def test_an_answer_that_is_kept_is_of_no_use(name: str, path: str, text: str, by: str, score: Score) -> None:
    """What is asked for in one round or run is not asked for in another."""
    found = score(name, path, text, by)
    assert found.score is not None, found.feedback
    assert found.score < 2.5


@pytest.mark.parametrize(
    ("name", "path", "text", "by", "status", "said"),
    [
        ("matrix_product", "kernel.cpp", "c[i * n + j] +=", "c[i * n + j] =+", Status.FAILED, "instead of"),
        ("matrix_product", "kernel.cpp", "static int least", "int multiply", Status.FAILED, "error: "),
        ("matrix_product", "kernel.cpp", "c[i * n + j] +=", "c[-(1 << 28)] +=", Status.FAILED, "SIGSEGV"),
        (
            "matrix_product",
            "kernel.cpp",
            "top < n; top += ROWS",
            "n; c[0] += 1",
            Status.TIMEOUT,
            "./multiply: stopped after",
        ),
        (
            "prime_sieve",
            "src/sieve.rs",
            "let mut found",
            "let found",
            Status.FAILED,
            "cannot borrow `found` as mutable",
        ),
        ("prime_sieve", "src/sieve.rs", "start.max(2)", "start.max(3)", Status.FAILED, "instead of"),
        ("prime_sieve", "src/sieve.rs", "vec![false; limit]", "vec![false; 1]", Status.FAILED, "out of bounds"),
        ("tour", "tour.js", "const tour = [0]", "const tour = [1]", Status.FAILED, "once"),
        ("tour", "tour.js", "left.delete(best)", "left.remove(best)", Status.FAILED, "left.remove is not a function"),
        ("tour", "tour.js", "pass++", "pass--", Status.TIMEOUT, "node: stopped after 5 s, the call_timeout"),
        ("flow_shop", "flowshop/priority.py", "times[-1]", "times[99]", Status.FAILED, "flowshop/priority.py"),
        ("flow_shop", "flowshop/__init__.py", "window = 1", "return [0]", Status.FAILED, "each of the 10 jobs once"),
        ("review_prompt", "prompt.txt", "above 0.5", "large", Status.FAILED, "the prompt needs lines"),
    ],
)
def test_a_bad_program_has_a_status_and_a_text_that_helps(
    name: str, path: str, text: str, by: str, status: Status, said: str, score: Score
) -> None:
    """What the compiler said, what was wrong in which instance, what was stopped by which limit."""
    found = score(name, path, text, by)
    assert (found.status, found.score) == (status, None)
    assert said in found.feedback


@pytest.mark.parametrize("name", ["flow_shop", "review_prompt"])
def test_a_search_without_a_model_improves_it(name: str, tmp_path: Path) -> None:
    """In Python by all kinds of edits; in any other text by its numbers."""
    history = run(name, runs=tmp_path, trials=25, workers=1, seed=1, sandbox="process")
    best, seed = history.best.fitness, history[0].fitness
    assert best is not None
    assert seed is not None
    assert best > seed


def test_a_compiled_program_in_docker(tmp_path: Path) -> None:
    """In an image with a compiler, which the task names as its base and sandbox/base.sh makes."""
    base = "evolve-base:compilers"
    for source, place in (("evaluators", tmp_path), ("seeds", tmp_path / "seed")):
        shutil.copytree(bundled(source) / "matrix_product", place, dirs_exist_ok=True)
    settings = (tmp_path / "task.toml").read_text().replace("../../seeds/matrix_product", "seed")
    (tmp_path / "task.toml").write_text(f'{settings}\n[sandbox]\nbase = "{base}"\n')
    task = forms.load(tmp_path)
    sandbox = available(partial(docker_for, task, base))
    evaluator = make_evaluator(task, sandbox)
    try:
        seed = evaluator.evaluate(task.seed)
        better = evaluator.evaluate(changed(task.seed, *BETTER["matrix_product"]))
        bad = evaluator.evaluate(changed(task.seed, "kernel.cpp", "int least", "least"))
    finally:
        evaluator.close()
        sandbox.close()
    assert (seed.status, better.status) == (Status.OK, Status.OK), seed.feedback + better.feedback
    assert seed.fitness is not None
    assert better.fitness is not None
    assert better.fitness > 1.3 * seed.fitness
    assert (bad.status, "error: ISO C++ forbids declaration" in bad.feedback) == (Status.FAILED, True), bad.feedback


def docker_for(task: Task, base: str) -> Sandbox:
    """The docker sandbox that `task` asks for. Raises `SandboxUnavailable`."""
    with contextlib.closing(connect(60)) as client:
        if base_image(client, base) is None:
            raise SandboxUnavailable(f"there is no image {base}; make it: sudo sandbox/base.sh {base} g++")
    return make_sandbox(task, "docker")


def test_a_program_of_hundreds_of_files(tmp_path: Path) -> None:
    """A whole repository is a program like any other; globs say what of it may change."""
    (tmp_path / "evaluate.py").write_text("def evaluate(program):\n    return program.call('package.top:total')\n")
    (tmp_path / "task.toml").write_text('[task]\neditable = ["package/parts/**/*.py"]\n')
    for k in range(400):
        place = tmp_path / "seed" / "package" / "parts" / f"p{k % 20}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"m{k}.py").write_text(f"VALUE = {k}\n" + "# a line\n" * 50)
    names = ", ".join(f"'package.parts.p{k % 20}.m{k}'" for k in range(400))
    (tmp_path / "seed" / "package" / "top.py").write_text(
        f"from importlib import import_module\nNAMES = [{names}]\n"
        "def total():\n    return sum(import_module(name).VALUE for name in NAMES)\n"
    )
    task = forms.load(tmp_path)
    regions = Regions(task.seed, task.settings.task.editable)
    inside = task.seed.replace({"package/parts/p7/m7.py": b"VALUE = 1007\n"})
    outside = task.seed.replace({"package/top.py": b"def total():\n    return 10 ** 9\n"})
    assert regions.problem(inside) is None
    assert regions.problem(outside) == "package/top.py was changed, and it may not change"
    sandbox = ProcessSandbox()
    evaluator = make_evaluator(task, sandbox)
    try:
        assert evaluator.evaluate(task.seed).score == sum(range(400))
        assert evaluator.evaluate(inside).score == sum(range(400)) + 1000
    finally:
        evaluator.close()
        sandbox.close()
