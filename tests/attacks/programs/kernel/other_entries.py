"""Enters the kernel by the doors of other architectures (i386, x32), where the same number is another call."""

import ctypes
import errno
import mmap
import os
from collections.abc import Callable
from typing import Any

_GETPID_I386 = b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3"  # push rbx; mov eax, 20; int 0x80; pop rbx; ret
_X32 = 0x40000000


def attack(world: Any) -> list[str]:
    """In children, since a filter may kill who tries."""
    if os.uname().machine != "x86_64":
        return []
    found = []
    doors: dict[str, Callable[[], bool]] = {"i386": _i386, "x32": lambda: _x32(world)}
    for name, enter in doors.items():
        child = os.fork()
        if child == 0:
            os._exit(0 if enter() else 1)
        if os.waitpid(child, 0)[1] == 0:
            found.append(f"a call through the entry of {name}")
    return found


def _i386() -> bool:
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(_GETPID_I386)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return bool(ctypes.CFUNCTYPE(ctypes.c_int)(address)() == os.getpid())


def _x32(world: Any) -> bool:
    ctypes.set_errno(0)
    pid = world.libc.syscall(ctypes.c_long(_X32 + 39))
    return bool(pid == os.getpid() and ctypes.get_errno() != errno.ENOSYS)
