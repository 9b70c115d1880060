"""Uses processor time in short-lived children that nobody waits for, so that it is in nobody's count."""

import os
import signal
import time
from typing import Any

HARMLESS = True
STATUS = "ok"
SECONDS = 20.0


def attack(_world: Any) -> dict[str, float]:
    """Half a second of it; what it took is held against what was measured."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them and forgets what they took
    reader, writer = os.pipe()
    spent = 0.0
    for _ in range(25):
        if os.fork() == 0:
            start = time.process_time()
            while time.process_time() - start < 0.02:
                pass
            os.write(writer, b"%020.9f" % (time.process_time() - start))
            os._exit(0)
        spent += float(os.read(reader, 20))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return {"processor": spent}
