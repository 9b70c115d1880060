"""The supervisor: takes one candidate after another, runs it, watches it, and relays calls to it.

It is the only process here that talks to the engine. It never runs a candidate's code and never looks into the values
that it passes on; how long something took, how much memory it used and how it ended is measured here.

    prepare  modules: imports them for the candidates to come, as far as they are known to be worth it
    load   files [[path, executable, append]], module; buffers: the contents. Is not answered.
    call   function, map (bool), timeout, cpu, told; buffers: the packed arguments
    run    argv, timeout, cpu, told; buffers: standard input
    end    kills what is left, wipes the folder and all others that could be written, says what it took, which modules
           it is worth to `prepare` the next session with, and `unclean`: why another program should not follow, or ""

Each but one is answered by one frame, with `op` "done" (which may carry a result) or "stopped" (with `kind` and
`error`).

After a candidate of which a call was asked first, and that is gone, the process of the next one is forked ahead: it is
of a user whom nobody has had, and waits for the first call.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from conversation import Conversation
from frames import Frame, Incoming
from frames import write as write_frame
from ground import Ground
from guard import EngineGone, Guard
from launcher import Launcher
from output import Output
from tree import clean_environment
from watch import Stopped, Watch

_CHUNK, _MORE = 2**16, 2**18  # bytes that are read at once, at first and when a frame is longer
_ERROR = 20_000  # characters of an error that are passed on
_SHOWN = 4_000  # characters of the output that go with an error
_SOON, _LATE = 5.0, 20.0  # seconds that a zygote has to fork, and one that was started anew because it did not
_ONCE = "a session for each program: there are no users to tell them apart, or what is at hand here is for one alone"


def serve(settings: dict[str, Any]) -> int:
    """Serve candidates until the engine closes the session or is gone."""
    guard = Guard(settings)
    return guard.run(Supervisor(guard, settings).run)


class Supervisor:
    """Serves one request at a time; see the module for what they are."""

    def __init__(self, guard: Guard, settings: dict[str, Any]) -> None:
        self._tree, self._loop = guard.tree, guard.loop
        self._into, self._out = guard.into, guard.out
        self._limits: dict[str, int] = settings["limits"]
        self._processes: int | None = settings["processes"]
        self._users = guard.users
        self._ground = Ground(guard.users, guard.scratch, settings["emptied"])
        self._work = self._ground.work
        self._once = _ONCE if settings["once"] else ""
        self._doubt, self._left, self._unclean, self._loaded = self._once, "", "", False
        self._first = "call"  # that was asked of the last candidate; nobody can know of the first one
        self._oom_kills = self._tree.oom_kills()
        self._environment = clean_environment(self._work, sys.executable, settings["gateway"])
        self._module = ""
        self._conversation: Conversation | None = None
        self._ahead: Conversation | None = None
        told = {"folder": self._work, "limits": self._limits, "processes": self._processes}
        self._launcher = Launcher(self._tree, self._spawn_zygote, told, apart=guard.users is not None)
        self._requests = Incoming(2**32)
        self._loop.watch(guard.into, self._read)

    def run(self) -> None:
        """Serve requests. Raises `Closed` or `EngineGone`."""
        self._launcher.prepare()
        while True:
            request = self._requests.take()
            if request is None:
                self._loop.turn(None)
            elif request.head["op"] == "load":
                self._load(request)
            else:
                write_frame(self._out, self._answer(request))
                if request.head["op"] in {"prepare", "end"}:
                    self._look_ahead()

    def _read(self) -> None:
        data = os.read(self._into, _MORE if len(self._requests) else _CHUNK)
        if not data:
            raise EngineGone
        self._requests.feed(data)

    def _answer(self, request: Frame) -> Frame:
        match request.head["op"]:
            case "prepare":
                return self._prepare(request)
            case "call":
                return self._stoppable(self._call, request)
            case "run":
                return self._stoppable(self._run, request)
            case "end":
                return self._end()
            case other:
                raise ValueError(f"no such request: {other!r}")

    def _prepare(self, request: Frame) -> Frame:
        self._drop_ahead()
        self._launcher.learn(request.head["modules"])
        self._launcher.prepare()
        self._launcher.wait()
        return Frame({"op": "done"})

    def _load(self, request: Frame) -> None:
        if self._loaded:
            self._end()
        if self._left:
            raise OSError(self._left)
        if self._users is not None and self._ahead is None:
            self._users.another()
        self._loaded, self._first = True, ""
        self._ground.fill(request.head["files"], request.buffers)
        self._module = request.head["module"]

    def _look_ahead(self) -> None:
        """Have a process forked for the next candidate, when the last one needed one and nothing else is there now."""
        if self._unclean or self._first != "call" or not self._launcher.ready:
            return
        if self._users is not None:
            self._users.another()
        with contextlib.suppress(OSError):  # a zygote that takes no requests is seen by who needs it
            self._ahead = self._open()

    def _drop_ahead(self) -> None:
        """The process that waits is not needed. It is there before it is killed, so that it does not come later."""
        if self._ahead is None:
            return
        ahead, self._ahead = self._ahead, None
        try:
            ahead.begin(_SOON)
            self._tree.end(ahead.pid)
        except OSError as error:
            self._doubt = self._doubt or str(error)
            self._launcher.stop()
        finally:
            ahead.close()
            self._tree.reset()  # what it took is on nobody's account

    def _end(self) -> Frame:
        self._drop_ahead()
        self._kill()
        self._left = self._ground.clear()
        self._unclean = self._left or self._doubt
        if not self._launcher.alive:
            self._unclean = self._unclean or "somebody has ended or stopped the zygote"
        if self._tree.oom_kills() != self._oom_kills:
            self._unclean = self._unclean or "the kernel killed something for memory"
        took = {"cpu_seconds": self._tree.cpu(), "memory_bytes": self._tree.memory_bytes}
        self._tree.reset()
        self._launcher.prepare()
        self._doubt, self._oom_kills, self._loaded = self._once, self._tree.oom_kills(), False
        return Frame({"op": "done", **took, "modules": self._launcher.wanted, "unclean": self._unclean})

    def _kill(self) -> None:
        if self._conversation is not None:
            self._tree.end(self._conversation.pid)
        if not self._tree.kill():
            raise OSError("a process of the candidate cannot be killed")
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def _kill_but(self, stay: frozenset[int]) -> None:
        if not self._tree.kill(keep=stay):
            raise Stopped("failed", "stopped for starting processes faster than they can be ended")

    def _stoppable(self, serve: Callable[[Frame], Frame], request: Frame) -> Frame:
        self._first = self._first or request.head["op"]
        try:
            return serve(request)
        except Stopped as stopped:
            output = self._conversation.output.head(_SHOWN) if self._conversation else ""
            if stopped.kind == "memory" or stopped.garbage:
                self._doubt = self._doubt or str(stopped)
            self._kill()
            return _stopped(stopped.kind, f"{request.head.get('function', 'run')}: {stopped}", output)

    def _watch(self, request: Frame) -> Watch:
        head = request.head
        return Watch(self._tree, self._limits, head["timeout"], head["cpu"], head.get("told", ""))

    def _call(self, request: Frame) -> Frame:
        if self._conversation is None:
            self._conversation = self._converse()
        # the clock starts here: the process is ready to run the candidate's first line
        watch = self._watch(request)
        head = {"function": request.head["function"], "map": request.head["map"], "module": self._module}
        answer = self._conversation.ask(Frame(head, request.buffers), watch.until)
        self._launcher.learn(answer.head.get("used"))
        kind, error = answer.head.get("kind"), answer.head.get("error")
        if kind is None and len(answer.buffers) == 2:
            return Frame({"op": "done", "seconds": watch.seconds}, answer.buffers)
        if not (isinstance(kind, str) and isinstance(error, str) and kind in {"failed", "memory", "data"}):
            raise Stopped("failed", "the program wrote to a descriptor that is not its own", garbage=True)
        return _stopped(kind, error, self._conversation.output.tail(_SHOWN))

    def _converse(self) -> Conversation:
        """A zygote that does not answer at once is replaced: what it was, or what was done to it, does not matter."""
        try:
            return _begun(self._ahead or self._open(), _SOON)
        except OSError as error:
            self._doubt = self._doubt or str(error)
            self._launcher.stop()
            return _begun(self._open(), _LATE)
        finally:
            self._ahead = None

    def _open(self) -> Conversation:
        return Conversation(self._loop, self._tree, self._launch, self._limits)

    def _launch(self, channel: int, output: int) -> None:
        self._launcher.launch(channel, output, self._users.candidate if self._users else 0)

    def _spawn_zygote(self, argv: list[str], control: int) -> int:
        # without limits of its own: each candidate sets them, beyond what it came with
        descriptors = {0: 0, 1: 1, 2: 2, 3: control}
        return self._tree.spawn(
            argv, descriptors=descriptors, folder="/", environment=self._environment, limits=None, helper=True
        )

    def _spawn(self, argv: list[str], descriptors: dict[int, int]) -> int:
        return self._tree.spawn(
            argv,
            descriptors=descriptors,
            folder=self._work,
            environment=self._environment,
            limits=self._limits,
            processes=self._processes,
        )

    def _run(self, request: Frame) -> Frame:
        """Run an executable to its end; the candidate's own process, if there is one, goes on beside it."""
        self._drop_ahead()
        stay = frozenset(self._tree.below(self._conversation.pid) if self._conversation else ())
        cpu, memory, self._tree.memory_bytes = self._tree.cpu(), self._tree.memory_bytes, 0
        counted, oom_kills = self._tree.counted(), self._tree.oom_kills()
        outputs = [Output(self._loop, self._limits["output_bytes"]) for _ in range(2)]
        watch = self._watch(request)
        try:
            pid = self._start_with_input(request.head["argv"], request.buffers[0], outputs, watch)
            while pid not in self._tree.exits:
                self._loop.turn(watch.until())
            seconds = watch.seconds
            self._kill_but(stay)
            if self._tree.exits[pid]:
                self._blame_memory(oom_kills)
            head = {
                "op": "done",
                "returncode": self._tree.exits[pid],
                "seconds": seconds,
                # in so short a time nothing else runs in the control group, so what it says more was hidden from us
                "cpu_seconds": max(self._tree.cpu() - cpu, self._tree.counted() - counted),
                "memory_bytes": self._tree.memory_bytes,
            }
            printed = tuple(output.drain() for output in outputs)
            return Frame({**head, "cut": [output.cut for output in outputs]}, printed)
        except Stopped as stopped:
            self._kill()
            name = request.head["argv"][0]
            return _stopped(stopped.kind, f"{name}: {stopped}", "".join(output.head(_SHOWN) for output in outputs))
        finally:
            for output in outputs:
                output.close()
            self._tree.memory_bytes = max(memory, self._tree.memory_bytes)

    def _blame_memory(self, oom_kills: int | None) -> None:
        """Raises `Stopped` when the kernel has killed something for memory since it had killed so many.

        What had started it, such as a compiler, says so in words of its own, and exits as for any other error.
        """
        if self._tree.oom_kills() != oom_kills:
            most = self._limits["memory_bytes"] >> 20
            raise Stopped("memory", f"killed for using more than {most} MiB of memory")

    def _start_with_input(self, argv: list[str], data: bytes, outputs: list[Output], watch: Watch) -> int:
        """Start a program and write all of its standard input, as far as it wants to read it. Returns its pid."""
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            pid = self._spawn(argv, {0: reader, 1: outputs[0].writer, 2: outputs[1].writer})
        finally:
            os.close(reader)
        for output in outputs:
            output.started()
        try:
            os.set_blocking(writer, False)
            self._loop.write(writer, data, watch.until)
        finally:
            os.close(writer)
        return pid


def _begun(conversation: Conversation, patience: float) -> Conversation:
    try:
        conversation.begin(patience)
    except OSError:
        conversation.close()
        raise
    return conversation


def _stopped(kind: str, error: str, output: str) -> Frame:
    return Frame({"op": "stopped", "kind": kind, "error": error[:_ERROR], "output": output})
