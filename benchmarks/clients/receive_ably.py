"""ably, in MessagePack as it is by default."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from ably import AblyRealtime
from turns import answer


@asynccontextmanager
async def receiving(address: str, handle: Callable[[Any], None]) -> AsyncIterator[None]:
    """Subscribe to ``bench``."""
    # Its URL leaves out the port but for that of the endpoint.
    client = AblyRealtime(token="bench", endpoint=address, tls=False)
    await client.channels.get("bench").subscribe(handle)
    yield
    await client.close()


answer(receiving)
