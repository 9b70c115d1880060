"""What a task asks of the place it runs in: the image and what it is made of, a runtime, GPUs, processors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

__all__ = ["Recipe", "Surroundings"]

_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What an image is made of, below the harness.

    `base` is the image to build on. `requirements` is the text of a `requirements.txt`. `dockerfile` is the text of a
    Dockerfile that makes the base, and `files` are what it may copy: path -> content; `executables` are some of their
    paths. Its argument `BASE` is the base that would be used without it. `task` is kept in a label, so that people see
    what an image is for, and is no part of what the image is made of.
    """

    base: str | None = None
    requirements: str = ""
    dockerfile: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    executables: frozenset[str] = frozenset()
    task: str = ""

    @property
    def parents(self) -> tuple[str, ...]:
        """The images that the Dockerfile builds on; those that it makes itself left out."""
        found: list[str] = []
        stages: set[str] = set()
        for name, stage in _FROM.findall(self.dockerfile):
            if name.lower() not in stages and name != "scratch":
                found.append(name)
            stages.add(stage.lower())
        return tuple(found)

    def digest(self, parents: Mapping[str, str]) -> str:
        """16 digits that change with the recipe and with the ids of its Dockerfile's `parents`."""
        digest = hashlib.sha256()
        parts = {f"parent {name}": identity.encode() for name, identity in parents.items()}
        parts |= {f"file {path} {path in self.executables}": content for path, content in self.files.items()}
        for name in ("base", "requirements", "dockerfile"):
            parts[name] = (getattr(self, name) or "").encode()
        for name, content in sorted(parts.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What only the docker sandbox can give: `image` is used as it is, else one is made after `recipe`.

    `runtime` is one that the daemon knows, such as "runsc"; `gpus` how many of the machine's, or "all"; `cpus` how much
    processor time a session may use per second.
    """

    image: str | None = None
    recipe: Recipe = field(default_factory=Recipe)
    runtime: str | None = None
    gpus: int | str | None = None
    cpus: float | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The keys of `[sandbox]` that are set."""
        return tuple(self._asked())

    def _asked(self) -> Iterator[str]:
        for item in fields(self):
            if item.name != "recipe" and getattr(self, item.name) is not None:
                yield item.name
        for name in ("base", "requirements", "dockerfile"):
            if getattr(self.recipe, name):
                yield name
