"""The database's work: commits appends in groups, reads, sweeps in between."""

from __future__ import annotations

import queue
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import attrs

from voyant_cloud.server.engine.base import ChannelStanding, History, Replay, StoredMessage
from voyant_cloud.server.engine.sqlite_store import AppendRequest, SqliteStore
from voyant_cloud.server.engine.sqlite_sweep import Sweep

__all__ = ["Append", "Check", "List", "Outcome", "Read", "Request", "Resume", "Worker"]

GROUP_MESSAGES: Final = 200
"""How many messages a group takes before it is committed; a single request may bring more."""
GROUP_WAIT: Final = 0.002
"""Seconds that a group waits to grow to the size of the one before; after a lone request none waits."""
SWEEP_EVERY: Final = 60.0
"""Seconds between walks through the store."""


@attrs.frozen
class Append(AppendRequest):
    """Store messages."""

    answer: Future[list[StoredMessage]] = attrs.field(kw_only=True)


@attrs.frozen
class Read:
    """Read a channel's history."""

    channel: str
    after_seq: int | None
    limit: int
    answer: Future[History]

    def read(self, store: SqliteStore) -> History:
        """Do it."""
        return store.history(self.channel, self.after_seq, self.limit)


@attrs.frozen
class Resume:
    """Read what a subscriber missed."""

    channel: str
    after_seq: int
    limit: int
    max_bytes: int
    answer: Future[Replay]

    def read(self, store: SqliteStore) -> Replay:
        """Do it."""
        return store.replay(self.channel, self.after_seq, self.limit, self.max_bytes)


@attrs.frozen
class List:
    """List channels."""

    prefix: str
    limit: int
    answer: Future[list[ChannelStanding]]


@attrs.frozen
class Check:
    """See whether a publish would be taken."""

    answer: Future[None]


Request = Append | Read | Resume | List | Check


@attrs.frozen
class Outcome:
    """What the event loop is to be told at once.

    Attributes:
        answers: futures of the event loop, each with its result or its exception.
        fresh: messages that were stored, by channel, in commit order.
    """

    answers: Sequence[tuple[Future[Any], Any]]
    fresh: dict[str, list[StoredMessage]] = attrs.field(factory=dict)


class Worker:
    """Does what is asked of a store.

    Args:
        store: the store.
        sweep: what is done in between.
        tell: hands an outcome to the event loop. The futures in it are not touched here.
    """

    def __init__(self, store: SqliteStore, sweep: Sweep, tell: Callable[[Outcome], None]) -> None:
        self._store = store
        self._sweep = sweep
        self._tell = tell
        self._sweep_at = time.monotonic() + SWEEP_EVERY
        self._last_group = 0
        self._stopping = False
        self._waiting: deque[Request] = deque()

    def run(self, requests: queue.SimpleQueue[Sequence[Request] | None]) -> None:
        """Serve a queue of requests, some at a time, until it gives ``None``, with all that was put in before it done.

        Appends are committed in groups.
        """
        while not self._stopping:
            self._serve(self._take(requests))
            self._sweep_if_due()

    def _serve(self, requests: Sequence[Request]) -> None:
        """Do what is asked for, appends in one commit."""
        # Appends first: a read may well see what was asked for after it.
        appends = [each for each in requests if isinstance(each, Append)]
        self._append(appends)
        if len(appends) == len(requests):
            return
        self._read([each for each in requests if isinstance(each, Read | Resume)])
        self._list([each for each in requests if isinstance(each, List)])
        self._check([each for each in requests if isinstance(each, Check)])

    def _sweep_in(self) -> float:
        """Return the seconds until the next step of the sweep is due."""
        return max(self._sweep_at - time.monotonic(), 0.0)

    def _sweep_if_due(self) -> None:
        """Go a step of the sweep, if it is time."""
        now = time.monotonic()
        if now >= self._sweep_at:
            # A failing disk is told by those who publish; the sweep comes again.
            done = _outcome_of(self._sweep.step)
            self._sweep_at = now if done is False else now + SWEEP_EVERY

    def _take(self, requests: queue.SimpleQueue[Sequence[Request] | None]) -> list[Request]:
        """Wait for a request, or for the next step of the sweep; return what is there, up to a group."""
        taken: list[Request] = []
        room, until = GROUP_MESSAGES, 0.0
        while room > 0 and (self._waiting or self._receive(requests, self._patience(len(taken), until))):
            # From the first request on.
            until = until or time.monotonic() + GROUP_WAIT
            each = self._waiting.popleft()
            taken.append(each)
            room -= _size(each)
        self._last_group = len(taken) if len(taken) > 1 else 0
        return taken

    def _patience(self, taken: int, until: float) -> float:
        """Return for how many seconds to wait for one more request."""
        if not taken:
            return self._sweep_in()
        return max(until - time.monotonic(), 0.0) if taken < self._last_group else 0.0

    def _receive(self, requests: queue.SimpleQueue[Sequence[Request] | None], timeout: float) -> bool:
        try:
            more = requests.get(timeout=timeout)
        except queue.Empty:
            return False
        self._stopping = more is None
        self._waiting.extend(more or ())
        return bool(self._waiting)

    def _append(self, appends: Sequence[Append]) -> None:
        if not appends:
            return
        done = _outcome_of(partial(self._store.append_group, appends))
        if isinstance(done, Exception):
            self._tell(Outcome([(each.answer, done) for each in appends]))
        else:
            answers = [(each.answer, answer) for each, answer in zip(appends, done.answers, strict=True)]
            self._tell(Outcome(answers, done.fresh))

    def _read(self, reads: Sequence[Read | Resume]) -> None:
        if len(reads) > 1:
            # All new channels get their epochs in one transaction. Where that fails each read tries, and tells, alone.
            _outcome_of(partial(self._store.ensure_channels, {each.channel for each in reads}))
        for each in reads:
            read = _outcome_of(partial(each.read, self._store))
            self._tell(Outcome([(each.answer, read)]))

    def _list(self, lists: Sequence[List]) -> None:
        for each in lists:
            found = _outcome_of(partial(self._store.channels, each.prefix, each.limit))
            self._tell(Outcome([(each.answer, found)]))

    def _check(self, checks: Sequence[Check]) -> None:
        if checks:
            found = _outcome_of(self._store.check)
            self._tell(Outcome([(each.answer, found) for each in checks]))


def _size(request: Request) -> int:
    return len(request.messages) if isinstance(request, Append) else 1


def _outcome_of(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is raised where the caller waits; the thread lives on
        return error
