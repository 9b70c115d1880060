from __future__ import annotations

from pathlib import Path

import pytest

from evolve.errors import TaskError
from evolve.resources import bundled
from evolve.task import Task, read_folder

BUNDLED = sorted(path.parent.name for path in bundled("evaluators").glob("*/task.toml"))


def folder(path: Path, toml: str = "") -> Path:
    path.mkdir(exist_ok=True)
    (path / "task.toml").write_text(toml)
    (path / "evaluate.py").write_text("def evaluate(program):\n    return 1.0\n")
    (path / "seed").mkdir(exist_ok=True)
    (path / "seed" / "program.py").write_text("x = 1\n")
    return path


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
        ("[tusk]\n", r"\[tusk\]: unknown; did you mean task\?"),
        ("[evaluator]\ntimout = 3\n", r"\[evaluator\] timout: unknown; did you mean timeout\?"),
        ("[evaluator]\ntimeout = -3\n", r"\[evaluator\] timeout: should be greater than 0 \(it is -3\)"),
        ("[evaluator]\ntimeout = inf\n", r"\[evaluator\] timeout: "),
        ('[limits]\nmemory_mb = "much"\n', r"\[limits\] memory_mb: should be a valid integer \(it is 'much'\)"),
        ('[task]\ndirection = "up"\n', r"\[task\] direction: should be 'maximize' or 'minimize'"),
        ("[search]\ntrials = 0\n", r"\[search\] trials: should be greater than 0"),
        ('[task]\nname = "../x"\n', r"\[task\] name: "),
        ('[task]\nseed = "nowhere"\n', r"\[task\] seed: there is no 'nowhere'"),
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
    with pytest.raises(TaskError, match=r"bundled tasks are .*did you mean bin_packing\?"):
        Task.load("bin_paking")


def test_a_folder_without_task_file_is_told_of_init(tmp_path: Path) -> None:
    """The way on from there."""
    with pytest.raises(TaskError, match="evolve init"):
        Task.load(tmp_path)


def test_a_task_file_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    """Not a traceback."""
    path = folder(tmp_path / "mine")
    (path / "task.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TaskError, match="not UTF-8"):
        Task.load(path)


def test_links_do_not_get_into_a_program(tmp_path: Path) -> None:
    """A link could bring in a file from anywhere."""
    (tmp_path / "link").symlink_to("/etc/passwd")
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
        ('images = "a"', r"\[sandbox\] images: unknown; did you mean image"),
    ],
)
def test_mistakes_in_surroundings_are_named(tmp_path: Path, table: str, message: str) -> None:
    """The table, the key, and what would be right."""
    with pytest.raises(TaskError, match=f"(?s){message}"):
        Task.load(folder(tmp_path / "mine", f"[sandbox]\n{table}\n"))
