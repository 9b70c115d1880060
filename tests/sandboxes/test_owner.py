"""An owner is known to be gone only when that is certain."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evolve.sandboxes.owner import Owner

WORDS = st.text("0123456789abcdef", max_size=32)


def test_who_asks_is_not_gone() -> None:
    """This process lives."""
    assert not Owner.this().is_gone()


def test_a_process_that_ended_is_gone() -> None:
    """Also when its id is used again, since it then started at another time."""
    code = "from evolve.sandboxes.owner import Owner; print(Owner.this())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ended = Owner.parse(said.strip())
    assert ended is not None
    assert ended.is_gone()
    this = Owner.this()
    assert replace(this, started=this.started - 1).is_gone()


def test_of_other_machines_nothing_is_known() -> None:
    """Another boot, or another namespace of ids, may be a living engine elsewhere that uses the same daemon."""
    dead = replace(Owner.this(), started=1)
    assert not replace(dead, boot="0" * 32).is_gone()
    assert not replace(dead, namespace="1").is_gone()


@given(owner=st.builds(Owner, WORDS, WORDS, st.integers(0, 2**31), st.integers(0, 2**62)))
def test_text_and_back(owner: Owner) -> None:
    """The text that labels and folders carry names the same process."""
    assert Owner.parse(str(owner)) == owner


@given(st.text())
def test_other_text_is_no_owner(text: str) -> None:
    """Labels are the world's to write: what is no owner of ours is left alone, and nothing is raised."""
    owner = Owner.parse(text)
    assert owner is None or not owner.is_gone()
