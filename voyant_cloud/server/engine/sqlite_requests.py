"""The event loop's side of a database: makes requests and their futures, settles them, hands on what was stored.

Where the requests are worked off is a subclass's to say: on a thread of the database's own, or on the loop itself.
Futures are made and settled on the event loop alone, so there is no lock.
"""

from __future__ import annotations

import asyncio
import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from voyant_cloud.server.engine.base import ChannelStanding, History, IdempotencyKey, NewMessage, Replay, StoredMessage
from voyant_cloud.server.engine.sqlite_worker import Append, Check, List, Outcome, Read, Request, Resume

__all__ = ["Deliver", "Requests"]

Deliver = Callable[[dict[str, list[StoredMessage]]], None]
"""Is called on the event loop with what each group stored, by channel, after its callers were answered."""


class Requests(ABC):
    """What the engine asks of its database, from ``start`` to ``stop``. Made on the event loop that uses it."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._turn: list[Request] = []

    @abstractmethod
    async def start(self) -> None:
        """Open the database.

        Raises:
            EngineSetupError: it cannot be opened.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Do what was asked for until now, then close the database. Safe to call twice; ask for nothing after it."""

    @abstractmethod
    def _work(self, requests: Sequence[Request]) -> None:
        """Have these done, and ``_receive`` called on the loop with what they come to."""

    def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None
    ) -> asyncio.Future[list[StoredMessage]]:
        """Commit messages; see ``Engine.append``."""
        answer: asyncio.Future[list[StoredMessage]] = self._loop.create_future()
        self._ask(Append(messages, idempotency, answer=answer))
        return answer

    def history(self, channel: str, after_seq: int | None, limit: int) -> asyncio.Future[History]:
        """Read a channel's history; see ``Engine.history``."""
        answer: asyncio.Future[History] = self._loop.create_future()
        self._ask(Read(channel, after_seq, limit, answer))
        return answer

    def replay(self, channel: str, after_seq: int, limit: int, max_bytes: int) -> asyncio.Future[Replay]:
        """Read what a subscriber missed; see ``Engine.replay``."""
        answer: asyncio.Future[Replay] = self._loop.create_future()
        self._ask(Resume(channel, after_seq, limit, max_bytes, answer))
        return answer

    def channels(self, prefix: str, limit: int) -> asyncio.Future[list[ChannelStanding]]:
        """List channels; see ``Engine.channels``."""
        answer: asyncio.Future[list[ChannelStanding]] = self._loop.create_future()
        self._ask(List(prefix, limit, answer))
        return answer

    def check(self) -> asyncio.Future[None]:
        """See whether a publish would be taken; see ``Engine.check``."""
        answer: asyncio.Future[None] = self._loop.create_future()
        self._ask(Check(answer))
        return answer

    def _ask(self, request: Request) -> None:
        # All requests of one turn of the loop go together, so that a group is complete when work on it begins.
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(request)

    def _end_turn(self) -> None:
        requests, self._turn = self._turn, []
        if requests:
            self._work(requests)

    def _receive(self, outcome: Outcome) -> None:
        for answer, result in outcome.answers:
            # One that is done was cancelled by its caller; what it asked for has been done all the same.
            if answer.done():
                continue
            if isinstance(result, Exception):
                # A copy for each, since raising an exception adds to its traceback.
                answer.set_exception(copy.copy(result))
            else:
                answer.set_result(result)
        if outcome.fresh:
            self._deliver(outcome.fresh)
