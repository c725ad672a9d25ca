"""A Python client in a process of its own: for each line on stdin it receives all messages, on a new connection."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

__all__ = ["answer"]

Receiving = Callable[[str, Callable[[Any], None]], AbstractAsyncContextManager[None]]
"""Connects to the host and port given, and hands each message to the handler for as long as its block lasts."""


def answer(receiving: Receiving) -> None:
    """Answer each line on stdin with how many messages a second there were."""
    address, count = sys.argv[1], int(sys.argv[2])
    for _ in sys.stdin:
        print(asyncio.run(_rate(receiving, address, count)), flush=True)


async def _rate(receiving: Receiving, address: str, count: int) -> float:
    done = asyncio.Event()
    seen = 0

    def handle(_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            done.set()

    started = time.perf_counter()
    async with receiving(address, handle):
        await asyncio.wait_for(done.wait(), 60)
        return count / (time.perf_counter() - started)
