from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evolve.sandboxes.veil import Veil

HOLD = "exec 9<$1; flock 9; echo held; read end"
TRY = "exec 9<$1; flock -n 9"


def hold(argv: list[str]) -> subprocess.Popen[bytes]:
    """Somebody who holds the lock until its standard input is closed."""
    holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_a_lock_behind_a_veil_is_felt_behind_no_other(tmp_path: Path) -> None:
    """Nor outside; without a veil it is. The content is the same, and cannot be written."""
    if os.geteuid() != 0 or shutil.which("flock") is None:
        pytest.skip("a veil takes root, and this test flock(1), from util-linux")
    file = tmp_path / "shared"
    file.write_text("the same")
    veil = Veil([tmp_path])
    if not veil.works:
        pytest.skip("overlays cannot be mounted here")
    locker, tryer = ["bash", "-c", HOLD, "sh", str(file)], ["bash", "-c", TRY, "sh", str(file)]
    with hold(veil.over(locker)) as holder:
        assert subprocess.run(veil.over(tryer), check=False).returncode == 0
        assert subprocess.run(tryer, check=False).returncode == 0
        holder.communicate(b"")
    with hold(locker) as holder:
        assert subprocess.run(tryer, check=False).returncode == 1
        holder.communicate(b"")
    seen = subprocess.run(veil.over(["cat", str(file)]), capture_output=True, text=True, check=True)
    assert seen.stdout == "the same"
    assert subprocess.run(veil.over(["touch", str(tmp_path / "new")]), capture_output=True, check=False).returncode


def test_what_cannot_be_veiled_is_said(tmp_path: Path) -> None:
    """A path that would mean something else to mount(8), and a folder that another file system is mounted in."""
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert not Veil([odd]).works
    mounted = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    assert not any(Veil([Path(mount).parent]).works for mount in mounted if mount.count("/") > 1)
    assert not Veil([tmp_path / "nowhere"]).works
