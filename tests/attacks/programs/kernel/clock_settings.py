"""Sets the clock, by which everything is timed."""

import struct
import time
from typing import Any


def attack(world: Any) -> list[str]:
    """To what it says already, should that be allowed."""
    now = struct.pack("ll", int(time.time()), 0)
    found = world.reached("clock_settime", 99, now)
    found += world.reached("settimeofday", None, struct.pack("ii", 99999, 99999))
    found += world.reached("adjtimex", None)
    return [*found, *world.reached("clock_adjtime", 99, None)]
