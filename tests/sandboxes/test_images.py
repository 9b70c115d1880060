"""The image of the docker sandbox is named by what it is made from, and built once."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from docker import APIClient
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.images import TASK, base_image, ensure_image, find_image, image_name, require_image
from evolve.sandboxes.recipe import Recipe, Surroundings
from evolve.testing.sandboxes import available
from evolve.testing.sessions import Caller
from evolve.types import Limits

TEXT = st.text(max_size=20)

READING = """
def read(path):
    with open(path) as file:
        return file.read()
"""


@pytest.fixture
def client() -> Iterator[APIClient]:
    """Of an engine that has the image."""
    available(DockerSandbox).close()
    made = connect(60)
    yield made
    made.close()


@pytest.fixture
def recipe(client: APIClient) -> Iterator[Recipe]:
    """A Dockerfile of its own in each test, that copies a file and needs no network; what it made is removed."""
    mark = secrets.token_hex(8)
    recipe = Recipe(
        dockerfile="ARG BASE\nFROM ${BASE}\nCOPY mark.txt tool /opt/\nRUN /opt/tool > /opt/made.txt\nUSER 1234\n",
        files={"mark.txt": mark.encode(), "tool": b"#!/bin/sh\necho made\n"},
        executables=frozenset({"tool"}),
        task=f"task-{mark}",
    )
    yield recipe
    for image in client.images(filters={"label": f"{TASK}={recipe.task}"}):
        client.remove_image(image["Id"], force=True)


def details(client: APIClient, name: str) -> dict[str, Any]:
    """What the engine says of an image."""
    found: dict[str, Any] = client.inspect_image(name)  # type: ignore[no-untyped-call]  # not in its stubs
    return found


@given(one=st.tuples(TEXT, TEXT), other=st.tuples(TEXT, TEXT))
def test_the_name_tells_images_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Another base or other requirements are another image, and the same ones the same."""
    assert (image_name(*one) == image_name(*other)) == (one == other)


def test_it_is_built_once(client: APIClient) -> None:
    """What is there is used."""
    name = find_image(client)
    assert name is not None
    built = details(client, name)["Created"]
    assert ensure_image(client) == name
    assert details(client, name)["Created"] == built


def test_a_dockerfile_of_the_task_goes_below_the_harness(client: APIClient, recipe: Recipe) -> None:
    """What it copied and made is there for candidates, whatever user it ends with, and its label says whose it is."""
    assert find_image(client, recipe) is None
    sandbox = DockerSandbox(Surroundings(recipe=recipe))
    try:
        session = sandbox.open("candidate", Limits())
        try:
            caller = Caller(session, READING)
            assert caller.call("read", "/opt/mark.txt") == recipe.files["mark.txt"].decode()
            assert caller.call("read", "/opt/made.txt") == "made\n"
        finally:
            session.close()
    finally:
        sandbox.close()
    name = find_image(client, recipe)
    assert name is not None
    assert details(client, name)["Config"]["Labels"][TASK] == recipe.task
    other = replace(recipe, files={**recipe.files, "mark.txt": b"other"})
    assert find_image(client, other) is None


def test_two_that_build_the_same_image_get_one(client: APIClient, recipe: Recipe) -> None:
    """The second waits for the first."""
    clients = [connect(60) for _ in range(3)]
    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            names = set(pool.map(lambda one: ensure_image(one, recipe), clients))
    finally:
        for one in clients:
            one.close()
    assert len(names) == 1
    made = client.images(filters={"label": [f"{TASK}={recipe.task}", "evolve.image=sandbox"]})
    assert len(made) == 1


def test_an_image_with_volumes_is_refused(client: APIClient, recipe: Recipe) -> None:
    """Nothing would bound what is written there."""
    asked = replace(recipe, dockerfile=recipe.dockerfile + "VOLUME /data\n")
    sandbox = DockerSandbox(Surroundings(recipe=asked))
    try:
        with pytest.raises(SandboxUnavailable, match="VOLUME /data"):
            sandbox.prepare()
    finally:
        sandbox.close()


def test_a_base_that_is_nowhere(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, and how to come by one without a registry."""
    monkeypatch.setenv("EVOLVE_SANDBOX_BASE", "localhost:1/nothing:here")
    assert base_image(client) is None
    assert find_image(client) is None
    with pytest.raises(SandboxUnavailable, match=r"localhost:1/nothing:here.*base\.sh"):
        ensure_image(client)


def test_a_dockerfile_on_what_is_nowhere(client: APIClient, recipe: Recipe) -> None:
    """The image that it builds on is named."""
    asked = Recipe(dockerfile="FROM localhost:1/nothing:here\n", task=recipe.task)
    with pytest.raises(SandboxUnavailable, match=r"localhost:1/nothing:here.*cannot be pulled"):
        ensure_image(client, asked)


def test_an_image_that_is_not_there(client: APIClient) -> None:
    """It is named, and the way to it."""
    with pytest.raises(SandboxUnavailable, match=r"no image nothing:here.*docker pull"):
        require_image(client, "nothing:here")


def test_a_build_that_fails_says_why(client: APIClient, recipe: Recipe) -> None:
    """With the last lines of what it said, and no more of them."""
    with pytest.raises(SandboxUnavailable, match=r"(?s)could not be built.*EVOLVE_SANDBOX_BASE"):
        ensure_image(client, Recipe(requirements="[no such requirement]\n"))
    loud = "FROM evolve-base:bookworm\nRUN for i in $(seq 1000); do echo line $i; done; exit 7\n"
    if base_image(client, "evolve-base:bookworm") is None:
        pytest.skip("needs the base that sandbox/base.sh makes")
    with pytest.raises(SandboxUnavailable) as raised:
        ensure_image(client, Recipe(dockerfile=loud, task=recipe.task))
    assert "line 1000" in str(raised.value)
    assert "line 900\n" not in str(raised.value)
    assert "returned a non-zero code: 7" in str(raised.value)


def test_packages_without_an_index(client: APIClient, recipe: Recipe) -> None:
    """It is said in plain words that nothing could be fetched, and what to do without an index."""
    words = "Could not find a version that satisfies the requirement six"
    failing = f"ARG BASE\nFROM ${{BASE}}\nRUN echo '{words}'; exit 1\n"
    with pytest.raises(SandboxUnavailable, match=rf"(?s){words}.*no package index can be reached.*\[sandbox\] base"):
        ensure_image(client, Recipe(dockerfile=failing, task=recipe.task))
