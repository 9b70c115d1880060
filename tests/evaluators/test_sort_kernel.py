"""The C++ sorting task: what is faster scores more, and what does not sort is caught however it hides that.

Programs are compiled and run under bubblewrap, which shows them the compiler below /usr. Without g++ the tests are
skipped, and fail with CI=true.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest

from evolve import forms
from evolve.regions import Regions
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.scoring import make_evaluator
from evolve.testing.sandboxes import available
from evolve.types import Evaluation, Status

HEAD = "#include <cstdint>\n"
Score = Callable[[str], Evaluation]


@pytest.fixture(scope="module")
def score() -> Iterator[Score]:
    """What becomes of a kernel.cpp with this text; with none, of the seed."""
    if shutil.which("g++", path="/usr/local/bin:/usr/bin:/bin") is None:
        message = "g++ is not installed below /usr; on Debian: apt-get install g++"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    task = forms.load("sort_kernel")
    sandbox = available(BubblewrapSandbox)
    evaluator = make_evaluator(task, sandbox)
    seed = task.seed
    yield lambda text: evaluator.evaluate(seed.replace({"kernel.cpp": text.encode()}) if text else seed)
    evaluator.close()
    sandbox.close()


def test_what_calls_the_kernel_may_not_change() -> None:
    """Only the region in kernel.cpp evolves; main.cpp and the build stay as they are."""
    seed = forms.load("sort_kernel").seed
    regions = Regions(seed)
    kernel, main = seed.text("kernel.cpp"), seed.text("main.cpp")
    assert regions.problem(seed.replace({"kernel.cpp": kernel.replace("{8, 4, 2, 1}", "{4, 1}").encode()})) is None
    assert regions.problem(seed.replace({"main.cpp": main.replace("round < rounds", "round < 1").encode()}))
    assert regions.problem(seed.replace({"kernel.cpp": (HEAD + kernel).encode()}))


def test_a_faster_kernel_scores_more(score: Score) -> None:
    """Neighbours exchanged without a branch, which the compiler vectorises, beat a Shell sort; the seed has about 1."""
    network = """
    void sort16(std::uint32_t* a) {
        for (int turn = 0; turn < 16; turn++)
            for (int i = turn % 2; i < 15; i += 2) {
                const std::uint32_t x = a[i], y = a[i + 1];
                a[i] = x < y ? x : y;
                a[i + 1] = x < y ? y : x;
            }
    }"""
    slow = """
    void sort16(std::uint32_t* a) {
        for (volatile int again = 0; again < 5000; again = again + 1) {}
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 15; j++)
                if (a[j] > a[j + 1]) { const std::uint32_t x = a[j]; a[j] = a[j + 1]; a[j + 1] = x; }
    }"""
    found = [score(text) for text in (HEAD + slow, "", HEAD + network)]
    assert [each.status for each in found] == [Status.OK] * 3, [each.feedback for each in found]
    scores = [each.score or 0.0 for each in found]
    assert scores == sorted(scores)
    assert scores[0] < 0.5
    assert 0.5 < scores[1] < 2.0
    assert set(found[1].metrics) == {"milliseconds", "seed_milliseconds"}


INSERT = """
static void insert(std::uint32_t* a, int n) {
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && a[j - 1] > a[j]; j--) { const std::uint32_t x = a[j]; a[j] = a[j - 1]; a[j - 1] = x; }
}
"""
SIGNED = INSERT.replace("a[j - 1] > a[j]", "int(a[j - 1]) > int(a[j])")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (INSERT + "void sort16(std::uint32_t* a) { insert(a, 15); }", "rows are not sorted; ["),
        (SIGNED + "void sort16(std::uint32_t* a) { insert(a, 16); }", "rows are not sorted; ["),
        ("void sort16(std::uint32_t* a) { for (int i = 0; i < 16; i++) a[i] = i; }", "rows are not sorted; ["),
        (INSERT + "int calls; void sort16(std::uint32_t* a) { if (calls++ < 4096) insert(a, 16); }", "after 50 rounds"),
        ("#include <cstdlib>\nvoid sort16(std::uint32_t*) { std::exit(0); }", "it wrote 0 bytes instead of"),
        ("#include <cstdlib>\nvoid sort16(std::uint32_t*) { std::exit(3); }", "exit code 3"),
        ("void sort16(std::uint32_t* a) { a[1 << 28] = 0; }", "SIGSEGV"),
        ("void sort16(std::uint32_t* a) { return a; }", "error: "),
        ("void sort(std::uint32_t* a) {}", "undefined reference to `sort16"),
        ('void sort16(std::uint32_t*) { for (;;) asm volatile(""); }', "stopped after 5 s"),
    ],
    ids=["not all", "signed", "made up", "once", "nothing written", "exit", "crash", "type", "name", "endless"],
)
def test_a_kernel_that_does_not_sort_has_no_score(text: str, said: str, score: Score) -> None:
    """And the feedback has a row, or what the compiler said, or how the program ended."""
    found = score(HEAD + text)
    assert found.status in {Status.FAILED, Status.TIMEOUT}
    assert found.score is None
    assert said in found.feedback


def test_an_answer_that_is_kept_for_the_next_run_is_wrong_there(score: Score) -> None:
    """A program that writes what it has found into a file, and prints that file from then on."""
    text = """
    #include <cstdio>
    #include <cstdlib>
    #include <vector>
    static void keep() {
        static std::vector<char> kept(1 << 24);
        if (FILE* file = std::fopen("kept", "rb")) {
            std::fwrite(kept.data(), 1, std::fread(kept.data(), 1, kept.size(), file), stdout);
            std::fflush(stdout);
            std::_Exit(0);
        }
    }
    static struct Before { Before() { keep(); } } before;
    static std::uint32_t* first;
    static int calls;
    void sort16(std::uint32_t* a) {
        insert(a, 16);
        if (calls++ == 0) first = a;
        if (calls == 50 * 4096) {
            FILE* file = std::fopen("kept", "wb");
            std::fwrite(first, 64, 4096, file);
            std::fclose(file);
        }
    }"""
    found = score(HEAD + INSERT + text)
    assert (found.status, found.score) == (Status.FAILED, None)
    assert "after 50 rounds of 4096 rows the result is wrong" in found.feedback
