"""Programs that try what a sandbox is there to prevent, and report how far they came.

They start only inside of a session, and are bounded even so: 200 processes, some hundred megabytes. The conformance
suite and `evolve sandbox check` run the same ones.
"""

from __future__ import annotations

import json
import platform
import sys

from evolve.resources import bundled
from evolve.types import Limits

__all__ = ["CURIOUS", "GREEDY", "LIMITS", "ORDINARY", "system_call_numbers"]

LIMITS = Limits(
    memory_bytes=256 * 2**20,
    processes=8,
    disk_bytes=8 * 2**20,
    open_files=64,
    output_bytes=2**16,
    reply_bytes=16 * 2**20,
)
"""Of a session for these programs: small, so that they are soon reached."""

_NEW_USER = 0x10000000  # CLONE_NEWUSER


def system_call_numbers(*names: str) -> dict[str, list[int]]:
    """Name -> number and two harmless arguments, for `system_calls`; empty where the numbers are not known."""
    tables: dict[str, dict[str, int]] = json.loads((bundled("sandbox") / "syscalls.json").read_text(encoding="utf-8"))
    numbers = tables.get(platform.machine(), {}) if sys.platform == "linux" else {}
    return {name: [numbers[name], _NEW_USER if name == "unshare" else 0, 4096] for name in names if name in numbers}


ORDINARY = """
import os, time

def echo(value):
    return value

def environment():
    return dict(os.environ)

def spin():
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass

def take(count):
    return len(bytearray(count))

def flood(count):
    for _ in range(count >> 20):
        print("x" * 2**20)
    return count

def daemon(marker):
    # two forks and a session of its own: nobody's child, in nobody's group
    try:
        child = os.fork()
    except OSError:
        return False
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", [marker, "300"])
        os._exit(0)
    time.sleep(0.3)
    return True
"""

CURIOUS = """
import glob, os, socket

def see(path):
    found = {"exists": os.path.exists(path), "names": []}
    for prefix in ("", "/proc/1/root", "/proc/self/root", "/proc/%d/root" % os.getppid(), "/proc/1/cwd/../../.."):
        try:
            with open(prefix + path, "rb") as file:
                found["names"].append([prefix, file.read().decode()])
        except OSError:
            pass
    return found

def plant(path):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write("planted")
    except OSError as error:
        return str(error)
    return "written"

def connect(addresses):
    reached = []
    for host, port in addresses:
        try:
            socket.create_connection((host, port), timeout=1).close()
            reached.append(host)
        except OSError:
            pass
    return reached

def interfaces():
    with open("/proc/net/dev") as file:
        return [line.split(":")[0].strip() for line in file if ":" in line]

def command_lines():
    lines = []
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                lines.append(file.read().decode(errors="replace"))
        except OSError:
            pass
    return lines

def signal_zero(pid):
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True

def signal_first(number):
    # process 1: the harness, in a namespace of its own
    try:
        os.kill(1, number)
    except OSError:
        pass
    return True

def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip("\\n").split(":\\t", 1) for line in file if ":\\t" in line)

def leave(name):
    for folder in ("/tmp", "/dev/shm", os.getcwd()):
        try:
            open(os.path.join(folder, name), "w").close()
        except OSError:
            pass
    return True

def find(name):
    folders = ("/tmp", "/dev/shm", "/var/tmp")
    return [path for folder in folders for path in glob.glob(folder + "/**/" + name, recursive=True)]

def system_calls(numbers):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    answers = {}
    for name, (number, first, second) in numbers.items():
        ctypes.set_errno(0)
        result = libc.syscall(ctypes.c_long(number), ctypes.c_long(first), ctypes.c_long(second), 0, 0, 0)
        answers[name] = ctypes.get_errno() if result == -1 else 0
    return answers

def writable():
    # what is mounted to be written, and can be
    found = []
    with open("/proc/self/mountinfo") as file:
        for line in file:
            fields = line.split()
            place = fields[4]
            if "rw" in fields[5].split(",") and os.path.isdir(place) and not place.startswith("/proc"):
                if any(os.access(folder, os.W_OK) for folder in below(place)):
                    found.append(place)
    return sorted(set(found))

def below(place):
    # folders of the same mount
    for folder, names, _ in os.walk(place):
        names[:] = [name for name in names if not os.path.ismount(os.path.join(folder, name))]
        yield folder

def kernel():
    return os.uname().release

def limits_of_group():
    # what the kernel says of the control groups that can be seen
    found = {"memory": [], "tasks": []}
    for kind, names in (("memory", ("memory.max", "memory.limit_in_bytes")), ("tasks", ("pids.max",))):
        for name in names:
            for place in glob.glob("/sys/fs/cgroup/" + name) + glob.glob("/sys/fs/cgroup/*/" + name):
                try:
                    with open(place) as file:
                        value = file.read().strip()
                except OSError:
                    continue
                found[kind].append(str(2**63) if value == "max" else value)
    return found

def families(wanted):
    made = []
    for family in wanted:
        try:
            socket.socket(family, socket.SOCK_DGRAM).close()
            made.append(family)
        except OSError:
            pass
    return made
"""

GREEDY = """
import os, time

def fork(count):
    # bounded: at most `count`, and each of them ends by itself
    for number in range(min(count, 200)):
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            time.sleep(3)
            os._exit(0)
        print("started", number + 1, flush=True)
    raise RuntimeError("so that what was printed comes back")

def share(processes, size):
    children = []
    for _ in range(min(processes, 16)):
        pid = os.fork()
        if pid == 0:
            held = bytearray(size)
            held[::4096] = b"x" * len(held[::4096])
            time.sleep(3)
            os._exit(0)
        children.append(pid)
    return [os.waitpid(pid, 0)[1] for pid in children]

def fill(limit):
    total, folders = 0, []
    for root in ["/", "/dev", "/dev/shm", "/tmp", "/var/tmp", "/run", "/run/lock", "/evolve", os.getcwd()]:
        if os.path.isdir(root) and os.access(root, os.W_OK):
            folders.append(root)
    for folder in folders:
        try:
            for number in range(limit >> 20):
                with open(os.path.join(folder, "fill%d" % number), "wb", buffering=0) as file:
                    total += file.write(bytes(2**20))
        except OSError:
            pass
    return total

def inodes(count):
    # bounded: empty files, at most `count`
    folder = os.path.join(os.getcwd(), "inodes")
    made = 0
    try:
        os.mkdir(folder)
        for made in range(1, count + 1):
            os.mknod(os.path.join(folder, str(made)))
    except OSError as error:
        return [made, str(error)]
    return [made, ""]

def open_files(count):
    held = []
    try:
        while len(held) < count:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    return len(held)

def outlive(marker):
    import signal
    for victim in (os.getppid(), 1):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            try:
                os.kill(victim, number)
            except OSError:
                pass
    try:
        child = os.fork()
    except OSError:
        child = 0
    if child == 0:
        os.execvp("sleep", [marker, "300"])
    time.sleep(300)
"""
