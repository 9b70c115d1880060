"""Every sandbox that comes along passes the conformance suite."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from evolve.errors import SandboxUnavailable
from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.sandboxes import SandboxSuite
from evolve.types import Limits, Sandbox

S = TypeVar("S", bound=Sandbox)


def available(make: Callable[[], S]) -> S:
    """The sandbox, opened once; a machine without it skips, but not in continuous integration."""
    try:
        sandbox = make()
        sandbox.open("candidate", Limits()).close()
    except SandboxUnavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return sandbox


class TestProcess(SandboxSuite):
    """Ordinary processes: no isolation, and the suite says so."""

    def make(self) -> Sandbox:
        return ProcessSandbox()


class TestBubblewrap(SandboxSuite):
    """With a control group where the machine gives one."""

    def make(self) -> Sandbox:
        return available(BubblewrapSandbox)


class TestBubblewrapAlone(SandboxSuite):
    """Without a control group."""

    def make(self) -> Sandbox:
        return available(partial(BubblewrapSandbox, bounded=False))


class TestDocker(SandboxSuite):
    """A container per session."""

    def make(self) -> Sandbox:
        return available(DockerSandbox)
