"""An event loop on a thread of its own, for what only an event loop can do: end any wait at a deadline or at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

__all__ = ["Background", "Closed"]

Result = TypeVar("Result")


class Closed(Exception):
    """There is no result: it was closed, after the coroutine had `begun` or before."""

    def __init__(self, *, begun: bool) -> None:
        super().__init__("closed")
        self.begun = begun


class Background:
    """Runs coroutines for threads that wait for them. The thread is there from the first one on."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """What the coroutine gives. Raises `Closed` when this was closed before, or meanwhile."""
        with self._turn:
            if self._closed:
                coroutine.close()
                raise Closed(begun=False)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._work, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except CancelledError:
            raise Closed(begun=True) from None
        except BaseException:
            future.cancel()  # the thread that waits was interrupted
            raise

    def call(self, function: Callable[[], None]) -> None:
        """Call it on the loop soon, if there is one."""
        with self._turn:
            if self._loop is not None and not self._closed:
                self._loop.call_soon_threadsafe(function)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]], grace: float) -> None:
        """Give what runs `grace` seconds to end, cancel the rest, then do `last`. May be called twice."""
        with self._turn:
            self._closed, loop = True, self._loop
            if loop is None or self._thread is None:
                return
            self._loop = None
            asyncio.run_coroutine_threadsafe(self._end(last, grace), loop)
        self._thread.join()

    @staticmethod
    def _work(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    @staticmethod
    async def _end(last: Callable[[], Coroutine[Any, Any, None]], grace: float) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        try:
            if others:
                _, late = await asyncio.wait(others, timeout=grace)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            await last()
        finally:
            asyncio.get_running_loop().stop()
