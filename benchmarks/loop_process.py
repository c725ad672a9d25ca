"""A bare server in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from multiprocessing import get_context
from typing import Any, Self

from voyant_cloud.server.loop import loop_factory

__all__ = ["LoopProcess", "Serve"]

Serve = Callable[[Any], Coroutine[Any, Any, None]]
"""Serves for ever, once it has put its address into the queue that it is given; a function of a module."""
# Not fork: the process that measures has threads.
_processes = get_context("spawn")


class LoopProcess:
    """The server. A context manager.

    Args:
        serve: what it does.
        on_our_loop: whether it runs on the event loop of the embedded server, so that the two differ in what stands on
            it, or on asyncio's own.

    Attributes:
        url: where WebSockets connect.
        pid: the process.
    """

    def __init__(self, serve: Serve, *, on_our_loop: bool) -> None:
        self._ready = _processes.Queue()
        self._process = _processes.Process(target=_run, args=(serve, self._ready, on_our_loop), daemon=True)
        self.url = ""
        self.pid = 0

    def __enter__(self) -> Self:
        self._process.start()
        self.url = self._ready.get(timeout=20)
        self.pid = self._process.pid or 0
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _run(serve: Serve, ready: Any, on_our_loop: bool) -> None:
    with asyncio.Runner(loop_factory=loop_factory() if on_our_loop else None) as runner:
        runner.run(serve(ready))
