"""Changes everything that a process hands on to what it starts: environment, limits, priority, signals, modules."""

import builtins
import json
import math
import os
import random
import resource
import signal
import sys
import time
from typing import Any

HARMLESS = True


def attack(_world: Any) -> list[str]:
    """Were the next candidate a child of this process, it would inherit all of it."""
    os.environ["PYTHONPATH"] = "/poisoned"
    os.umask(0)
    os.nice(5)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    random.seed(1)
    time.time = lambda: 0.0
    json.dumps = lambda *_, **__: "poisoned"
    math.sqrt = lambda _: 0.0
    builtins.sorted = lambda *_, **__: []
    sys.modules["statistics"] = math
    return []
