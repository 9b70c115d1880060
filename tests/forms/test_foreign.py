"""What is read of other tools' configurations, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from evolve import forms
from evolve.config import prepare
from evolve.errors import TaskError
from evolve.options import Options
from evolve.proposers.llm import OPERATORS
from evolve.task import Task

Folder: TypeAlias = Callable[[dict[str, str]], Path]

PROGRAM = "def f():\n    return 2\n"
OPENEVOLVE = {"evaluator.py": "def evaluate(path):\n    return {'a': 1}\n", "initial_program.py": PROGRAM}
SHINKA = {"evaluate.py": "", "initial.py": PROGRAM}
YAML = """
max_iterations: 50          # comments are no settings
checkpoint_interval: 10
random_seed: 7
diff_based_evolution: false
llm:
  primary_model: small
  secondary_model: large
  secondary_model_weight: 0.4
  temperature: 0.3
  api_key: sk-hidden
  api_base: https://user:word@example.org
prompt:
  system_message: |
    Make it better.
database: {population_size: 60, archive_size: 25, num_islands: 4, feature_dimensions: [size]}
evaluator:
  timeout: 20
  max_retries: 1
  cascade_thresholds: [0.25]
  parallel_evaluations: 3
  use_llm_feedback: true
  memory_limit_mb: 3000
  nonsense: 1
"""
LAUNCHER = '''
from shinka.core import EvolutionConfig, ShinkaEvolveRunner
JOBS = 2
task_sys_msg = """
Make it better.
"""
job_config = LocalJobConfig(eval_program_path="evaluate.py", time="00:03:20")
db_config = DatabaseConfig(num_islands=2, archive_size=40, db_path=where())
evo_config = EvolutionConfig(
    task_sys_msg=task_sys_msg, num_generations=24, llm_models=["a", "b"], patch_types=["diff", "full"], language="x"
)
ShinkaEvolveRunner(evo_config=evo_config, max_evaluation_jobs=JOBS).run()
raise SystemExit("this is read and never run")
'''


def told(task: Task) -> str:
    """All that is told of a task at the start of a run."""
    return "\n".join(task.form.notes)


def script(task: Task) -> dict[str, Any]:
    """What the script that asks its evaluator is told."""
    found: dict[str, Any] = json.loads(task.form.extra["settings.json"])
    return found


def test_a_configuration_of_openevolve_s_is_mapped(folder: Folder) -> None:
    """Onto our settings where they mean the same; time limits are for one stage, so the whole has several."""
    task = forms.load(folder({**OPENEVOLVE, "config.yaml": YAML}), "openevolve")
    settings = task.settings
    assert settings.task.description.strip() == "Make it better."
    assert (settings.search.limits, settings.search.seed, settings.search.workers) == ({"trials": 50}, 7, 3)
    assert (settings.evaluator.call_timeout, settings.evaluator.timeout) == (20.0, 20.0 * 4 * 2)
    assert (settings.limits.memory_mb, settings.limits.processes, settings.limits.disk_mb) == (3000, 64, 512)
    assert {key: script(task)[key] for key in ("max_retries", "thresholds", "seed")} == {
        "max_retries": 1,
        "thresholds": [0.25],
        "seed": 7,
    }
    assert task.form.edits == ("full",)
    assert task.form.models == (
        {"name": "small", "weight": 1.0, "temperature": 0.3},
        {"name": "large", "weight": 0.4, "temperature": 0.3},
    )


def test_what_is_not_used_is_told_once(folder: Folder) -> None:
    """By name and never with its value: a key may be among them."""
    task = forms.load(folder({**OPENEVOLVE, "config.yaml": YAML}), "openevolve")
    assert "config.yaml: not used: checkpoint_interval, llm.api_key, llm.api_base, database.population_size" in told(
        task
    )
    assert "config.yaml names models; they are asked, as it says there, with --model small --model large" in told(task)
    assert "no model's opinion is part of a score here" in told(task)
    assert "could forge its score" in told(task)
    assert "sk-hidden" not in repr(task.form.models) + told(task)
    assert len(task.form.notes) == 4


def test_defaults_are_openevolve_s(folder: Folder) -> None:
    """Where there is no configuration, which is told."""
    task = forms.load(folder(OPENEVOLVE), "openevolve")
    known = script(task)
    assert (known["thresholds"], known["max_retries"], known["cascade"]) == ([0.5, 0.75, 0.9], 3, True)
    assert (known["timeout"], task.settings.search.limits) == (300.0, {})
    assert "there is no config.yaml, so OpenEvolve's defaults hold" in told(task)


def test_a_run_with_models_takes_what_the_configuration_says_of_them(folder: Folder) -> None:
    """Of those that are named, and for the form in which they are asked; the command line goes over it."""
    task = forms.load(folder({**OPENEVOLVE, "config.yaml": YAML}), "openevolve")
    asked: dict[str, Any] = {
        "models": ["small=2", "large", "other"],
        "prices": ["1/1"],
        "base_url": "http://localhost:1/v1",
    }
    parts, config = prepare(task, options=Options(sandbox="process", allow_unsafe=True, **asked))
    assert parts.sandbox is not None
    parts.sandbox.close()
    taken = [(model["name"], model["weight"], model.get("temperature")) for model in config["models"]]
    assert taken == [("small", 2.0, 0.3), ("large", 0.4, 0.3), ("other", 1.0, None)]
    operators = config["operators"]
    assert operators["edit"] == 0.0
    assert operators["rewrite"] == OPERATORS["edit"] + OPERATORS["rewrite"]
    assert {name: operators[name] for name in ("combine", "repair", "leap")}.items() <= OPERATORS.items()


def test_models_may_be_a_list(folder: Folder) -> None:
    """What holds for all of them is in each."""
    models = "[{name: a, weight: 0.8, api_key: sk-1}, {name: b, max_tokens: 500}]"
    config = f"llm:\n  max_tokens: 900\n  models: {models}\n"
    task = forms.load(folder({**OPENEVOLVE, "config.yaml": config}), "openevolve")
    assert task.form.models == ({"max_tokens": 900, "name": "a", "weight": 0.8}, {"max_tokens": 500, "name": "b"})


def test_one_of_several_configurations_can_be_named(folder: Folder) -> None:
    """Without config.yaml it is the first, and the others are told of."""
    place = folder({**OPENEVOLVE, "config_b.yaml": "random_seed: 2", "config_a.yaml": "random_seed: 1"})
    task = forms.load(place, "openevolve")
    assert (task.settings.search.seed, "settings are from config_a.yaml; for config_b.yaml" in told(task)) == (1, True)
    other = forms.load(place / "config_b.yaml", "openevolve")
    assert (other.settings.search.seed, other.folder, other.reference) == (2, place, str(place / "config_b.yaml"))
    assert task.form.identity != other.form.identity, "scores kept for the one are none of the other"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("evaluator: {timeout: soon}", "evaluator.timeout is 'soon', and should be a number above 0"),
        ("evaluator: {timeout: .inf}", "a number above 0"),
        ("evaluator: {timeout: true}", "a number above 0"),
        ("evaluator: {max_retries: -1}", "a whole number from 0 on"),
        ("evaluator: {cascade_evaluation: 1}", "true or false"),
        ("evaluator: {cascade_thresholds: [a]}", "a list of numbers"),
        ("database: {feature_dimensions: 3}", "a list of names"),
        ("prompt: {system_message: [a]}", "text"),
        ("max_iterations: 0", "a whole number from 1 on"),
        ("a: [", "no valid YAML"),
        ("!!python/object/apply:os.getpid []", "no valid YAML"),
        ("- 1", "no table of settings"),
    ],
)
def test_mistakes_are_named(folder: Folder, config: str, problem: str) -> None:
    """With the file and the key."""
    place = folder({**OPENEVOLVE, "config.yaml": config})
    with pytest.raises(TaskError, match=r"config\.yaml") as raised:
        forms.load(place, "openevolve")
    assert problem in str(raised.value)


def test_a_task_toml_wins(folder: Folder) -> None:
    """What is in it, and nothing else; mistakes in it are named as ever."""
    toml = "[limits]\nmemory_mb = 4096\n[evaluator]\ncall_timeout = 9\n[search]\nseconds = 5\n"
    place = folder({**OPENEVOLVE, "config.yaml": YAML, "task.toml": toml})
    task = forms.load(place, "openevolve")
    assert (task.settings.limits.memory_mb, task.settings.limits.processes) == (4096, 64)
    assert (script(task)["timeout"], script(task)["told"]) == (9.0, "call_timeout in task.toml")
    assert task.settings.search.limits == {"trials": 50, "seconds": 5.0}
    folder({"task.toml": '[task]\nseed = "other/start.py"\n', "other/start.py": PROGRAM})
    task = forms.load(place, "openevolve")
    assert (list(task.seed.files), script(task)["program"]) == (["start.py"], "start.py")
    for nowhere in ("../task/evaluator.py", "gone.py"):
        folder({"task.toml": f'[task]\nseed = "{nowhere}"\n'})
        with pytest.raises(TaskError, match="in it to start from"):
            forms.load(place, "openevolve")
    folder({"task.toml": "[limits]\nmemory = 4096\n"})
    with pytest.raises(TaskError, match="did you mean memory_mb"):
        forms.load(place, "openevolve")


def test_requirements_that_the_sandbox_lacks_are_told(folder: Folder) -> None:
    """Nothing is installed unasked: many of them are for the tool, and not for the evaluator."""
    place = folder({**OPENEVOLVE, "requirements.txt": "numpy>=1\n# comment\nscipy\nShapely==2.0 # geometry\n\n"})
    task = forms.load(place, "openevolve")
    assert "requirements.txt names Shapely, which the docker sandbox" in told(task)
    assert task.surroundings.asked == ()
    folder({"task.toml": '[sandbox]\nrequirements = "requirements.txt"\n'})
    task = forms.load(place, "openevolve")
    assert "Shapely" not in told(task)
    assert task.surroundings.asked == ("requirements",)


@pytest.mark.parametrize(
    ("form", "files", "problem"),
    [
        ("openevolve", {"evaluator.py": ""}, "has no initial_program.*, so there is no initial program"),
        ("openevolve", {"initial_program.py": ""}, "has no evaluator.py, so there is no evaluator"),
        (
            "openevolve",
            {**OPENEVOLVE, "initial_program.rs": ""},
            "has initial_program.py, initial_program.rs, and initial program is one file",
        ),
        ("shinka", {"evaluate.py": ""}, "has no initial.*"),
        ("shinka", {"initial.py": ""}, "has no evaluate.py"),
    ],
)
def test_a_folder_without_its_files_is_told(folder: Folder, form: str, files: dict[str, str], problem: str) -> None:
    """What is missing, or what there is too much of."""
    with pytest.raises(TaskError) as raised:
        forms.load(folder(files), form)
    assert problem in str(raised.value)


@pytest.mark.parametrize("form", ["openevolve", "shinka"])
def test_a_folder_that_is_not_there_is_told(tmp_path: Path, form: str) -> None:
    """As one."""
    with pytest.raises(TaskError, match="there is no folder"):
        forms.load(tmp_path / "nothing", form)


@pytest.mark.parametrize(("form", "files"), [("openevolve", OPENEVOLVE), ("shinka", SHINKA)])
def test_the_form_is_named_where_it_was_not_given(folder: Folder, form: str, files: dict[str, str]) -> None:
    """A folder of another tool's is known by its files."""
    with pytest.raises(TaskError, match=f"--from {form}"):
        forms.load(folder(files))


def test_results_of_the_tools_are_no_part_of_a_task(folder: Folder) -> None:
    """Nor is the program to start from: a task that was run before is the task that it was."""
    plain = forms.load(folder(OPENEVOLVE), "openevolve")
    ran = forms.load(folder({"openevolve_output/best/x": "1", "initial_program.py": "y = 1"}), "openevolve")
    assert plain.tree == ran.tree
    assert sorted(path for path in ran.form.beside.files if path.startswith("evaluator/")) == ["evaluator/evaluator.py"]


def test_results_of_shinka_s_are_no_part_either(tmp_path: Path) -> None:
    """They are known by the first generation's folder."""
    for name, content in {**SHINKA, "results_x/gen_0/main.py": "", "results_x/db.sqlite": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    beside = forms.load(tmp_path, "shinka").form.beside.files
    assert [path for path in beside if path.startswith("evaluator/")] == ["evaluator/evaluate.py"]


def test_a_launcher_of_shinka_s_is_read(folder: Folder) -> None:
    """Its literal arguments; it is never run."""
    task = forms.load(folder({**SHINKA, "run_evo.py": LAUNCHER}), "shinka")
    settings = task.settings
    assert settings.task.description == "Make it better."
    assert (settings.search.limits, settings.search.workers) == ({"trials": 24}, 2)
    assert (settings.evaluator.call_timeout, script(task)["told"]) == (200.0, "the time in run_evo.py")
    assert task.form.edits == ("diff", "full")
    assert task.form.models == ({"name": "a"}, {"name": "b"})


def test_a_yaml_file_of_shinka_s_wins(folder: Folder) -> None:
    """Over what the launcher says; the first of several is taken, and the others are told of."""
    large = "evo_config: {num_generations: 99}\n"
    small = "evo_config: {num_generations: 9, init_program_path: initial.py, meta_rec_interval: 5}\nother: 1\n"
    place = folder({**SHINKA, "run_evo.py": LAUNCHER, "shinka_a.yaml": small, "shinka_b.yaml": large})
    task = forms.load(place, "shinka")
    assert (task.settings.search.trials, task.settings.search.workers) == (9, 2)
    assert "settings are from shinka_a.yaml; for shinka_b.yaml give its path" in told(task)
    assert "not used" in told(task)
    assert "evo_config.meta_rec_interval" in told(task)
    assert "other" in told(task)
    assert forms.load(place / "shinka_b.yaml", "shinka").settings.search.trials == 99
    named = LAUNCHER + 'parser.add_argument("--config_path", default="shinka_b.yaml")\n'
    assert forms.load(folder({"run_evo.py": named}), "shinka").settings.search.trials == 99


@pytest.mark.parametrize(("text", "seconds"), [("'01:00:10'", 3610.0), ("00:05:00", 300.0), ("'00:00:07'", 7.0)])
def test_a_time_is_hours_minutes_and_seconds(folder: Folder, text: str, seconds: float) -> None:
    """With or without quotes, which YAML takes for a number."""
    place = folder({**SHINKA, "shinka.yaml": f"job_config: {{time: {text}}}\n"})
    assert forms.load(place, "shinka").settings.evaluator.call_timeout == seconds


def test_a_time_that_is_none_is_told(folder: Folder) -> None:
    """With the key."""
    with pytest.raises(TaskError, match=r"shinka.yaml: job_config.time is 'soon', and should be a time as hh:mm:ss"):
        forms.load(folder({**SHINKA, "shinka.yaml": "job_config: {time: soon}\n"}), "shinka")


def test_a_launcher_that_is_no_python_is_told(folder: Folder) -> None:
    """And not passed over."""
    with pytest.raises(TaskError, match=r"run_evo.py cannot be read"):
        forms.load(folder({**SHINKA, "run_evo.py": "("}), "shinka")
