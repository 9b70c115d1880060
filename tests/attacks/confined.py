"""Goes with every attack as its program.py: refuses to import it where it could do harm, and lends it a hand."""

import ctypes
import errno
import importlib
import json
import os
import re
import resource
import stat
import sys
import time
import types
from pathlib import Path
from typing import Any

_REFUSED = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EPROTONOSUPPORT}
_SECRET = re.compile(rb"canary-[a-z]+-[0-9a-f]{32}")


class World:
    """What an attack is told, and what many of them need."""

    def __init__(self) -> None:
        self.order: dict[str, Any] = json.loads(Path("order.json").read_text(encoding="utf-8"))
        self.mark: str = self.order["mark"]
        """In the command line of a process that must be found if it stays."""
        self.place: str = self.order["place"]
        """A folder of the machine, with secret.txt, kept/file and socket."""
        self.limits: dict[str, int] = self.order["limits"]
        self.apart: bool = self.order["apart"]
        self.claims: list[str] = []
        self.libc = ctypes.CDLL(None, use_errno=True)

    def check(self) -> None:
        """Go no further in a namespace of the engine's. An attack that says it is harmless is told of none."""
        for name, number in self.order["engine"].items():
            if os.readlink(f"/proc/self/ns/{name}") == number:
                raise SystemExit(f"refused: this process has the {name} namespace of the engine")

    def others(self) -> list[int]:
        """The processes in sight, this one and those it has started aside."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    with open(f"/proc/{name}/stat", "rb") as file:
                        parent = int(file.read().rpartition(b")")[2].split()[1])
                except OSError:
                    continue
                if parent != os.getpid():
                    found.append(int(name))
        return found

    def error(self, name: str, *arguments: Any) -> int:
        """Make a system call: 0 when it worked, else the error's number."""
        if name not in self.order["numbers"]:
            return errno.ENOSYS
        ctypes.set_errno(0)
        plain = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
        plain += [ctypes.c_long(0)] * (6 - len(plain))
        result = self.libc.syscall(ctypes.c_long(self.order["numbers"][name]), *plain)
        return ctypes.get_errno() if result == -1 else 0

    def reached(self, name: str, *arguments: Any) -> list[str]:
        """Make a system call: what to claim unless it was refused. One that fails for its arguments was not."""
        number = self.error(name, *arguments)
        return [] if number in _REFUSED else [f"{name}: {os.strerror(number) if number else 'worked'}"]

    def secrets(self, data: bytes) -> list[str]:
        """The secrets of others that are in the data."""
        own = self.order["secret"]
        return sorted({found.decode() for found in _SECRET.findall(data)} - {own})

    def channels(self) -> list[int]:
        """The sockets that this process was born with."""
        found = []
        for name in os.listdir("/proc/self/fd"):
            try:
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    found.append(int(name))
            except OSError:
                continue
        return found

    def frame(self, head: Any, *buffers: bytes) -> bytes:
        """A frame as it goes over the wire; the head is an object, or text to be taken as it is."""
        if not isinstance(head, str):
            head = json.dumps({**head, "buffers": [len(buffer) for buffer in buffers]})
        text = head.encode(errors="surrogatepass")
        rest = b"".join((len(text).to_bytes(4, "big"), text, *buffers))
        return len(rest).to_bytes(4, "big") + rest

    def tell(self, data: bytes) -> None:
        """Write to the channel behind the harness's back."""
        for channel in self.channels():
            os.write(channel, data)

    def stay(self, seconds: float = 60.0) -> None:
        """Become a process that can be found from outside, and sleep."""
        os.execvp("sleep", [self.mark, str(seconds)])

    def claim(self, what: str) -> None:
        """Say at once what is reached, for whoever may be killed before an answer."""
        self.claims.append(what)
        print(f"claim: {what}", flush=True)

    def harness(self) -> Any:
        """The module in this process that makes frames and data, found among what this was called with."""
        frame: types.FrameType | None = sys._getframe()
        while frame is not None:
            for item in frame.f_locals.values():
                if isinstance(item, types.ModuleType) and {"pack", "unpack", "write"} <= vars(item).keys():
                    return item
            frame = frame.f_back
        raise LookupError("the harness's own module is not to be found: this attack has to be written anew")

    def until(self, seconds: float) -> Any:
        """Go on for so long: the numbers of the turns."""
        end, turn = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            yield turn
            turn += 1


world = World()
world.check()
_attack = importlib.import_module("attack")


def attack() -> Any:
    """The attack itself."""
    try:
        said = _attack.attack(world)
    except (BlockingIOError, RuntimeError):
        if resource.getrlimit(resource.RLIMIT_NPROC)[0] != 1:
            raise
        return world.claims  # where nobody may start a process or a thread, this attack ends when it does
    return [*said, *world.claims] if isinstance(said, list) else said


def collect() -> Any:
    """What the next candidate does, to find what the attack has left for it."""
    return _attack.collect(world)


def victim() -> Any:
    """What another candidate does meanwhile."""
    return _attack.victim(world)


def solve(question: Any) -> Any:
    """An answer to one of the evaluator's questions."""
    return _attack.solve(world, question)


if __name__ == "__main__":
    _attack.main(world)
