"""realtime of Supabase."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from realtime import AsyncRealtimeClient
from turns import answer


@asynccontextmanager
async def receiving(address: str, handle: Callable[[Any], None]) -> AsyncIterator[None]:
    """Join ``bench``."""
    client = AsyncRealtimeClient(f"ws://{address}/realtime/v1", token="bench")
    await client.channel("bench").on_broadcast("order.updated", handle).subscribe()
    yield
    await client.close()


answer(receiving)
