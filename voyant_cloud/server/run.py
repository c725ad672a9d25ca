"""``voyant-cloud serve``: one server in the foreground, from its first line on stdout to a clean stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from voyant_cloud.server.app import Server
from voyant_cloud.server.config import MEMORY, ServerConfig
from voyant_cloud.server.loop import loop_factory

__all__ = ["run"]

STOP_WITHIN: Final = 5.0
"""Seconds, after a drain of 25 at most: supervisors commonly kill after 30."""
_log = logging.getLogger("voyant_cloud.server")


def run(config: ServerConfig, *, say: Callable[[str], None] = print) -> None:
    """Serve until SIGTERM or Ctrl-C.

    SIGTERM drains: readiness turns red, connections are sent away over ``drain_seconds``, then everything is flushed;
    30 s at most. Ctrl-C, or a second SIGTERM, skips the drain.

    Args:
        config: how to serve.
        say: prints what people need to know; its first line is the base URL.

    Raises:
        VoyantConfigError: the server cannot start; the message says why.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(config, say))


async def _serve(config: ServerConfig, say: Callable[[str], None]) -> None:
    server = Server(config)
    drain, leave = asyncio.Event(), asyncio.Event()
    _on_signals(drain, leave)
    await server.start()
    # In one piece: whoever reads no more than the first line may close the pipe then.
    say("\n".join([server.url, *_greeting(config, server.url)]))
    await _first_of(drain.wait(), leave.wait())
    if not leave.is_set():
        await _first_of(server.drain(), leave.wait())
    try:
        await asyncio.wait_for(server.stop(), STOP_WITHIN)
    except TimeoutError:
        _log.error("the server did not stop within %g s and was ended", STOP_WITHIN)


def _greeting(config: ServerConfig, url: str) -> list[str]:
    lines = ["Data is kept in memory and gone at the end." if config.data == MEMORY else f"Data: {config.data}"]
    if config.made_up_key is not None:
        lines += [
            "No API key was given, so one was made for this run. To use it:",
            f"  export VOYANT_CLOUD_API_URL={url}",
            f"  export VOYANT_CLOUD_API_KEY={config.made_up_key}",
        ]
    if config.serves_console:
        lines.append(f"Console: {url}/console")
    return [*lines, "Ctrl-C stops the server."]


def _on_signals(drain: asyncio.Event, leave: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def terminate() -> None:
        (leave if drain.is_set() else drain).set()

    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGTERM, terminate)
        loop.add_signal_handler(signal.SIGINT, leave.set)


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
