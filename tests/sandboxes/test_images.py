"""The image of the docker sandbox is named by what it is made from, and built once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker import APIClient
from hypothesis import given
from hypothesis import strategies as st

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.engines import connect
from evolve.sandboxes.images import base_image, ensure_image, find_image, image_name
from evolve.testing.sandboxes import available

TEXT = st.text(max_size=20)


@pytest.fixture
def client() -> Iterator[APIClient]:
    """Of an engine that has the image."""
    available(DockerSandbox).close()
    made = connect(60)
    yield made
    made.close()


@given(one=st.tuples(TEXT, TEXT), other=st.tuples(TEXT, TEXT))
def test_the_name_tells_images_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Another base or other requirements are another image, and the same ones the same."""
    assert (image_name(*one) == image_name(*other)) == (one == other)


def test_it_is_built_once(client: APIClient) -> None:
    """What is there is used."""
    name = find_image(client)
    assert name is not None
    built = client.inspect_image(name)["Created"]  # type: ignore[no-untyped-call]  # not in its stubs
    assert ensure_image(client) == name
    assert client.inspect_image(name)["Created"] == built  # type: ignore[no-untyped-call]


def test_a_base_that_is_nowhere(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name, and how to come by one without a registry."""
    monkeypatch.setenv("EVOLVE_SANDBOX_BASE", "localhost:1/nothing:here")
    assert base_image(client) is None
    assert find_image(client) is None
    with pytest.raises(SandboxUnavailable, match=r"localhost:1/nothing:here.*base\.sh"):
        ensure_image(client)


def test_a_build_that_fails_says_why(client: APIClient) -> None:
    """With the end of what it said."""
    with pytest.raises(SandboxUnavailable, match=r"could not be built"):
        ensure_image(client, requirements="[no such requirement]\n")
