"""Which sandbox to use: the strongest that is proven to work here, and why not a stronger one."""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass

from evolve.errors import SandboxFault, SandboxUnavailable, TaskError, UnsafeRefused
from evolve.frames import Frame
from evolve.sandboxes.guarantees import Guarantee, missing
from evolve.sandboxes.recipe import Surroundings
from evolve.types import Limits, Sandbox

__all__ = ["NAMES", "Choice", "Probe", "choose", "consider", "probe", "require_able", "require_safe"]

NAMES = ("docker", "bubblewrap", "process")
"""The sandboxes that come along, the strongest first."""

_USUAL = Surroundings()
_QUICK = 5  # seconds for each request to a Docker engine that may be stuck
_PATIENCE = 30.0  # seconds until a harness has answered for the first time
_ISOLATION = {Guarantee.FILES, Guarantee.NETWORK, Guarantee.PROCESSES}


@dataclass(frozen=True)
class Probe:
    """Whether a sandbox works here. `reason` says why it does not and what to do, or what was found."""

    name: str
    works: bool
    reason: str
    weaknesses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """The sandbox to use, and those stronger ones that do not work here."""

    sandbox: Sandbox
    passed_over: tuple[Probe, ...] = ()


def choose(name: str, surroundings: Surroundings = _USUAL) -> Sandbox:
    """The sandbox of that name; "auto" is the strongest that works here. See `consider`, which says more."""
    return consider(name, surroundings).sandbox


def consider(name: str, surroundings: Surroundings = _USUAL) -> Choice:
    """The sandbox that `name` means: one of `NAMES`, "auto", or "module:attribute" of one's own.

    Each is proven first: a session is opened and answers. "auto" takes Docker only if its image is there or can be
    built at once from what is on this machine; asking for "docker" builds it whatever that takes. With `surroundings`
    that only docker can give, "auto" means docker.
    Raises `SandboxUnavailable` when it does not work here, `TaskError` when there is no such sandbox or when it cannot
    give what the task asks for.
    """
    if name == "auto" and surroundings.asked:
        name = "docker"
    if name == "auto":
        return _strongest()
    require_able(name, surroundings)
    if name == "docker":
        return Choice(_proven(_docker(surroundings)))
    if name in NAMES:
        return Choice(_proven(_make(name)))
    return Choice(_plugin(name))


def require_able(name: str, surroundings: Surroundings) -> None:
    """Raise `TaskError` when a task asks for surroundings that the sandbox of that name does not have."""
    if surroundings.asked and name != "docker":
        raise TaskError(
            f"this task asks for {', '.join(surroundings.asked)} in [sandbox] of its task.toml, which only the docker "
            f"sandbox has, and not {name}: use --sandbox docker, or remove them from the task"
        )


def probe() -> list[Probe]:
    """Try every sandbox that comes along, the strongest first."""
    probes = []
    for name in NAMES:
        result, sandbox = _try(name)
        if sandbox is not None:
            sandbox.close()
        probes.append(result)
    return probes


def require_safe(sandbox: Sandbox, *, untrusted: bool, allow_unsafe: bool) -> None:
    """Raise `UnsafeRefused` when untrusted code would run without isolation and nobody allowed it.

    Untrusted is what a model wrote, and every scaffold that was evolved; not built-in mutation of the user's program.
    """
    open_to = _ISOLATION & missing(sandbox)
    if untrusted and open_to and not allow_unsafe:
        raise UnsafeRefused(
            f"the programs of this run are written by a model or by another program, and the {sandbox.name} sandbox "
            "does not isolate them from this machine. Install Docker or bubblewrap (evolve doctor says how), or allow "
            "it with --allow-unsafe"
        )


def _strongest() -> Choice:
    passed_over: list[Probe] = []
    for name in NAMES:
        result, sandbox = _try(name)
        if sandbox is not None:
            return Choice(sandbox, tuple(passed_over))
        passed_over.append(result)
    raise SandboxUnavailable(
        "no sandbox works here. " + " ".join(f"{passed.name}: {passed.reason}." for passed in passed_over)
    )


def _try(name: str) -> tuple[Probe, Sandbox | None]:
    try:
        sandbox = _proven(_make(name))
    except SandboxUnavailable as error:
        return Probe(name, False, str(error)), None
    return Probe(name, True, "a session opened and answered", sandbox.weaknesses), sandbox


def _make(name: str) -> Sandbox:
    match name:
        case "docker":
            return _docker_in_haste()
        case "bubblewrap":
            from evolve.sandboxes.bubblewrap import BubblewrapSandbox  # noqa: PLC0415 - only what is used is loaded

            return BubblewrapSandbox()
        case _:
            from evolve.sandboxes.process import ProcessSandbox  # noqa: PLC0415

            return ProcessSandbox()


def _docker(surroundings: Surroundings) -> Sandbox:
    from evolve.sandboxes.docker import DockerSandbox  # noqa: PLC0415

    return DockerSandbox(surroundings)


def _docker_in_haste() -> Sandbox:
    from evolve.sandboxes.engines import connect, reachable  # noqa: PLC0415
    from evolve.sandboxes.images import base_image, find_image  # noqa: PLC0415

    with reachable("the Docker engine does not answer in time"), contextlib.closing(connect(_QUICK)) as client:
        base = base_image(client)
        if find_image(client) is None and not (base and base.ready):
            raise SandboxUnavailable(
                "the Docker engine works, and its image is not built yet; `evolve sandbox build` builds it, once"
            )
    return _docker(_USUAL)


def _proven(sandbox: Sandbox) -> Sandbox:
    """The sandbox itself, after a session of it has answered. Raises `SandboxUnavailable`."""
    try:
        _round_trip(sandbox)
    except SandboxUnavailable:
        sandbox.close()
        raise
    except (SandboxFault, TimeoutError) as error:
        sandbox.close()
        raise SandboxUnavailable(f"the {sandbox.name} sandbox does not work here: {error}") from None
    return sandbox


def _round_trip(sandbox: Sandbox) -> None:
    session = sandbox.open("candidate", Limits())
    try:
        session.send(Frame({"op": "end"}))
        session.receive(_PATIENCE)
    finally:
        session.close()


def _plugin(name: str) -> Sandbox:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise TaskError(
            f"there is no sandbox {name!r}; use auto, {', '.join(NAMES)} or one of your own as module:attribute"
        )
    try:
        made: Sandbox = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError) as error:
        raise TaskError(f"the sandbox {name!r} cannot be loaded: {error}") from error
    return made
