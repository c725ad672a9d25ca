"""A bare aiohttp server, in a process of its own, that sends each WebSocket its texts back."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from benchmarks.loop_process import LoopProcess

__all__ = ["EchoProcess"]


class EchoProcess(LoopProcess):
    """The server. A context manager."""

    def __init__(self) -> None:
        super().__init__(_serve)


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
