"""A bare aiohttp server, in a process of its own, that sends each WebSocket its texts back."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from benchmarks.loop_process import LoopProcess

__all__ = ["EchoProcess"]


class EchoProcess(LoopProcess):
    """The server. A context manager.

    Args:
        on_our_loop: whether it runs on the embedded server's event loop; as it comes, aiohttp runs on asyncio's own.
    """

    def __init__(self, *, on_our_loop: bool = False) -> None:
        super().__init__(_serve, on_our_loop=on_our_loop)


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
