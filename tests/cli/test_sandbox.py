"""`evolve sandbox`: build, list, prune, check."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result
from docker import APIClient

from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.images import TASK, ensure_image
from evolve.sandboxes.inventory import Image, images, remove_image
from evolve.sandboxes.recipe import Recipe
from evolve.testing.sandboxes import available

Invoke: TypeAlias = Callable[..., Result]


@pytest.fixture
def client() -> Iterator[APIClient]:
    """Of an engine that has the default image."""
    available(DockerSandbox).close()
    with contextlib.closing(connect(60)) as made:
        yield made


@pytest.fixture
def imaged(tmp_path: Path, client: APIClient) -> Iterator[Path]:
    """A task with a Dockerfile of its own; what it made is removed."""
    task = tmp_path / secrets.token_hex(4)
    (task / "seed").mkdir(parents=True)
    (task / "image").mkdir()
    (task / "seed" / "program.py").write_text("x = 1\n")
    (task / "evaluate.py").write_text(
        "def evaluate(program):\n    return float(program.run(['cat', '/opt/answer.txt']).stdout)\n"
    )
    (task / "task.toml").write_text('[sandbox]\ndockerfile = "image/Dockerfile"\nstrict = true\n')
    (task / "image" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY answer.txt /opt/\n")
    (task / "image" / "answer.txt").write_text(f"{secrets.randbelow(10**9)}")
    yield task
    for image in client.images(filters={"label": f"{TASK}={task}"}):
        client.remove_image(image["Id"], force=True)


def built_for(client: APIClient, task: Path, wanted: str | None) -> list[Image]:
    """The images of a task, when it would now use `wanted`."""
    return [image for image in images(client, lambda _: wanted) if image.task == str(task)]


def test_a_task_runs_in_the_image_that_it_asks_for(invoke: Invoke, imaged: Path) -> None:
    """Built ahead or by the first use, with --sandbox docker or with auto."""
    built = invoke("sandbox", "build", imaged)
    assert built.exit_code == 0, built.output
    assert "is built" in built.output
    assert "was there" in invoke("sandbox", "build", imaged).output
    scored = json.loads(invoke("eval", imaged, "--json").output)
    assert scored["sandbox"] == "docker"
    assert scored["score"] == float((imaged / "image" / "answer.txt").read_text())


def test_a_task_that_needs_docker_is_refused_elsewhere(invoke: Invoke, imaged: Path) -> None:
    """With what it asks for, and what to do."""
    refused = invoke("eval", imaged, "--sandbox", "process")
    assert refused.exit_code == 3
    assert "dockerfile" in refused.output
    assert "--sandbox docker" in refused.output


def test_a_strict_run(invoke: Invoke, task: Path, tmp_path: Path) -> None:
    """Each candidate has a session of its own; the same programs come out of it."""
    runs = tmp_path / "runs"
    common = [
        "run",
        task,
        "--trials",
        "6",
        "--workers",
        "1",
        "--sandbox",
        "process",
        "--runs",
        runs,
        "--quiet",
        "--json",
    ]
    strict = json.loads(invoke(*common, "--name", "strict", "--strict").output)
    usual = json.loads(invoke(*common, "--name", "usual").output)
    assert strict["best"]["score"] == usual["best"]["score"]


def test_images_are_listed(invoke: Invoke, client: APIClient) -> None:
    """With the sandboxes there are."""
    listed = json.loads(invoke("sandbox", "list", "--json").output)
    assert {found["name"] for found in listed["sandboxes"]} == {"docker", "bubblewrap", "process"}
    default = [image for image in listed["images"] if image["name"] == ensure_image(client)]
    assert [(image["stale"], image["task"]) for image in default] == [("", "")]
    assert default[0]["size"] > 2**20
    assert ensure_image(client) in invoke("sandbox", "list").output


def test_stale_images_are_told_from_current_ones(client: APIClient, imaged: Path) -> None:
    """One whose task asks for another by now is stale, and what it was built on with it."""
    recipe = Recipe(
        dockerfile=(imaged / "image" / "Dockerfile").read_text(),
        files={"answer.txt": (imaged / "image" / "answer.txt").read_bytes()},
        task=str(imaged),
    )
    name = ensure_image(client, recipe)
    assert [image.stale for image in built_for(client, imaged, name)] == ["", ""]
    stale = built_for(client, imaged, None)
    assert len(stale) == 2
    assert all(image.stale for image in stale)
    assert [remove_image(client, image) for image in stale] == ["", ""]
    assert built_for(client, imaged, name) == []


def test_a_dry_run_of_prune_removes_nothing(invoke: Invoke, client: APIClient, imaged: Path) -> None:
    """It says what it would remove."""
    invoke("sandbox", "build", imaged)
    (imaged / "image" / "answer.txt").write_text("another")
    pruned = invoke("sandbox", "prune", "--dry-run")
    assert pruned.exit_code == 0, pruned.output
    stale = [line for line in pruned.output.splitlines() if "asks for another image" in line]
    assert any(line.startswith("would remove image evolve-sandbox:") for line in stale)
    assert len(built_for(client, imaged, None)) == 2


def test_every_promise_is_told(invoke: Invoke) -> None:
    """A row for each, and exit code 0 when all of them hold."""
    checked = invoke("sandbox", "check", "--sandbox", "process")
    assert checked.exit_code == 0, checked.output
    assert "not promised" in checked.output
    found = json.loads(invoke("sandbox", "check", "--sandbox", "process", "--quick", "--json").output)
    assert found["holds"] is True
    assert {"name", "promised", "holds", "how"} == set(found["findings"][0])


def test_a_broken_promise_is_exit_code_5(invoke: Invoke) -> None:
    """And is named."""
    checked = invoke("sandbox", "check", "--quick", "--sandbox", "evolve.testing.boastful:BoastfulSandbox")
    assert checked.exit_code == 5
    assert "files of this machine" in checked.output
