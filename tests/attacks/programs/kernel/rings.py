"""Sets up io_uring, whose operations no filter on system calls sees."""

import ctypes
from typing import Any


def attack(world: Any) -> list[str]:
    """Setting it up is enough."""
    parameters = ctypes.create_string_buffer(120)
    found = world.reached("io_uring_setup", 4, parameters)
    found += world.reached("io_uring_enter", -1, 0, 0, 0, None, 0)
    found += world.reached("io_uring_register", -1, 0, None, 0)
    return [*found, *world.reached("io_setup", 4, ctypes.create_string_buffer(8))]
