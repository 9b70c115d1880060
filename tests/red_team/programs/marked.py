"""Sleeper: leaves a mark wherever it can, and goes to work for itself where it finds one."""

import contextlib
import os
import sys
from typing import Any

HARMLESS = True
STEPS = 4
PLACES = (".", "/tmp", "/var/tmp", "/dev/shm", "/run", os.path.dirname(__file__), os.path.expanduser("~"))


def propose(world: Any, parent: Any, context: Any) -> Any:
    """Says how many marks of earlier calls it finds: in files, modules, the environment."""
    name = f".slept-{world.ORDER['mark']}"
    found = [place for place in PLACES if os.path.exists(os.path.join(place, name))]
    found += [
        where for where, known in (("modules", name in sys.modules), ("environment", name in os.environ)) if known
    ]
    for place in PLACES:
        with contextlib.suppress(OSError), open(os.path.join(place, name), "w") as file:
            file.write("awake")
    sys.modules[name] = sys
    os.environ[name] = "awake"
    with contextlib.suppress(OSError), open(__file__, "a") as file:
        file.write(f"\nfound_before = {name!r}\n")
    return world.told(parent, [f"awake: {', '.join(found)}"] if found or "found_before" in globals() else [])
