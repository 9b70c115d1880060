"""The wheel is complete: outside any checkout everything that is bundled is there, and a search runs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def call(*command: str, cwd: Path) -> str:
    """What a command prints; its environment says nothing of the checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    end = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, timeout=1200, check=False)
    assert end.returncode == 0, f"{' '.join(command)}\n{end.stdout}\n{end.stderr}"
    return end.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as a wheel. Nothing is downloaded: the build backend is among the tools of the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment that holds the wheel, and sees the dependencies of this one.

    A `.pth` file adds this environment's packages; the `.pth` files among those, which point to the checkout, are not
    followed from there.
    """
    folder = tmp_path_factory.mktemp("environment")
    call(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    python = folder / "bin" / "python"
    site = Path(call(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    call(*pip, str(wheel), cwd=folder)
    return folder / "bin"


def test_everything_bundled_is_in_the_wheel(wheel: Path) -> None:
    """Each file of seeds/, evaluators/ and sandbox/ that git tracks is in the wheel, byte for byte."""
    tracked = call("git", "ls-files", "seeds", "evaluators", "sandbox", cwd=ROOT).split()
    assert {name.partition("/")[0] for name in tracked} == {"seeds", "evaluators", "sandbox"}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert [name for name in tracked if f"evolve/_bundled/{name}" not in names] == []
        assert all(archive.read(f"evolve/_bundled/{name}") == (ROOT / name).read_bytes() for name in tracked)
        assert "evolve/py.typed" in names
        assert not [name for name in names if name.startswith(("tests/", "benchmarks/")) or "__pycache__" in name]


def test_a_search_runs_outside_any_checkout(installed: Path, tmp_path: Path) -> None:
    """`evolve run bin_packing` works from the wheel, and it is the wheel's code that runs."""
    where = call(str(installed / "python"), "-c", "import evolve; print(evolve.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    # the sandbox that runs what this environment can import, wherever that lies; which one is the strongest differs
    arguments = ("--trials", "5", "--name", "first", "--sandbox", "process")
    call(str(installed / "evolve"), "run", "bin_packing", *arguments, cwd=tmp_path)
    log = call("git", "-C", "runs/first", "log", "--format=%s", "trials", cwd=tmp_path)
    assert len(log.splitlines()) >= 6
