"""Every error that `evolve` raises on purpose.

    EvolveError
    ├── TaskError              a task folder or an option is wrong            exit 3
    │   ├── SeedError          the seed program itself cannot be scored       exit 7
    │   └── PluginError        a user's proposer or archive broke its contract
    ├── RunError               a run directory cannot be used                 exit 4
    │   ├── RunNotFound        no such run
    │   ├── RunExists          the name is taken
    │   ├── RunLocked          another process is working on it
    │   ├── RunDamaged         the journal or the repository is broken
    │   └── StorageError       the disk is full, read-only or failing         exit 8
    ├── SandboxUnavailable     the sandbox asked for does not work here       exit 5
    ├── UnsafeRefused          untrusted code would run without isolation     exit 5
    ├── BudgetSpent            too little is left for the next model call     exit 0
    ├── Fault                  the surroundings failed, not the candidate     exit 6
    │   ├── ModelFault         the service of a model
    │   ├── SandboxFault       the sandbox or its daemon
    │   └── LineageError       git
    └── Interrupted            asked to stop before there was a result        exit 130

A bad candidate is never one of these: it is a trial whose status says so. A `Fault` is never a score:
the engine tries again and, if the fault lasts, stops the run so that it can be resumed.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BudgetSpent",
    "EvolveError",
    "Fault",
    "Interrupted",
    "LineageError",
    "ModelFault",
    "PluginError",
    "RunDamaged",
    "RunError",
    "RunExists",
    "RunLocked",
    "RunNotFound",
    "SandboxFault",
    "SandboxUnavailable",
    "SeedError",
    "StorageError",
    "TaskError",
    "UnsafeRefused",
]


class EvolveError(Exception):
    """Base of all errors raised on purpose; the message says what is wrong, where, and what to do."""

    exit_code: ClassVar[int] = 1


class TaskError(EvolveError):
    """A task folder, its `task.toml` or an option is wrong."""

    exit_code = 3


class SeedError(TaskError):
    """The seed program cannot be scored, so no search can start from it."""

    exit_code = 7


class PluginError(TaskError):
    """A proposer or an archive of a user's raised, or gave what its protocol does not allow. The run can be resumed."""


class RunError(EvolveError):
    """A run directory cannot be used."""

    exit_code = 4


class RunNotFound(RunError):
    """There is no run at that path or of that name."""


class RunExists(RunError):
    """A new run was asked for where something already is."""


class RunLocked(RunError):
    """Another process holds the run's lock."""


class RunDamaged(RunError):
    """The journal or the repository of a run contradicts itself."""


class StorageError(RunError):
    """The disk is full, read-only or failing. Nothing that was recorded is lost."""

    exit_code = 8


class SandboxUnavailable(EvolveError):
    """The sandbox that was asked for does not work on this machine."""

    exit_code = 5


class UnsafeRefused(EvolveError):
    """Untrusted code would have run without isolation, and nobody allowed it."""

    exit_code = 5


class BudgetSpent(EvolveError):
    """What is left of the budget does not reach for the call of a model: the run is over, and nothing is wrong.

    `resource` is what there is too little of.
    """

    exit_code = 0

    def __init__(self, message: str, resource: str) -> None:
        super().__init__(message)
        self.resource = resource


class Fault(EvolveError):
    """The surroundings failed, not the candidate. Retried; if it lasts, the run stops and can be resumed."""

    exit_code = 6


class ModelFault(Fault):
    """The service of a model failed. `sent` says whether the request may have been served, and so be charged for.

    `unfit` says that the service refuses this request for what is in it, and would refuse it again.
    """

    def __init__(self, message: str, *, sent: bool, unfit: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.unfit = unfit


class SandboxFault(Fault):
    """The sandbox, its daemon or its harness failed."""


class LineageError(Fault):
    """Git failed or disagrees with the journal."""


class Interrupted(EvolveError):
    """The search was asked to stop before the seed program was scored, so there is no result. It can be resumed."""

    exit_code = 130
