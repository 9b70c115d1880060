"""Control groups bound a tree of processes, and are removed when it has ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evolve.sandboxes.cgroups import Groups, _delegating, _Folders, find_groups
from evolve.sandboxes.owner import Owner


@pytest.fixture
def groups() -> Groups:
    """The way that works here."""
    found = find_groups()
    if found is None:
        pytest.skip("no control group can be made here: this needs root, a delegated subtree or systemd --user")
    return found


def test_memory_is_bounded_and_the_group_goes(groups: Groups) -> None:
    """A process inside that takes more is killed, one that takes less is not, and nothing is left."""
    group = groups.make(64 * 2**20, 16)
    for size, wanted in ((8, True), (256, False)):
        code = f"held = bytearray({size} * 2**20)"
        ended = subprocess.run(group.enter([sys.executable, "-c", code]), check=False)
        assert (ended.returncode == 0) == wanted
    seen = group.seen()
    group.remove()
    assert not any(folder.exists() for folder, _ in seen)


def test_tasks_are_bounded(groups: Groups) -> None:
    """The kernel refuses one process too many."""
    group = groups.make(64 * 2**20, 4)
    script = "for i in 1 2 3 4 5 6; do sleep 5 & done 2>/dev/null; wait"
    ended = subprocess.run(group.enter(["sh", "-c", script]), capture_output=True, check=False)
    group.remove()
    assert ended.returncode != 0


def test_groups_of_dead_engines_are_swept(tmp_path: Path) -> None:
    """Those of living ones, and what is not ours, stay."""
    code = "from evolve.sandboxes.owner import Owner; print(Owner.this())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    names = {
        f"evolve-{ended}-0": False,
        f"evolve-{Owner.this()}-{10**9}": True,
        "evolve-of-somebody": True,
        "user": True,
    }
    for name in names:
        (tmp_path / name).mkdir()
    _Folders((tmp_path,), version=2).make(2**20, 4)
    assert {name: (tmp_path / name).exists() for name in names} == names


def test_version_2_is_told_its_limits(tmp_path: Path) -> None:
    """Memory, no swap where the kernel counts it, and tasks, in the files of cgroup v2."""
    group = _Folders((tmp_path,), version=2).make(2**20, 4)
    ((folder, where),) = group.seen()
    assert where == "/sys/fs/cgroup"
    assert (folder / "memory.max").read_text() == str(2**20)


def test_the_nearest_folder_that_hands_on_memory_is_used(tmp_path: Path) -> None:
    """Version 2 makes groups only where the controllers are handed to children: at or above our own group."""
    own = tmp_path / "user.slice" / "app.slice" / "shell.scope"
    own.mkdir(parents=True)
    for folder, handed in ((own, ""), (own.parent, "memory pids\n"), (own.parent.parent, "cpu memory pids\n")):
        (folder / "cgroup.subtree_control").write_text(handed)
        (folder / "cgroup.procs").touch()
    assert _delegating(own) == own.parent
    (own.parent / "cgroup.subtree_control").write_text("pids\n")
    assert _delegating(own) == own.parent.parent
