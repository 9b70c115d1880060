"""Leaves shared memory and semaphores in /dev/shm, under names that a later candidate knows."""

from multiprocessing import resource_tracker, shared_memory
from typing import Any


def attack(_world: Any) -> list[str]:
    """Without the tracker that would remove them with their process."""
    try:
        memory = shared_memory.SharedMemory("left", create=True, size=4096)
    except OSError:
        return []
    resource_tracker.unregister("/left", "shared_memory")
    memory.close()
    return []


def collect(_world: Any) -> list[str]:
    """Look whether it is there."""
    try:
        memory = shared_memory.SharedMemory("left")
    except OSError:
        return []
    resource_tracker.unregister("/left", "shared_memory")
    memory.close()
    return ["shared memory is left"]
