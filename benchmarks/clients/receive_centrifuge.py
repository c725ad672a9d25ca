"""centrifuge-python, which wants a coroutine for a handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from centrifuge import Client, PublicationContext, SubscriptionEventHandler
from turns import answer


@asynccontextmanager
async def receiving(address: str, handle: Callable[[Any], None]) -> AsyncIterator[None]:
    """Subscribe to ``bench``."""

    class Events(SubscriptionEventHandler):
        async def on_publication(self, ctx: PublicationContext) -> None:
            handle(ctx)

    client = Client(f"ws://{address}/connection/websocket")
    await client.new_subscription("bench", events=Events()).subscribe()
    await client.connect()
    yield
    await client.disconnect()


answer(receiving)
