"""What an engine does again and again while it is open, whatever goes wrong in between."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import Any, Never

from redis.exceptions import RedisError

from voyant_cloud.server.engine.base import EngineError, EngineOutcomeUnknownError, EngineUnavailableError

__all__ = ["RefusedError", "always", "certain", "describe"]

_log = logging.getLogger("voyant_cloud.server")


class RefusedError(EngineUnavailableError):
    """Redis is there, and answered that it does not do this; nothing was stored."""


async def always(what: str, work: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[object]]) -> Never:
    """Do something, wait, and do it again, until the task is cancelled.

    What goes wrong is logged once for each time that it begins to.

    Args:
        what: what it is for, as the log names it.
        work: does it once.
        pause: waits until it is to be done again.
    """
    failing = False
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - what is done for ever has nobody else to raise it to
            level = logging.DEBUG if failing else _level(error)
            _log.log(level, "%s: %s", what, describe(error))
            failing = True
        else:
            failing = False
        await pause()


async def certain(answer: asyncio.Future[Any]) -> Any:
    """Wait for the answer to something that can as well be done twice, or end by itself: a read, or presence.

    Raises:
        EngineUnavailableError: there is none; whether it was done does not matter.
    """
    try:
        return await answer
    except EngineOutcomeUnknownError as error:
        raise EngineUnavailableError(*error.args) from None


def _level(error: Exception) -> int:
    if isinstance(error, RefusedError):
        return logging.WARNING
    # That Redis is away the feed has told already.
    return logging.DEBUG if isinstance(error, EngineError) else logging.ERROR


def describe(error: Exception) -> str:
    """Say what may be logged of an error: its own words, or where it came from if they could hold somebody's data."""
    if isinstance(error, (EngineError, RedisError, OSError)):
        return str(error) or type(error).__name__
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {where.name}, line {where.lineno} of {PurePath(where.filename).name}"
