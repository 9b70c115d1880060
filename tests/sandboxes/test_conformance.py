"""Every sandbox that comes along passes the conformance suite."""

from __future__ import annotations

from functools import partial

from evolve.sandboxes.bubblewrap import BubblewrapSandbox
from evolve.sandboxes.docker import DockerSandbox
from evolve.sandboxes.process import ProcessSandbox
from evolve.testing.sandboxes import SandboxSuite, available
from evolve.types import Sandbox


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
