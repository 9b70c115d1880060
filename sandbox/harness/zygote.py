"""The zygote: forks candidates' processes. It is told nothing but where their folder is, and never sees a byte of them.

It imports once what programs import most, and the modules in its settings. For each message on descriptor 3 that
brings the channel and the output of a candidate, it forks a process and hands that over to the supervisor.
"""

from __future__ import annotations

import sys

_AT_START = frozenset(sys.modules)  # no program can have its own of these

import gc  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import socket  # noqa: E402
import types  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FLAGS = ("-s", "-P", "-B")
READY = b"\1"
"""What it says when it has imported everything, and to a message that brings nothing."""
_CONTROL = 3
_USUAL = (
    "abc",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "inspect",
    "itertools",
    "json",
    "math",
    "numbers",
    "operator",
    "queue",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "time",
    "traceback",
    "typing",
)
_ASKING = ("http.client", "pathlib")
"""What programs import besides that have a gateway to ask: more than half of the time that one takes to start."""


def main() -> None:
    """Fork until the supervisor closes the control socket."""
    settings = json.loads(sys.argv[1])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import candidate  # noqa: PLC0415 - from beside this file, and only now found there
    import frames  # noqa: PLC0415
    import proc  # noqa: PLC0415
    import sibling  # noqa: PLC0415
    import tree  # noqa: PLC0415
    import users  # noqa: PLC0415

    ours = types.SimpleNamespace(candidate=candidate, frames=frames, proc=proc, tree=tree, users=users)
    tree.set_dumpable(False)  # a candidate of the same user could write into what the next one is forked from
    for name in ("candidate", "frames", "proc", "sibling", "tree", "users"):
        del sys.modules[name]  # a program may have files of these names
    del sys.path[0]
    _import(settings)
    gc.collect()
    gc.freeze()  # so that a candidate's collector does not touch, and thereby copy, every page that is shared
    forker = sibling.Forker()
    control = socket.socket(fileno=_CONTROL)
    control.send(READY)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 4, 2)
        if not message:
            return
        if not descriptors:
            control.send(READY)
            continue
        if forker.fork():
            try:
                control.close()
                _begin(ours, settings, descriptors, int.from_bytes(message, "little"))
            finally:
                os._exit(70)  # the channel is closed, by the program or by the supervisor
        for descriptor in descriptors:
            os.close(descriptor)


def _import(settings: dict[str, Any]) -> None:
    asking = _ASKING if "EVOLVE_GATEWAY" in os.environ else ()
    for name in (*_USUAL, *asking, *settings["modules"]):
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001, S110 - a module may raise anything; a program that needs it will say so
            pass
    if settings["modules"] and len(os.listdir("/proc/self/task")) > 1:
        # one of them has started threads, which no fork would have: without them, then
        argv = [sys.executable, *FLAGS, __file__, json.dumps({**settings, "modules": []})]
        os.execv(sys.executable, argv)


def _begin(ours: Any, settings: dict[str, Any], descriptors: list[int], user: int) -> None:
    channel, output = descriptors
    os.dup2(channel, ours.candidate.CHANNEL, inheritable=False)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(channel)
    os.close(output)
    os.setsid()
    if user:
        _give_up_all(ours.users, user)
    ours.tree.die_with_parent(settings["supervisor"])
    ours.tree.set_dumpable(True)  # so that the supervisor sees what it uses
    ours.tree.limit(settings["limits"], settings["processes"], ours.proc.data_bytes())
    ours.frames.write(ours.candidate.CHANNEL, ours.frames.Frame({"pid": os.getpid()}))
    ours.candidate.serve(ours.frames, settings["folder"], lambda: _enter(settings["folder"]))


def _give_up_all(users: Any, user: int) -> None:
    """Become that user, or end: not a byte of the candidate's is read before."""
    try:
        users.become(user)
    except OSError as error:
        os.write(2, f"{error}\n".encode())
        os._exit(71)


def _enter(folder: str) -> None:
    os.chdir(folder)
    _make_room()
    sys.path.insert(0, folder)
    sys.argv = [folder]


def _make_room() -> None:
    """Forget what was imported here when the program has a file or folder of that name: its own is found then."""
    own = {name.partition(".")[0] for name in os.listdir()} & sys.modules.keys()
    for name in own - _AT_START:
        for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
            del sys.modules[module]


if __name__ == "__main__":
    main()
