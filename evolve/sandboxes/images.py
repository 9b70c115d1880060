"""The image of the docker sandbox: built once when it is missing, and named by the hash of all that it is made from."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evolve.errors import SandboxUnavailable
from evolve.resources import bundled
from evolve.sandboxes import harness

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["BASES", "HARNESS", "Base", "base_image", "ensure_image", "find_image", "image_name"]

BASES = ("python:3.11-slim", "evolve-base:bookworm")
"""Bases in order of preference: one from a registry, and the one that `sandbox/base.sh` makes without any."""
HARNESS = "/evolve/harness"
"""Where the harness is inside of the image."""
READY = "evolve.base"
"""A label of bases that already have numpy and scipy, so that building on them needs no network."""


@dataclass(frozen=True)
class Base:
    """An image to build on. `ready` when it says that nothing has to be fetched for it."""

    name: str
    id: str
    ready: bool


def ensure_image(api: APIClient, *, base: str | None = None, requirements: str = "") -> str:
    """The name of the image, built now if it is not there. Takes seconds, or minutes where numpy has to be fetched.

    `base` is any image with Python 3.11 or newer; else the environment's `EVOLVE_SANDBOX_BASE`, else the first of
    `BASES` that is on this machine, else the first is pulled. `requirements` is the text of a `requirements.txt`.
    Raises `SandboxUnavailable`, which says what to do.
    """
    name = find_image(api, base=base, requirements=requirements)
    if name is not None:
        return name
    found = base_image(api, base) or _pull(api, _wanted(base)[0])
    name = image_name(found.id, requirements)
    _build(api, found.name, name, requirements)
    return name


def find_image(api: APIClient, *, base: str | None = None, requirements: str = "") -> str | None:
    """The name of the image if it has been built already, else None."""
    found = base_image(api, base)
    if found is None:
        return None
    name = image_name(found.id, requirements)
    return name if _inspect(api, name) is not None else None


def base_image(api: APIClient, base: str | None = None) -> Base | None:
    """The base that would be built on, or None when none is on this machine."""
    for name in _wanted(base):
        found = _inspect(api, name)
        if found is not None:
            return Base(name, found["Id"], READY in (found["Config"].get("Labels") or {}))
    return None


def image_name(base_id: str, requirements: str = "") -> str:
    """`evolve-sandbox:` and 16 digits that change whenever anything that goes into the image does."""
    digest = hashlib.sha256(base_id.encode())
    for path, content in _context(requirements).items():
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return f"evolve-sandbox:{digest.hexdigest()[:16]}"


def _wanted(base: str | None) -> tuple[str, ...]:
    named = base or os.environ.get("EVOLVE_SANDBOX_BASE")
    return (named,) if named else BASES


def _inspect(api: APIClient, name: str) -> dict[str, Any] | None:
    from docker.errors import ImageNotFound  # noqa: PLC0415 - the SDK is heavy, and most never need it

    try:
        found: dict[str, Any] = api.inspect_image(name)  # type: ignore[no-untyped-call]  # not in its stubs
    except ImageNotFound:
        return None
    return found


def _context(requirements: str) -> dict[str, bytes]:
    files = {f"harness/{name}": content for name, content in harness.files().items()}
    dockerfile = (bundled("sandbox") / "Dockerfile").read_bytes()
    return {"Dockerfile": dockerfile, "requirements.txt": requirements.encode(), **files}


def _archive(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _pull(api: APIClient, name: str) -> Base:
    from docker.errors import DockerException  # noqa: PLC0415

    repository, _, tag = name.partition(":")
    try:
        api.pull(repository, tag=tag or "latest")
        found = base_image(api, name)
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(
            f"the base image {name} is not here and cannot be pulled: {error}. {_remedy()}"
        ) from None
    if found is None:
        raise SandboxUnavailable(f"the base image {name} was pulled and is not there. {_remedy()}")
    return found


def _build(api: APIClient, base_id: str, name: str, requirements: str) -> None:
    from docker.errors import DockerException  # noqa: PLC0415

    said: list[str] = []
    try:
        steps = api.build(
            fileobj=_archive(_context(requirements)),
            custom_context=True,
            tag=name,
            buildargs={"BASE": base_id},
            rm=True,
            forcerm=True,
            decode=True,
        )
        for step in steps:
            said.append(step.get("stream") or step.get("error") or "")
            if "error" in step:
                raise SandboxUnavailable(
                    f"the image of the docker sandbox could not be built: {''.join(said)[-1500:].strip()}\n{_remedy()}"
                )
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(f"the image of the docker sandbox could not be built: {error}. {_remedy()}") from None


def _remedy() -> str:
    script = bundled("sandbox") / "base.sh"
    return (
        "Name a base image that has Python 3.11 or newer with numpy and scipy in EVOLVE_SANDBOX_BASE, or make one "
        f"without a registry: sudo {script}"
    )
