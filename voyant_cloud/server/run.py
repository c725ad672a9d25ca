"""``voyant-cloud serve``: one server in the foreground, from its first line on stdout to a clean stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import attrs

from voyant_cloud.server.app import Server
from voyant_cloud.server.config import MEMORY, ServerConfig
from voyant_cloud.server.loop import loop_factory
from voyant_cloud.server.reload import Reloader
from voyant_cloud.server.systemd import tell_ready
from voyant_cloud.server.terminals import STREAMS, terminals_of

__all__ = ["Greeting", "run"]

STOP_WITHIN: Final = 5.0
"""Seconds, after a drain of 25 at most: supervisors commonly kill after 30."""
_log = logging.getLogger("voyant_cloud.server")


@attrs.frozen
class Greeting:
    """What people need to know of a server that has started.

    Attributes:
        url: the base URL.
        data: the database's file, ``:memory:``, or the URL of Redis without its password.
        console: the console's address, ``None`` where it is not served.
        api_key: the key that was made for this run, ``None`` where one was given.
    """

    url: str
    data: str
    console: str | None
    api_key: str | None = attrs.field(repr=False)

    def __str__(self) -> str:
        lines = [
            self.url,
            "Data is kept in memory and gone at the end." if self.data == MEMORY else f"Data: {self.data}",
        ]
        if self.api_key is not None:
            lines += [
                "No API key was given, so one was made for this run. To use it:",
                f"  export VOYANT_CLOUD_API_URL={self.url}",
                f"  export VOYANT_CLOUD_API_KEY={self.api_key}",
            ]
        if self.console is not None:
            lines.append(f"Console: {self.console}")
        return "\n".join([*lines, "Ctrl-C stops the server."])


def run(config: ServerConfig, *, load: Callable[[], ServerConfig], say: Callable[[Greeting], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    SIGTERM drains: readiness turns red, connections are sent away over ``drain_seconds``, then everything is flushed;
    30 s at most. Ctrl-C, or a second SIGTERM, skips the drain. SIGHUP has the configuration read again; see
    ``Reloader``. The one that comes because the terminal was closed is as Ctrl-C. systemd is told once it serves.

    Args:
        config: how to serve.
        load: reads the configuration again.
        say: prints what people need to know, once it serves; the first line of that is the base URL.

    Raises:
        VoyantConfigError: the server cannot start; the message says why.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(config, load, say))


async def _serve(config: ServerConfig, load: Callable[[], ServerConfig], say: Callable[[Greeting], None]) -> None:
    server = Server(config)
    reloader = Reloader(server, load)
    drain, leave = asyncio.Event(), asyncio.Event()
    _on_signals(drain, leave, reloader)
    await server.start()
    reloading = asyncio.ensure_future(reloader.run())
    tell_ready()
    say(_greeting(config, server.url))
    await _first_of(drain.wait(), leave.wait())
    if not leave.is_set():
        await _first_of(server.drain(), leave.wait())
    try:
        await asyncio.wait_for(server.stop(), STOP_WITHIN)
    except TimeoutError:
        _log.error("the server did not stop within %g s and was ended", STOP_WITHIN)
    finally:
        reloading.cancel()


def _greeting(config: ServerConfig, url: str) -> Greeting:
    console = f"{url}/console" if config.serves_console else None
    return Greeting(url, config.kept_in, console, config.made_up_key)


def _on_signals(drain: asyncio.Event, leave: asyncio.Event, reloader: Reloader) -> None:
    loop = asyncio.get_running_loop()
    terminals = terminals_of(STREAMS)

    def terminate() -> None:
        (leave if drain.is_set() else drain).set()

    def hang_up() -> None:
        if terminals == terminals_of(STREAMS):
            reloader.ask()
        else:
            leave.set()

    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, hang_up)
        loop.add_signal_handler(signal.SIGTERM, terminate)
        loop.add_signal_handler(signal.SIGINT, leave.set)


async def _first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
