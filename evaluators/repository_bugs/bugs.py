"""Repositories with one bug each, made from whole ones by a change of a known kind.

    python evaluators/repository_bugs/bugs.py my-task --seed 7 --number 3

writes a task folder with three repositories drawn for the seed 7. A bug counts only when it shows: in both splits some
hidden tests fail and others pass, and the repository still ends within its bounds. What has changed is one place of one
function, which is marked as the region that may change.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from cases import DRAWN, whole
from changes import sites
from hidden import HERE, Test, alike, files, package, tests

Draw = Callable[[], float]

LEAST, MOST = 0.1, 0.9  # of the tests of each split that fail
SECONDS, MEMORY = 2, 2**29  # for all calls of a repository that is tried


class Bug(NamedTuple):
    """`files` are those of the repository, with the bug and without marks; `line` counts from 1 in `path`."""

    repository: str
    kind: str
    path: str
    line: int
    before: str
    after: str
    files: dict[str, str]


def bug(name: str, seed: int) -> Bug:
    """A bug of a repository, the same for the same seed."""
    draw = random.Random(f"repository_bugs/bugs/{seed}/{name}").random  # noqa: S311 - data, not a secret
    right = files(name)
    found = [(path, site) for path, text in right.items() for site in sites(text)]
    kinds = shuffled(draw, sorted({site.kind for _, site in found}))
    for path, site in sorted(shuffled(draw, found), key=lambda each: kinds.index(each[1].kind)):
        text = right[path]
        changed = {**right, path: text[: site.start] + site.new + text[site.end :]}
        if shows(name, changed):
            line = text.count("\n", 0, site.start) + 1
            before, after = (t.splitlines()[line - 1].strip() for t in (text, changed[path]))
            return Bug(name, site.kind, path, line, before, after, changed)
    raise AssertionError(f"no change of {name} shows in its tests")


def shows(name: str, changed: dict[str, str]) -> bool:
    """Whether hidden tests of both splits tell the changed repository from the whole one, and it ends."""
    both = [tests(name, split, 0) for split in ("search", "held_out")]
    outcomes = passed(name, changed, both[0] + both[1])
    if outcomes is None:
        return False
    parts = outcomes[: len(both[0])], outcomes[len(both[0]) :]
    return all(LEAST <= part.count(False) / len(part) <= MOST for part in parts)


def passed(name: str, changed: dict[str, str], asked: list[Test]) -> list[bool] | None:
    """Which tests a repository passes, in a process of its own; None when that did not end well within its bounds."""
    with tempfile.TemporaryDirectory(prefix="evolve-bugs-") as folder:
        write(Path(folder), changed)
        calls = json.dumps([[test.function, test.arguments] for test in asked])
        try:
            done = subprocess.run(
                [sys.executable, __file__, "--answer", folder, name],
                input=calls,
                capture_output=True,
                text=True,
                timeout=100 * SECONDS,  # by the clock, and machines are busy
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    if done.returncode:
        return None
    return [
        answered and alike(answer, test.expected)
        for (answered, answer), test in zip(json.loads(done.stdout), asked, strict=True)
    ]


def answer(folder: Path, name: str) -> None:
    """Make the calls on standard input, and print for each whether it was answered, and the answer."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    module = package(folder, name)
    told: list[tuple[bool, Any]] = []
    for function, arguments in json.load(sys.stdin):
        try:
            told.append((True, getattr(module, function)(*arguments)))
        except Exception as error:  # noqa: BLE001 - code with a bug may raise anything, and that is an answer too
            told.append((False, repr(error)))
    json.dump(told, sys.stdout)


def marked(found: Bug) -> dict[str, str]:
    """The files with marks around the function or class that has the bug."""
    text = found.files[found.path]
    for node in ast.parse(text).body:
        assert node.end_lineno is not None
        if node.lineno <= found.line <= node.end_lineno:
            lines = text.splitlines(keepends=True)
            lines.insert(node.end_lineno, "# EVOLVE-BLOCK-END\n")
            lines.insert(node.lineno - 1, "# EVOLVE-BLOCK-START\n")
            return {**found.files, found.path: "".join(lines)}
    raise AssertionError(f"line {found.line} of {found.path} is in no function")


def shuffled(draw: Draw, values: list[Any]) -> list[Any]:
    """The same values in any order, all equally likely."""
    mixed = list(values)
    for last in range(len(mixed) - 1, 0, -1):
        other = whole(draw, 0, last)
        mixed[last], mixed[other] = mixed[other], mixed[last]
    return mixed


def write(folder: Path, texts: dict[str, str]) -> None:
    """Files by path, below a folder."""
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def write_task(folder: Path, bugs: list[Bug]) -> None:
    """A task folder with repositories that have these bugs. Raises `FileExistsError` when the folder exists."""
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__", "seed"))
    settings = (HERE / "task.toml").read_text(encoding="utf-8")
    settings = re.sub(r'^name = ".*"', f"name = {json.dumps(folder.name)}", settings, count=1, flags=re.MULTILINE)
    settings = re.sub(r'^seed = ".*"', 'seed = "seed"', settings, count=1, flags=re.MULTILINE)
    (folder / "task.toml").write_text(settings, encoding="utf-8")
    for each in bugs:
        write(folder / "seed", marked(each))


def main() -> int:
    """Write a task folder, and say what was done to its repositories."""
    parser = argparse.ArgumentParser(description="Write a task: small repositories with one bug each.")
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=len(DRAWN), help=f"of repositories, 1 to {len(DRAWN)}")
    given = parser.parse_args()
    if not 1 <= given.number <= len(DRAWN):
        parser.error(f"--number is {given.number}; there are {len(DRAWN)} repositories")
    if given.folder.exists():
        parser.error(f"{given.folder} exists; name a folder that does not")
    draw = random.Random(f"repository_bugs/choice/{given.seed}").random  # noqa: S311 - data, not a secret
    chosen = [bug(name, given.seed) for name in shuffled(draw, list(DRAWN))[: given.number]]
    write_task(given.folder, chosen)
    for each in chosen:
        print(f"{each.kind:10} {each.path}:{each.line}  {each.before}  ->  {each.after}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--answer"]:
        answer(Path(sys.argv[2]), sys.argv[3])
        sys.exit(0)
    sys.exit(main())
