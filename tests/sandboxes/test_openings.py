"""The sessions of a sandbox that are open, or on their way."""

from __future__ import annotations

import threading

import pytest

from evolve.errors import SandboxFault
from evolve.frames import Frame
from evolve.sandboxes.openings import Openings
from evolve.testing.processes import settles


class Quiet:
    """A session in which nothing happens."""

    closed = False

    def send(self, frame: Frame) -> None:
        """Nothing is done about it."""

    def receive(self, timeout: float) -> Frame:
        """Never anything."""
        raise TimeoutError

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def refused(openings: Openings[Quiet]) -> bool:
    try:
        with openings.opening():
            return False
    except SandboxFault:
        return True


def test_closing_closes_what_is_open_and_ends_openings() -> None:
    """Once and for all."""
    openings: Openings[Quiet] = Openings()
    kept, gone = Quiet(), Quiet()
    with openings.opening():
        openings.add(kept)
        openings.add(gone)
    openings.discard(gone)
    openings.close()
    openings.close()
    assert (kept.closed, gone.closed) == (True, False)
    with pytest.raises(SandboxFault, match="the sandbox is closed"), openings.opening():
        pass


def test_closing_waits_for_what_is_being_opened() -> None:
    """A session that comes while nothing else is opened any more is closed with the others."""
    openings: Openings[Quiet] = Openings()
    late, begun, go_on = Quiet(), threading.Event(), threading.Event()

    def work() -> None:
        with openings.opening():
            begun.set()
            go_on.wait(60)
            openings.add(late)

    threads = [threading.Thread(target=act) for act in (work, openings.close)]
    threads[0].start()
    assert begun.wait(60)
    threads[1].start()
    try:
        assert settles(lambda: refused(openings), 60)
        assert threads[1].is_alive()
        assert not late.closed
    finally:
        go_on.set()
        for thread in threads:
            thread.join(60)
    assert late.closed
