"""What a gateway adds to a call: milliseconds over asking directly, and how busy 64 callers keep a slow model.

python benchmarks/gateway.py [CALLS]

The model answers at once, so what is measured is ours: the socket, HTTP, the lease, the meter and the transcript, which
is synced to the disk twice for each call in all rows. Callers are threads of the same process, and pay for that. In the
second part an answer takes 200 ms, and 64 callers ask one after another.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from evolve.budget import Budget
from evolve.models.gateway import Gateway, Lease
from evolve.models.gateway_http import Bounds
from evolve.models.meter import Meter
from evolve.models.transcript import Transcript
from evolve.testing.gateways import Line
from evolve.testing.models import ScriptedModel
from evolve.types import Request

PROMPT = "What could be better in this program?\n" + "x = 1\n" * 500
ANSWER = "x = 2\n" * 200
LEASE = Lease(calls=10**6, tokens=10**12, nanodollars=10**15, seconds=3600, models=("fast", "slow"))
CALLERS, LATENCY, EACH = 64, 0.2, 10


def milliseconds(calls: int, ways: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
    """How long each call took, in turns, so that a machine with other work to do is so for all."""
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(calls):
        for way, work in ways.items():
            start = time.perf_counter()
            work()
            took[way].append(1000 * (time.perf_counter() - start))
    return took


def post(line: Line, model: str) -> None:
    """One call on a connection."""
    said = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": 1000}
    line.request("POST", "/v1/chat/completions", json.dumps(said))
    response = line.getresponse()
    response.read()
    assert response.status == 200


def shown(name: str, took: list[float]) -> None:
    """One row."""
    ordered = sorted(took)
    quarter, middle, late = (ordered[int(part * len(ordered))] for part in (0.25, 0.5, 0.99))
    print(f"{name:34} {quarter:6.2f} ms at 25 %  {middle:6.2f} ms median  {late:6.2f} ms at 99 %")


def together(name: str, caller: Callable[[], None]) -> None:
    """What becomes of many callers at a time."""
    threads = [threading.Thread(target=caller) for _ in range(CALLERS)]
    cpu, start = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    waited, each = EACH * LATENCY / seconds, 1000 * cpu / CALLERS / EACH
    print(f"{CALLERS} callers {name:24} {waited:4.0%} of their time is the model's, {each:.2f} ms of CPU a call")


def main(calls: int) -> None:
    """Print the figures."""

    def slowly(_request: Request) -> str:
        time.sleep(LATENCY)
        return ANSWER

    fast, slow = ScriptedModel(lambda _: ANSWER, name="fast"), ScriptedModel(slowly, name="slow")
    with tempfile.TemporaryDirectory() as name, closing(Transcript(Path(name, "t.jsonl"))) as transcript:
        relay = Meter(Budget(), transcript).relay(1)
        request = Request(messages=(("user", PROMPT),), max_tokens=1000)
        gateway = Gateway(LEASE, relay, [fast, slow], folder=Path(name), bounds=Bounds(at_once=CALLERS))
        with closing(gateway), closing(Line(gateway.socket)) as line:

            def anew() -> None:
                with closing(Line(gateway.socket)) as other:
                    post(other, "fast")

            ways: dict[str, Callable[[], object]] = {
                "asked directly": lambda: relay(fast, request),
                "through it, on one connection": lambda: post(line, "fast"),
                "through it, on a new connection": anew,
            }
            for way, took in milliseconds(calls, ways).items():
                shown(way, took)

            def directly() -> None:
                for _ in range(EACH):
                    relay(slow, request)

            def through() -> None:
                with closing(Line(gateway.socket)) as mine:
                    for _ in range(EACH):
                        post(mine, "slow")

            together("asked directly", directly)
            together("through it", through)
        opening = {"opened and closed": lambda: Gateway(LEASE, relay, [fast, slow], folder=Path(name)).close()}
        shown(*milliseconds(100, opening).popitem())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
