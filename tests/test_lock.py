"""`requirements.lock` fits `pyproject.toml`; `make lock` writes it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = re.compile(r"^([\w.-]+)==(\S+)((?: ; [^\\\n]+)?)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def test_every_line_is_a_pin_with_hashes() -> None:
    """Nothing is installed that was not resolved and hashed, and no index is named."""
    rest = PINNED.sub("", LOCK)
    assert [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")] == []
    assert "://" not in LOCK


def test_what_the_project_needs_is_pinned_as_it_asks() -> None:
    """Each dependency in pyproject.toml, of the package and of its tests, has a version that it allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins: dict[str, list[str]] = {}
    for name, version, _, _ in PINNED.findall(LOCK):
        pins.setdefault(canonicalize_name(name), []).append(version)
    wanted = [Requirement(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]
    assert len(wanted) > 10
    for requirement in wanted:
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement
