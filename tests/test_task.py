from __future__ import annotations

from pathlib import Path

import pytest

from evolve.errors import TaskError
from evolve.folders import read_folder
from evolve.resources import bundled
from evolve.task import Task

BUNDLED = sorted(path.parent.name for path in bundled("evaluators").glob("*/task.toml"))


def folder(path: Path, toml: str = "") -> Path:
    path.mkdir(exist_ok=True)
    (path / "task.toml").write_text(toml)
    (path / "evaluate.py").write_text("def evaluate(program):\n    return 1.0\n")
    (path / "seed").mkdir(exist_ok=True)
    (path / "seed" / "program.py").write_text("x = 1\n")
    return path


def test_what_a_search_leaves_in_a_task_folder_is_no_part_of_it(tmp_path: Path) -> None:
    """Runs, clones of runs, caches and an editor's files; a folder that is none of these is."""
    path = folder(tmp_path / "mine")
    before = Task.load(path).tree
    for place in ("runs/one/.evolve", "clone/.git", ".venv", ".vscode", "__pycache__"):
        (path / place).mkdir(parents=True)
        (path / place / "x").write_text("x")
        (path / place).parent.joinpath(f"{place.partition('/')[0]}.pyc").write_text("x")
    (path / "runs/one/program.py").write_text("x = 2\n")
    (path / ".gitignore").write_text("runs\n")
    assert Task.load(path).tree == before
    (path / "runs/mine.txt").write_text("a user's own")
    assert Task.load(path).tree != before


def test_a_number_may_be_whole(tmp_path: Path) -> None:
    """Where seconds or scores are asked for; and a default is no contradiction to a shorter time for the evaluation."""
    path = folder(tmp_path / "mine", "[task]\nbest_known = 3\n[evaluator]\ntimeout = 5\n")
    settings = Task.load(path).settings
    assert (settings.task.best_known, settings.evaluator.timeout, settings.evaluator.call_timeout) == (3.0, 5.0, 10.0)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors put one at the start of a file."""
    path = folder(tmp_path / "mine")
    (path / "task.toml").write_bytes(b'\xef\xbb\xbf[task]\nname = "marked"\n')
    assert Task.load(path).name == "marked"


def test_a_seed_is_no_task(tmp_path: Path) -> None:
    """Neither by a link nor by naming the folder of another task: no program may hold an evaluator."""
    path = folder(tmp_path / "mine", '[task]\nseed = "start"\n')
    (path / "start").symlink_to("..")
    with pytest.raises(TaskError, match=r"'start' holds task.toml"):
        Task.load(path)
    (path / "start").unlink()
    folder(path / "start")
    with pytest.raises(TaskError, match=r"'start' is a task folder, .*name the seed in it"):
        Task.load(path)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_task_is_found_by_name(name: str) -> None:
    """And says what it is about."""
    task = Task.load(name)
    assert task.name == name
    assert task.reference == name
    assert len(task.settings.task.description) > 40
    assert task.seed.files


def test_an_empty_task_file_is_a_task(tmp_path: Path) -> None:
    """Every setting has a default; the name is the folder's."""
    task = Task.load(folder(tmp_path / "mine"))
    assert task.name == "mine"
    assert task.seed.text("program.py") == "x = 1\n"
    assert task.limits.memory_bytes == 512 * 2**20


def test_the_seed_may_be_one_file(tmp_path: Path) -> None:
    """A program of one file needs no folder."""
    path = folder(tmp_path / "mine", '[task]\nseed = "start.py"\n')
    (path / "start.py").write_text("y = 2\n")
    assert Task.load(path).seed.files == {"start.py": b"y = 2\n"}


def test_the_evaluator_is_identified_without_the_seed(tmp_path: Path) -> None:
    """Another seed is the same evaluator; another evaluate.py is not."""
    path = folder(tmp_path / "mine")
    before = Task.load(path).tree
    (path / "seed" / "program.py").write_text("x = 2\n")
    (path / "__pycache__").mkdir()
    (path / "__pycache__" / "evaluate.pyc").write_bytes(b"cache")
    assert Task.load(path).tree == before
    (path / "evaluate.py").write_text("def evaluate(program):\n    return 2.0\n")
    assert Task.load(path).tree != before


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[task\n", r"task.toml is no valid TOML"),
        ("[tusk]\n", r"\[tusk\]: unknown; did you mean \[task\]\?"),
        (
            "[zzz]\n",
            r"\[zzz\]: unknown; there are \[task\], \[evaluator\], \[improve\], \[solve\], \[utility\], \[gate\],",
        ),
        ("[evaluator]\ntimout = 3\n", r"\[evaluator\] timout: unknown here; did you mean timeout\?"),
        ("[task]\ntimeout = 3\n", r"\[task\] timeout: unknown here; it belongs to \[evaluator\]"),
        ('[task]\nbuild = "make"\n', r"\[task\] build: should be a list, such as .* \(it is 'make'\)"),
        ("task = 3\n", r"\[task\]: is a table, so write \[task\] and its keys below \(it is 3\)"),
        ("trials = 3\n", r"trials: stands in no table; it belongs to \[search\]"),
        (
            "[evaluator]\nzzz = 3\n",
            r"\[evaluator\] zzz: unknown here; known are cache, call_timeout, .*, repeats_most, thresholds, timeout",
        ),
        ('[evaluator]\ntimeout = "10"\n', r"\[evaluator\] timeout: should be a valid number \(it is '10'\)"),
        ("[evaluator]\ntimeout = true\n", r"\[evaluator\] timeout: should be a valid number \(it is True\)"),
        ("[evaluator]\nconfidence = 0.9\n", r"\[evaluator\]: confidence is of a race, and there is none without repea"),
        ("[evaluator]\nrepeats = 2\nrepeats_most = 9\n", r"\[evaluator\]: a race begins with at least 3 repeats"),
        ("[evaluator]\nrepeats_most = 2\n", r"\[evaluator\]: repeats_most is 2: a race takes at least 3"),
        ("[evaluator]\nrepeats_most = 9\nconfidence = 1.0\n", r"\[evaluator\] confidence: should be less than 1"),
        ("[search]\nseconds = true\n", r"\[search\] seconds: should be a valid number"),
        ('[task]\nbest_known = "1"\n', r"\[task\] best_known: should be a valid number"),
        ("[task]\nbest_known = nan\n", r"\[task\] best_known: should be a finite number"),
        (
            "[evaluator]\ntimeout = 5\ncall_timeout = 6\n",
            r"\[evaluator\]: call_timeout \(6 s\) is longer than timeout \(5 s\)[^(]*$",
        ),
        ('[task]\nname = "a/b"\n', r"\[task\] name: runs are named after it: use letters, .* \(it is 'a/b'\)"),
        ('[task]\nname = "-v"\n', r"\[task\] name: "),
        ('[task]\nmodule = "src/solver.py"\n', r"\[task\] module: a module is named without .py; write 'src.solver'"),
        ('[task]\nmodule = "my-solver"\n', r"\[task\] module: should be the name of a module"),
        ("[evaluator]\ntimeout = -3\n", r"\[evaluator\] timeout: should be greater than 0 \(it is -3\)"),
        ("[evaluator]\ntimeout = inf\n", r"\[evaluator\] timeout: "),
        ('[limits]\nmemory_mb = "much"\n', r"\[limits\] memory_mb: should be a valid integer \(it is 'much'\)"),
        ('[task]\ndirection = "up"\n', r"\[task\] direction: should be 'maximize' or 'minimize'"),
        ("[search]\ntrials = 0\n", r"\[search\] trials: should be greater than 0"),
        ('[task]\nname = "../x"\n', r"\[task\] name: "),
        ('[task]\nseed = "nowhere"\n', r"\[task\] seed: 'nowhere' is not in .*; put the program"),
        ('[task]\nseed = ""\n', r"\[task\] seed: '' is no path relative to the task folder"),
        ('[task]\nseed = "/etc/hostname"\n', r"\[task\] seed: '/etc/hostname' is no path relative"),
        ('[task]\nseed = "."\n', r"\[task\] seed: '.' holds task.toml, so every program would too; put"),
        ('[task]\nseed = ".."\n', r"\[task\] seed: '..' holds task.toml"),
        ('[task]\nseed = "seed/.."\n', r"\[task\] seed: 'seed/..' holds task.toml"),
        ('[task]\nseed = "evaluate.py"\n', r"\[task\] seed: 'evaluate.py' holds evaluate.py"),
        ('[evaluator]\nfile = "seed/program.py"\n', r"\[task\] seed: 'seed' holds seed/program.py"),
        ('[evaluator]\nfile = "../evaluate.py"\n', r"\[evaluator\] file: '../evaluate.py' is outside"),
        ('[evaluator]\nfile = "judge.py"\n', r"\[evaluator\] file: there is no 'judge.py'"),
    ],
)
def test_a_mistake_names_file_key_and_fix(tmp_path: Path, toml: str, words: str) -> None:
    """What is wrong, where, and what would be right."""
    with pytest.raises(TaskError, match=words) as caught:
        Task.load(folder(tmp_path / "mine", toml))
    assert "task.toml" in str(caught.value)


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    """And with the list of those there are."""
    with pytest.raises(TaskError, match=r"did you mean bin_packing\? It is no folder, and the bundled tasks are .*"):
        Task.load("bin_paking")


@pytest.mark.parametrize(
    ("holds", "words"),
    [
        ("notes.txt", "`evolve init '.*my task'` adds one"),
        ("evaluate.py", "an empty one will do"),
        (".evolve", "resume"),
    ],
)
def test_a_folder_without_task_file_is_told_the_way_on(holds: str, words: str, tmp_path: Path) -> None:
    """By what lies in it: nothing yet, an evaluator, or a run."""
    (tmp_path / "my task" / holds).mkdir(parents=True)
    with pytest.raises(TaskError, match=f"has no task.toml; .*{words}"):
        Task.load(tmp_path / "my task")


def test_a_task_is_not_named_by_its_file(tmp_path: Path) -> None:
    """The folder is what is asked for."""
    path = folder(tmp_path / "mine")
    with pytest.raises(TaskError, match=r"task.toml is a file; a task is a folder"):
        Task.load(path / "task.toml")


def test_runs_in_a_seed_are_no_part_of_it(tmp_path: Path) -> None:
    """Whoever searches in the folder of the program."""
    path = folder(tmp_path / "mine")
    (path / "seed" / "runs" / "one" / ".evolve").mkdir(parents=True)
    (path / "seed" / "runs" / "one" / "program.py").write_text("x = 2\n")
    assert list(Task.load(path).seed.files) == ["program.py"]


def test_a_task_file_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    """Not a traceback."""
    path = folder(tmp_path / "mine")
    (path / "task.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TaskError, match="not UTF-8"):
        Task.load(path)


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc", "/nowhere"])
def test_links_do_not_get_into_a_program(target: str, tmp_path: Path) -> None:
    """A link could bring in a file from anywhere, and one that is left out would be missed."""
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(TaskError, match="is a link"):
        read_folder(tmp_path)


def test_modes_are_kept(tmp_path: Path) -> None:
    """A script that may be executed stays one."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    assert read_folder(tmp_path).executables == {"run.sh"}


def test_an_empty_seed_is_refused(tmp_path: Path) -> None:
    """There would be nothing to change."""
    path = folder(tmp_path / "mine")
    (path / "seed" / "program.py").unlink()
    with pytest.raises(TaskError, match="is empty"):
        Task.load(path)


def test_surroundings_are_read_from_the_task(tmp_path: Path) -> None:
    """The texts of the files that `[sandbox]` names, and of a Dockerfile what lies beside it in its folder."""
    path = folder(
        tmp_path / "mine",
        '[sandbox]\nrequirements = "needs.txt"\ndockerfile = "image/Dockerfile"\ngpus = "all"\ncpus = 2\n',
    )
    (path / "needs.txt").write_text("six\n")
    (path / "image").mkdir()
    (path / "image" / "Dockerfile").write_text("FROM x\nCOPY tool /\n")
    (path / "image" / "tool").write_text("#!/bin/sh\n")
    (path / "image" / "tool").chmod(0o755)
    found = Task.load(path).surroundings
    assert (found.gpus, found.cpus, found.runtime, found.image) == ("all", 2, None, None)
    assert (found.recipe.requirements, found.recipe.dockerfile) == ("six\n", "FROM x\nCOPY tool /\n")
    assert found.recipe.files["tool"] == b"#!/bin/sh\n"
    assert found.recipe.executables == {"tool"}
    assert found.recipe.task == str(path)


def test_a_dockerfile_beside_the_evaluator_copies_nothing(tmp_path: Path) -> None:
    """Candidates see what is in their image, so hidden data must have no way into it."""
    path = folder(tmp_path / "mine", '[sandbox]\ndockerfile = "Dockerfile"\n')
    (path / "Dockerfile").write_text("FROM x\nCOPY . /\n")
    assert Task.load(path).surroundings.recipe.files == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('image = "a"\nbase = "b"', r"\[sandbox\].*image is used as it is and cannot go with base"),
        ('base = "a"\ndockerfile = "b"', r"\[sandbox\].*FROM"),
        ("gpus = 0", r"\[sandbox\] gpus.*number of GPUs"),
        ('gpus = "some"', r"\[sandbox\] gpus.*number of GPUs"),
        ("gpus = true", r"\[sandbox\] gpus"),
        ("cpus = 0", r"\[sandbox\] cpus.*greater than 0"),
        ('requirements = "missing.txt"', r"\[sandbox\] requirements.*missing\.txt"),
        ('requirements = "../needs.txt"', r"\[sandbox\] requirements.*inside the task folder"),
        ('images = "a"', r"\[sandbox\] images: unknown here; did you mean image"),
    ],
)
def test_mistakes_in_surroundings_are_named(tmp_path: Path, table: str, message: str) -> None:
    """The table, the key, and what would be right."""
    with pytest.raises(TaskError, match=f"(?s){message}"):
        Task.load(folder(tmp_path / "mine", f"[sandbox]\n{table}\n"))
