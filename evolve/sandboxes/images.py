"""The image of the docker sandbox: built once when it is missing, and named by the hash of all that it is made from."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from evolve.errors import SandboxUnavailable
from evolve.resources import bundled
from evolve.sandboxes import harness
from evolve.sandboxes.cache import held
from evolve.sandboxes.engines import shortened
from evolve.sandboxes.recipe import Recipe

if TYPE_CHECKING:
    from docker import APIClient

__all__ = [
    "BASE",
    "BASES",
    "HARNESS",
    "LAYER",
    "MADE",
    "READY",
    "TASK",
    "Base",
    "base_image",
    "ensure_image",
    "find_image",
    "image_name",
    "layer_digest",
    "require_image",
]

BASES = ("python:3.11-slim", "evolve-base:bookworm")
"""Bases in order of preference: one from a registry, and the one that `sandbox/base.sh` makes without any."""
HARNESS = "/evolve/harness"
"""Where the harness is inside of the image."""
READY = "evolve.base"
"""A label of bases that already have numpy and scipy, so that building on them needs no network."""
MADE, LAYER, BASE, TASK = "evolve.image", "evolve.layer", "evolve.from", "evolve.task"
"""Labels of what was built: "sandbox", or "base" of what a task's Dockerfile made; the digest of the harness's layer;
the name and the id of the base it stands on; the task that asked for it first."""

_SANDBOX, _STAGE = "evolve-sandbox", "evolve-base-of-task"
_BUILD_TIMEOUT = 1800  # seconds that a step of a build may say nothing, such as a large download
_LINES = 25  # of what a build said last
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NO_INDEX = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|Network is unreachable|"
    r"Connection refused|Could not find a version|Temporary failure resolving|Could not resolve",
)


@dataclass(frozen=True)
class Base:
    """An image to build on. `ready` when it says that nothing has to be fetched for it."""

    name: str
    id: str
    ready: bool


def ensure_image(api: APIClient, recipe: Recipe | None = None) -> str:
    """The name of the image, built now if it is not there. Takes seconds, or minutes where something has to be fetched.

    Without a base in the recipe it is the environment's `EVOLVE_SANDBOX_BASE`, else the first of `BASES` that is on
    this machine, else the first is pulled. Of several processes that want the same image, one builds it.
    Raises `SandboxUnavailable`, which says what to do.
    """
    recipe = recipe or Recipe()
    name = find_image(api, recipe)
    if name is not None:
        return name
    with held(f"build-{recipe.digest({})[0]}"):  # of a few, so that locks do not pile up
        name = find_image(api, recipe)  # somebody else may have built it while we waited
        if name is not None:
            return name
        found = _base(api, recipe) or _make_base(api, recipe)
        name = image_name(found.id, recipe.requirements)
        labels = {MADE: "sandbox", LAYER: layer_digest(), BASE: f"{found.name} {found.id}", TASK: recipe.task}
        _build(api, name, _context(recipe.requirements), base=found.name, labels=labels)
        return name


def find_image(api: APIClient, recipe: Recipe | None = None) -> str | None:
    """The name of the image if it has been built already, else None."""
    recipe = recipe or Recipe()
    found = _base(api, recipe)
    if found is None:
        return None
    name = image_name(found.id, recipe.requirements)
    return name if _inspect(api, name) is not None else None


def require_image(api: APIClient, name: str) -> str:
    """The id of an image for sessions. Raises `SandboxUnavailable` when it is not there or cannot be used."""
    found = _inspect(api, name)
    if found is None:
        raise SandboxUnavailable(
            f"there is no image {name} on this machine: docker pull {name}. An image that is used as it is must hold "
            "the harness, as those that `evolve sandbox build` makes do; to build on another one, name it as the base"
        )
    if volumes := found["Config"].get("Volumes"):
        raise SandboxUnavailable(
            f"the image {name}, or one that it is built on, declares VOLUME {', '.join(sorted(volumes))}: programs "
            "could fill the disk there. Use an image without volumes"
        )
    return str(found["Id"])


def base_image(api: APIClient, base: str | None = None) -> Base | None:
    """The base that would be built on, or None when none is on this machine."""
    for name in _wanted(base):
        found = _inspect(api, name)
        if found is not None:
            return Base(name, found["Id"], READY in (found["Config"].get("Labels") or {}))
    return None


def image_name(base_id: str, requirements: str = "") -> str:
    """`evolve-sandbox:` and 16 digits that change whenever anything that goes into the image does."""
    return f"{_SANDBOX}:{_digest(_context(requirements), base_id)}"


@cache
def layer_digest() -> str:
    """16 digits that change with the harness and with `sandbox/Dockerfile`."""
    return _digest(_context(""), "")


def _digest(files: Mapping[str, bytes], start: str) -> str:
    digest = hashlib.sha256(start.encode())
    for path, content in files.items():
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _base(api: APIClient, recipe: Recipe) -> Base | None:
    """What the harness's layer goes onto, if it is there: a base, or what the task's Dockerfile has made."""
    if not recipe.dockerfile:
        return base_image(api, recipe.base)
    name = _stage_name(api, recipe)
    return base_image(api, name) if name is not None else None


def _stage_name(api: APIClient, recipe: Recipe) -> str | None:
    """The name of what the task's Dockerfile makes, or None when a parent of it is not on this machine."""
    parents: dict[str, str] = {}
    for parent in recipe.parents:
        found = base_image(api, None if parent in {"$BASE", "${BASE}"} else parent)
        if found is None:
            return None
        parents[parent] = found.id
    return f"{_STAGE}:{recipe.digest(parents)}"


def _make_base(api: APIClient, recipe: Recipe) -> Base:
    if not recipe.dockerfile:
        return _pull(api, _wanted(recipe.base)[0])
    for parent in recipe.parents:
        wanted = _wanted(None) if parent in {"$BASE", "${BASE}"} else (parent,)
        if all(_inspect(api, name) is None for name in wanted):
            _pull(api, wanted[0])
    name = _stage_name(api, recipe)
    assert name is not None
    below = base_image(api)
    files = {**recipe.files, "Dockerfile": recipe.dockerfile.encode()}
    labels = {MADE: "base", TASK: recipe.task}
    _build(api, name, files, base=below.name if below else "", labels=labels, executables=recipe.executables)
    found = base_image(api, name)
    if found is None:
        raise SandboxUnavailable(f"the image {name} was built and is not there; somebody removed it, so try again")
    return found


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


def _archive(files: Mapping[str, bytes], executables: Collection[str]) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o755 if path in executables else 0o644
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _pull(api: APIClient, name: str) -> Base:
    from docker.errors import DockerException  # noqa: PLC0415

    repository, separator, tag = name.rpartition(":")
    if not separator or "/" in tag:  # no tag: what stands behind the colon is a port
        repository, tag = name, "latest"
    try:
        api.pull(repository, tag=tag)
        found = base_image(api, name)
    except (DockerException, OSError) as error:
        raise SandboxUnavailable(
            f"the base image {name} is not here and cannot be pulled: {shortened(error)}. {_remedy()}"
        ) from None
    if found is None:
        raise SandboxUnavailable(f"the base image {name} was pulled and is not there. {_remedy()}")
    return found


def _build(
    api: APIClient,
    name: str,
    files: Mapping[str, bytes],
    *,
    base: str,
    labels: Mapping[str, str],
    executables: Collection[str] = (),
) -> None:
    from docker.errors import DockerException  # noqa: PLC0415

    said: list[str] = []
    try:
        steps = api.build(
            fileobj=_archive(files, executables),
            custom_context=True,
            tag=name,
            buildargs={"BASE": base} if base else {},
            labels={key: value for key, value in labels.items() if value},
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_BUILD_TIMEOUT,
        )
        failed = False
        for step in steps:  # to its end, so that the connection is free again
            said.append(step.get("stream") or step.get("error") or "")
            failed = failed or "error" in step
    except (DockerException, OSError) as error:
        words = "".join([*said, shortened(error)])
        raise SandboxUnavailable(_build_failed(words, own=labels[MADE] == "base")) from None
    if failed:
        raise SandboxUnavailable(_build_failed("".join(said), own=labels[MADE] == "base"))


def _build_failed(said: str, *, own: bool) -> str:
    """What a build said last, and what to do about it; `own` is for a Dockerfile of the task's."""
    shown = [_COLOURS.sub("", line).rstrip()[:300] for line in said.strip().splitlines()[-_LINES:]]
    lines = "\n".join(f"  {line}" for line in shown)
    other = "name a base that has the packages ([sandbox] base in task.toml, or EVOLVE_SANDBOX_BASE)"
    if "No module named pip" in said:
        remedy = (
            f"The base has no pip to install packages with: {other}, or one that has pip, such as {BASES[0]}, "
            "or copy the packages into the image ([sandbox] dockerfile)"
        )
    elif _NO_INDEX.search(said):
        remedy = (
            "A package could not be fetched: either it does not exist, or no package index can be reached from here. "
            f"Without an index, {other}, or copy them into the image ([sandbox] dockerfile)"
        )
    elif own:
        remedy = "Mend the Dockerfile that [sandbox] in task.toml names"
    else:
        remedy = _remedy()
    return f"the image of the docker sandbox could not be built; the build said last:\n{lines}\n{remedy}"


def _remedy() -> str:
    script = bundled("sandbox") / "base.sh"
    return (
        "Name a base image that has Python 3.11 or newer with numpy and scipy in EVOLVE_SANDBOX_BASE, or make one "
        f"without a registry: sudo {script}"
    )
