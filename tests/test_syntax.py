"""Source of candidates is parsed by many threads."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from evolve import syntax


@pytest.fixture
def interrupted() -> Iterator[None]:
    """The collector of garbage lets other threads run, as a finalizer does, in the midst of whatever makes objects."""

    def pause(phase: str, _: object) -> None:
        if phase == "start":
            time.sleep(0.0002)

    threshold = gc.get_threshold()
    gc.callbacks.append(pause)
    gc.set_threshold(100, 1000, 1000)
    yield
    gc.callbacks.remove(pause)
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("interrupted")
def test_threads_parse_at_the_same_time() -> None:
    """CPython before 3.13 counts the depth of a tree in one place for all threads (python/cpython#106905)."""
    source = ("x = " + "+".join(["(a * b)"] * 40) + "\n") * 5
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(syntax.parse, [source] * 40))


def test_a_parser_that_failed_lets_the_next_one_in() -> None:
    assert syntax.parse("(" * 500) is None
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(syntax.parse, "x = 1").result(timeout=60)
