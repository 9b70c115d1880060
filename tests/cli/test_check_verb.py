"""`evolve check`: what it finds in tasks that have one thing wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Invoke = Callable[..., Result]
Found = dict[str, list[tuple[str, str]]]
Check = Callable[..., tuple[int, Found]]

GOOD = """
POINTS = {"search": [1, 2, 3], "held_out": [4, 5]}
def evaluate(program, split="search"):
    return -sum(abs(program.call("f", x) - x * x) for x in POINTS[split])
"""
SEED = "# EVOLVE-BLOCK-START\ndef f(x):\n    return 2 * x\n# EVOLVE-BLOCK-END\n"


@pytest.fixture
def check(tmp_path: Path, invoke: Invoke) -> Check:
    """`check(evaluate, toml=, seed=)`: exit code and findings by what they are about, of a task made of these texts."""

    def once(evaluate: str = GOOD, toml: str = "", seed: str | dict[str, str] = SEED) -> tuple[int, Found]:
        (tmp_path / "evaluate.py").write_text(evaluate)
        (tmp_path / "task.toml").write_text(toml)
        for path, text in (seed if isinstance(seed, dict) else {"program.py": seed}).items():
            (tmp_path / "seed" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "seed" / path).write_text(text)
        result = invoke("check", tmp_path, "--sandbox", "process", "--json")
        told: dict[str, Any] = json.loads(result.stdout)
        found: Found = {}
        for finding in told["findings"]:
            assert finding["level"] == "ok" or finding["fix"]
            found.setdefault(finding["about"], []).append((finding["level"], finding["text"]))
        levels = [finding["level"] for finding in told["findings"]]
        assert (told["error"], told["warning"]) == (levels.count("error"), levels.count("warning"))
        return result.exit_code, found

    return once


def test_nothing_is_wrong_with_a_good_task(check: Check) -> None:
    """Every finding says what is well, and the exit code is 0."""
    code, found = check()
    assert code == 0
    assert {level for findings in found.values() for level, _ in findings} == {"ok"}
    assert found["seed"] == [("ok", "its score is -4")]
    assert found["held out"] == [("ok", "the seed's score is -23 there")]
    assert {"regions", "noise", "isolation", "proposers", "nonsense", "limits", "time"} <= found.keys()


def test_a_comment_that_the_tuner_cannot_read_is_a_warning(check: Check) -> None:
    """With its file and its line; the others are no finding."""
    code, found = check(seed=SEED.replace("2 * x", "2 * x  # tune: 1 .. 3\n\n\nWIDTH = 3  # tune: 1..5"))
    assert code == 0
    assert found["tuning"] == [("warning", "program.py:3: '# tune: 1 .. 3' is not understood")]


def test_it_reads_well(tmp_path: Path, check: Check, invoke: Invoke) -> None:
    """A line for each finding, the fix below it, and a sum."""
    check("def evaluate(program):\n    return program.call('f', 1)\n")
    result = invoke("check", tmp_path, "--sandbox", "process")
    assert "ok       seed        its score is 2\n" in result.output
    assert "warning  held out    there are no held-out instances" in result.output
    assert "-> give evaluate() a parameter `split`" in result.output
    assert result.output.endswith("sandbox process: 1 warning\n")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("evaluate", "toml", "about", "said"),
    [
        ("def evaluate(program):\n    return program.call('g')\n", "", "seed", "no function 'g'"),
        ("def evaluate(program):\n    return float('nan')\n", "", "seed", "invalid"),
        ("def evaluate(program):\n    while True: pass\n", "[evaluator]\ntimeout = 0.5\n", "seed", "timeout"),
        ("def evaluate(program:\n", "", "evaluator", "SyntaxError"),
        ("def score(program):\n    return 1\n", "", "evaluator", "no function evaluate"),
        (
            "def evaluate_stage1(program):\n    return 0.1\ndef evaluate(program):\n    return 1\n",
            "[evaluator]\nthresholds = [0.5]\n",
            "seed",
            "evaluate_stage1: its score 0.1 is below the threshold 0.5",
        ),
        (GOOD, "[task]\nbest_known = -5\n", "best known", "better than best_known, -5"),
        (GOOD, "[task]\nbest_known = 1\ndirection = 'minimize'\n", "best known", "better than best_known, 1"),
        (GOOD.replace("4, 5", "4, 'x'"), "", "held out", "TypeError"),
        ("def evaluate(program):\n    return 1\n", "", "nonsense", "the score 1, and the seed 1"),
        (
            "tries = []\ndef evaluate(program):\n    tries.append(1)\n    return 1 if len(tries) < 2 else 'x'\n",
            "",
            "noise",
            "one time and none another",
        ),
    ],
)
def test_an_error_is_found(evaluate: str, toml: str, about: str, said: str, check: Check) -> None:
    """The exit code is that of a wrong task."""
    code, found = check(evaluate, toml)
    assert code == 3
    (error,) = [text for level, text in found[about] if level == "error"]
    assert said in error


@pytest.mark.parametrize(
    ("evaluate", "toml", "about", "said"),
    [
        (
            "import random\ndef evaluate(program):\n    return program.call('f', random.random())\n",
            "",
            "noise",
            "differs",
        ),
        ("def evaluate(program, seed=0):\n    return program.call('f', 1)\n", "", "seeds", "every seed gives the same"),
        ("def evaluate(program, split):\n    return program.call('f', 1)\n", "", "held out", "the very same score"),
        (GOOD, "[task]\nbest_known = -4\n", "best known", "nothing left to find"),
        (GOOD, "[limits]\nmemory_mb = 14\n", "limits", "of 14 MiB of memory"),
        (
            "import time\ndef evaluate(program):\n    time.sleep(4.4)\n    return program.call('f', 1)\n",
            "[evaluator]\ntimeout = 8\n",
            "limits",
            " of 8 s",
        ),
        (
            "import time\ndef evaluate(program):\n    time.sleep(0.3)\n    return program.call('f', 1)\n",
            "[search]\nseconds = 0.5",
            "time",
            "stops after 0.5 s",
        ),
    ],
)
def test_a_warning_is_found(evaluate: str, toml: str, about: str, said: str, check: Check) -> None:
    """It is for a person to judge, so the exit code is 0."""
    code, found = check(evaluate, toml)
    assert code == 0, found
    (warning,) = [text for level, text in found[about] if level == "warning"]
    assert said in warning


def test_noise_that_the_task_knows_of_is_well(check: Check) -> None:
    """When it says how often to repeat; and a cache of noisy scores is an error."""
    text = "import random\ndef evaluate(program):\n    return program.call('f', random.random())\n"
    code, found = check(text, "[evaluator]\nrepeats = 4\n")
    assert (code, found["noise"][0][0]) == (0, "ok")
    assert "for 4 repeats of a program" in found["time"][0][1]
    code, found = check(text, "[evaluator]\ncache = true\n")
    assert (code, found["noise"][0][0]) == (3, "error")


def test_a_score_that_differs_with_the_seed_is_well(check: Check) -> None:
    """How far is told, as the seed is what repeats are for."""
    text = "import random\ndef evaluate(program, seed):\n    return program.call('f', random.Random(seed).random())\n"
    _, found = check(text)
    assert found["noise"][0][0] == "ok"
    assert found["seeds"][0][0] == "ok"
    assert "standard deviation" in found["seeds"][0][1]


BODIES = {
    "exec": """
    exec(program.read("program.py"), space)
    return space["f"](1)
""",
    "compile": """
    text = program.files["program.py"]
    code = compile(text, "x", "exec")
    exec(code, space)
    return space["f"](1)
""",
    "all files": """
    for text in program.files.values():
        exec(text, space)
    return space["f"](1)
""",
    "subprocess": """
    path = pathlib.Path("copy.py")
    path.write_bytes(program.files["program.py"])
    return float(subprocess.run([sys.executable, path]).returncode + 1)
""",
    "import": """
    pathlib.Path("made.py").write_text(program.read("program.py"))
    sys.modules.pop("made", None)
    return importlib.import_module("made").f(1)
""",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_evaluator_that_runs_the_program_itself_is_found(body: str, check: Check) -> None:
    """By a program that ends the process in which it is imported, and where the text tells, with its line."""
    code, found = check(f"import importlib, pathlib, subprocess, sys\ndef evaluate(program):\n    space = {{}}{body}")
    assert code == 3
    errors = [text for level, text in found["isolation"] if level == "error"]
    assert any("imports or runs the program in its own process" in text for text in errors)


def test_text_that_is_only_looked_at_is_no_error(check: Check) -> None:
    """Its length, its syntax tree, or what `program.run` is given."""
    text = (
        "import ast\ndef evaluate(program):\n    size = len(program.read('program.py'))\n"
        "    ast.parse(program.files['program.py'])\n    program.run(['cat', program.read('program.py')])\n"
        "    return program.call('f', size)\n"
    )
    code, found = check(text)
    assert code == 0
    assert found["isolation"] == [("ok", "the program is not imported where it is scored")]


@pytest.mark.parametrize(
    ("toml", "seed", "level", "said"),
    [
        ("[task]\neditable = ['src/*']\n", "def f(x): return x\n", "error", "no file of the seed may change"),
        ("", SEED.replace("END", "OFF"), "error", "has no end"),
        ("", "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\ndef f(x): return x\n", "warning", "nothing stands in"),
        ("", {"program.py": "def f(x): return x\n", "Makefile": "all:\n"}, "warning", "all 2 files"),
        ("[task]\neditable = ['*.py', '*.rs']\n", "def f(x): return x\n", "warning", "'*.rs'"),
    ],
)
def test_what_may_change_is_looked_at(
    toml: str, seed: str | dict[str, str], level: str, said: str, check: Check
) -> None:
    """Something, and not what nobody meant."""
    code, found = check(GOOD, toml, seed)
    assert code == (3 if level == "error" else 0)
    assert any(said in text for each, text in found["regions"] if each == level)


def test_a_program_that_nothing_can_edit_is_told(check: Check) -> None:
    """Text without a number, in no language that the proposers know."""
    text = "def evaluate(program):\n    return -len(program.read('prompt.txt'))\n"
    _, found = check(text, seed={"prompt.txt": "Be kind.\n"})
    assert found["proposers"][0][0] == "warning"


def test_a_command_is_not_protected(tmp_path: Path, invoke: Invoke) -> None:
    """Which is said of each form whose evaluator runs together with the candidate."""
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "a.txt").write_text("1\n")
    (tmp_path / "task.toml").write_text('[evaluator]\ncommand = ["cat"]\n')
    result = invoke("check", tmp_path, "--sandbox", "process")
    assert result.exit_code == 0, result.output
    assert "warning  form        The evaluator runs in one place with the program" in result.output
    assert "only the native form has them" in result.output


def test_the_command_that_tries_a_seed_alone_is_whole(tmp_path: Path, invoke: Invoke) -> None:
    """With the form, without which the folder is no task, and quoted."""
    folder = tmp_path / "a task"
    invoke("init", folder, "--form", "openevolve")
    (folder / "evaluator.py").write_text("import no_such_module\n")
    told = json.loads(invoke("check", folder, "--from", "openevolve", "--sandbox", "process", "--json").stdout)
    fixes = [finding["fix"] for finding in told["findings"] if finding["about"] == "seed"]
    assert fixes == [f"try it alone: evolve eval '{folder}' --from openevolve"]
