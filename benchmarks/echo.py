"""A bare aiohttp server, in a process of its own, that sends each WebSocket its texts back."""

from __future__ import annotations

import asyncio
from multiprocessing import get_context
from typing import Any

from aiohttp import web

from voyant_cloud.server.loop import loop_factory

__all__ = ["EchoProcess"]

_processes = get_context("spawn")


class EchoProcess:
    """The server. A context manager.

    Attributes:
        url: where WebSockets connect.
        pid: the process.
    """

    def __init__(self) -> None:
        self._ready = _processes.Queue()
        self._process = _processes.Process(target=_run, args=(self._ready,), daemon=True)
        self.url = ""
        self.pid = 0

    def __enter__(self) -> EchoProcess:
        self._process.start()
        self.url = self._ready.get(timeout=20)
        self.pid = self._process.pid or 0
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _run(ready: Any) -> None:
    # On the loop of the embedded server, so that the two differ in what stands on it.
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(ready))


async def _serve(ready: Any) -> None:
    app = web.Application()
    app.router.add_get("/", _echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    ready.put(f"ws://127.0.0.1:{runner.addresses[0][1]}/")
    await asyncio.Event().wait()


async def _echo(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse(compress=False)
    await response.prepare(request)
    await response.send_str("connected")
    async for message in response:
        await response.send_str(message.data)
    return response
