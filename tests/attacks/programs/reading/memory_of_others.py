"""Reads the memory of the supervisor, the zygote and whatever else is in sight, and writes to it."""

import ctypes
import os
from typing import Any


class _Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def attack(world: Any) -> list[str]:
    """By /proc/PID/mem and by process_vm_readv; opening it for writing is enough of a proof."""
    found = []
    here = (_Vector * 1)(_Vector(ctypes.cast(ctypes.create_string_buffer(64), ctypes.c_void_p).value, 64))
    for pid in world.others():
        for mode in (os.O_RDONLY, os.O_RDWR):
            try:
                os.close(os.open(f"/proc/{pid}/mem", mode))
                found.append(f"/proc/{pid}/mem can be opened with mode {mode}")
            except OSError:
                continue
        calls = ("process_vm_readv", "process_vm_writev")  # which also say when there is nothing at the address
        found += [f"{call} of {pid}" for call in calls if world.error(call, pid, here, 1, here, 1) in (0, 14)]
        try:
            with open(f"/proc/{pid}/maps") as maps:
                found += [f"the map of process {pid} can be read"] if maps.read() else []
        except OSError:
            continue
    return found
