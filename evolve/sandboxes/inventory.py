"""The images that were built for sandboxes: which ones are there, what for, and which are of no use any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evolve.sandboxes.images import BASE, LAYER, MADE, TASK, base_image, layer_digest

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Image", "images", "remove_image"]


@dataclass(frozen=True)
class Image:
    """One image. `stale` says why nobody will use it again; empty when somebody may.

    `task` asked for it, or "" when it is the default one. `created` is in seconds since 1970. Layers that images share
    count in the `size` of each, in bytes.
    """

    name: str
    id: str
    task: str
    size: int
    created: int
    stale: str


def images(api: APIClient, wanted: Callable[[str], str | None]) -> list[Image]:
    """All that were built here, the newest first.

    `wanted` is asked for the name of the image that a task would use now; None when there is no such task any more.
    Raises what the SDK raises.
    """
    found: list[dict[str, Any]] = api.images(filters={"label": MADE})
    listed = [_image(api, wanted, each) for each in found if each["Labels"][MADE] == "sandbox"]
    used = {
        each["Labels"].get(BASE, "").partition(" ")[0]
        for each, image in zip((e for e in found if e["Labels"][MADE] == "sandbox"), listed, strict=True)
        if not image.stale
    }
    for each in found:
        if each["Labels"][MADE] == "base":
            name = _name(each)
            stale = "" if name in used else "no image that is used is built on it"
            listed.append(Image(name, each["Id"], each["Labels"].get(TASK, ""), each["Size"], each["Created"], stale))
    return sorted(listed, key=lambda image: -image.created)


def _image(api: APIClient, wanted: Callable[[str], str | None], found: dict[str, Any]) -> Image:
    labels, name = found["Labels"], _name(found)
    task = labels.get(TASK, "")
    stale = ""
    if name == found["Id"]:
        stale = "it has lost its name to a newer one"
    elif labels.get(LAYER) != layer_digest():
        stale = "it holds the harness of another version"
    elif not _stands(api, labels.get(BASE, "")):
        stale = "its base has changed or is gone"
    elif task and wanted(task) != name:
        stale = "its task is gone, or asks for another image"
    return Image(name, found["Id"], task, found["Size"], found["Created"], stale)


def _stands(api: APIClient, label: str) -> bool:
    """Whether the base is still what it was."""
    name, _, identity = label.partition(" ")
    found = base_image(api, name) if name else None
    return found is not None and found.id == identity


def _name(found: dict[str, Any]) -> str:
    """Its tag; its id when it has none."""
    tags = [tag for tag in found.get("RepoTags") or () if tag != "<none>:<none>"]
    return str(tags[0] if tags else found["Id"])


def remove_image(api: APIClient, image: Image) -> str:
    """Remove an image. Why it could not be removed, such as a container that runs in it; empty when it is gone."""
    from docker.errors import DockerException, NotFound  # noqa: PLC0415 - the SDK is heavy, and most never need it

    try:
        api.remove_image(image.name)
    except NotFound:
        return ""
    except (DockerException, OSError) as error:
        return str(getattr(error, "explanation", None) or error)
    return ""
