"""Every python and bash block of the README and of docs/ runs.

The blocks of one document run in order, in one temporary folder, with `evolve` on PATH. Python blocks share their
names, and what a `>>>` example prints is compared. A bash block fails when a command in it does. A block that cannot
run here says so in its first line, where a reader sees it:

    # not run by the tests: it needs a key
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.document import Document
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = re.compile(r"# not run by the tests: (\S.*)")
NOT_RUN_AT_MOST = 5


def run_bash(example: Example) -> str | None:
    """Run one block; the message is shown when it fails."""
    script = str(example.parsed)
    if NOT_RUN.match(script):
        return None
    end = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    if end.returncode:
        return f"{script}\nended with {end.returncode}\n{end.stdout[-4000:]}\n{end.stderr[-4000:]}"
    return None


def parse(path: Path) -> Document:
    """The document with its examples."""
    sybil = Sybil(parsers=[PythonCodeBlockParser(), CodeBlockParser(language="bash", evaluator=run_bash)])
    return sybil.parse(path)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evolve_on_path: str) -> None:
    """What a document shows works when it is typed in."""
    document = parse(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", evolve_on_path)
    for example in document.examples():
        example.evaluate()


def test_nearly_all_blocks_run() -> None:
    """Blocks that are only shown are few, and each gives its reason."""
    fenced = re.compile(r"```(?:bash|python)\n(.*?)```", re.DOTALL)
    blocks = [block for path in DOCUMENTS for block in fenced.findall(path.read_text())]
    assert len(blocks) > 0
    assert sum(bool(NOT_RUN.match(block)) for block in blocks) <= NOT_RUN_AT_MOST
    assert [block for block in blocks if "not run" in block and not NOT_RUN.match(block)] == []


def test_only_known_languages_are_shown() -> None:
    """No block escapes the tests under a name such as `sh`, `shell` or `py`."""
    fences = {fence for path in DOCUMENTS for fence in re.findall(r"^```(\w+)", path.read_text(), re.MULTILINE)}
    assert fences <= {"bash", "python", "text", "toml", "json"}


def test_a_failing_block_fails(tmp_path: Path) -> None:
    """The first command that fails ends a bash block with an error, and so does a wrong `>>>` answer."""
    path = tmp_path / "wrong.md"
    path.write_text("```bash\nfalse\ntrue\n```\n\n```python\n>>> 1 + 1\n3\n\n```\n")
    examples = list(parse(path).examples())
    assert len(examples) == 2
    for example in examples:
        with pytest.raises(Exception, match=r"ended with 1|Expected"):
            example.evaluate()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_document_is_found_from_the_readme() -> None:
    """The README links to each file in docs/."""
    readme = (ROOT / "README.md").read_text()
    assert [path.name for path in DOCUMENTS[1:] if f"({path.relative_to(ROOT)})" not in readme] == []
