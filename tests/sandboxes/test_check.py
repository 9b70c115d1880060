"""A sandbox is believed after canaries have tried it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.check import check
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.guarantees import Guarantee
from evolve.sandboxes.process import ProcessSandbox
from evolve.sandboxes.proof import prove
from evolve.testing.boastful import BoastfulSandbox
from evolve.testing.sandboxes import available
from evolve.types import Sandbox


class Known(BoastfulSandbox):
    """Promises only what holds, and has an identity."""

    def __init__(self, identity: str) -> None:
        super().__init__(frozenset(set(Guarantee) - {Guarantee.ORPHANS}))
        self._identity = identity

    def identity(self) -> str:
        return self._identity


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("make", [DockerSandbox, BubblewrapSandbox])
def test_what_is_promised_holds(make: Callable[[], DockerSandbox | BubblewrapSandbox]) -> None:
    """Every promise is tried and kept, and what is not promised is told."""
    sandbox = available(make)
    try:
        findings = check(sandbox)
    finally:
        sandbox.close()
    assert {finding.name: finding.how for finding in findings if finding.holds is False} == {}
    assert sum(finding.holds is True for finding in findings) >= 15
    assert [finding.name for finding in findings if not finding.promised] == ["a kernel of its own"]


def test_what_is_not_promised_is_not_tried() -> None:
    """And says what it does not protect from."""
    sandbox = ProcessSandbox()
    findings = {finding.name: finding for finding in check(sandbox)}
    sandbox.close()
    assert findings["network"].promised is False
    assert findings["network"].holds is None
    assert "the network" in findings["network"].how
    assert findings["time by the clock"].holds is True


def test_an_empty_promise_is_found_out() -> None:
    """And canaries that do harm are not let loose where nothing would hold them."""
    sandbox = BoastfulSandbox()
    findings = {finding.name: finding for finding in check(sandbox, quick=True)}
    sandbox.close()
    assert findings["files of this machine"].holds is False
    for name in ("memory of all processes", "number of processes", "disk space"):
        assert findings[name].holds is None
        assert "not tried" in findings[name].how


def test_a_sandbox_that_does_not_keep_its_promises_is_refused() -> None:
    """The promise is named, what was seen, and what to do."""
    sandbox = BoastfulSandbox()
    with pytest.raises(SandboxUnavailable, match=r"files of this machine.*evolve sandbox check") as refused:
        prove(sandbox)
    sandbox.close()
    assert refused.value.exit_code == 5


def test_a_check_that_went_well_is_remembered() -> None:
    """Once for an identity; another one is checked again."""
    one, again, other = Known("one"), Known("one"), Known("other")
    tried = [prove(sandbox) for sandbox in (one, again, other)]
    for sandbox in (one, again, other):
        sandbox.close()
    assert tried == [True, False, True]
    assert [sandbox.opened for sandbox in (one, again, other)] == [1, 0, 1]


def test_what_was_remembered_of_another_boot_is_forgotten(cache: Path) -> None:
    """It would pile up."""
    old = cache / "evolve" / "checks" / "an-earlier-boot"
    old.mkdir(parents=True)
    sandbox = Known("one")
    prove(sandbox)
    sandbox.close()
    assert not old.exists()


def test_a_sandbox_that_promises_nothing_is_not_tried() -> None:
    """There is nothing to prove."""
    sandbox: Sandbox = ProcessSandbox()
    assert prove(sandbox) is False
