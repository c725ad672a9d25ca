"""What is built on the thin calls: publishing any number of messages, and walking through history."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.converter import unstructure
from voyant_cloud.errors import PublishManyError, VoyantValidationError
from voyant_cloud.models import PublishRealtimeBatchInput, RealtimeBatchMessage, RealtimeMessageSummary
from voyant_cloud.realtime.inputs import BatchItem, batch_message_from

__all__ = ["PublishReport", "iter_history", "publish_many"]

logger = logging.getLogger("voyant_cloud")

MAX_BATCH_SIZE: Final = 100
MAX_CONCURRENCY: Final = 64
# The service takes 2 MiB; this leaves room for what stands around the messages.
MAX_BATCH_BYTES: Final = 2 * 1024 * 1024 - 1024

PublishBatch = Callable[[PublishRealtimeBatchInput], list[RealtimeMessageSummary]]
ReadHistory = Callable[[str | None], list[RealtimeMessageSummary]]


@attrs.frozen(kw_only=True)
class PublishReport:
    """How far ``publish_many`` is, or what it did.

    Attributes:
        published: how many messages the service acknowledged.
        batches: in how many requests.
        seconds: how long it took so far.
    """

    published: int
    batches: int
    seconds: float


def publish_many(
    publish_batch: PublishBatch,
    messages: Iterable[BatchItem],
    *,
    batch_size: int,
    concurrency: int,
    on_progress: Callable[[PublishReport], object] | None,
) -> PublishReport:
    """Publish *messages* in batches; see ``RealtimeApi.publish_many``."""
    _check_range("batch_size", batch_size, MAX_BATCH_SIZE)
    _check_range("concurrency", concurrency, MAX_CONCURRENCY)
    iterator = iter(messages)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="voyant-publish") as pool:
        lanes = [_Lane(publish_batch, pool) for _ in range(concurrency)]
        return _BulkPublish(lanes, batch_size, on_progress).run(iterator)


def iter_history(read_page: ReadHistory, since_id: str | None) -> Iterator[RealtimeMessageSummary]:
    """Yield stored messages page by page; see ``RealtimeApi.iter_history``.

    Args:
        read_page: reads the page after an id.
        since_id: the id to begin after.
    """
    cursors = {since_id}
    previous: set[str] = set()
    longest = 0
    while True:
        page = read_page(since_id)
        fresh = [message for message in page if message.id not in previous]
        # A service may give fewer than it was asked for; a page that is shorter than one before it is the last.
        if not fresh or len(page) < longest:
            yield from fresh
            return
        since_id = fresh[-1].id
        if since_id in cursors:
            logger.warning("history: stopped, since the service repeats what it gave before %s", since_id)
            return
        yield from fresh
        cursors.add(since_id)
        longest = len(page)
        previous = {message.id for message in page}


@attrs.define
class _Batch:
    """Messages for one request, by their index in the iterable."""

    messages: dict[int, RealtimeBatchMessage] = attrs.field(factory=dict)
    channels: set[str] = attrs.field(factory=set)
    size: int = 0

    def add(self, index: int, message: RealtimeBatchMessage, size: int) -> None:
        self.messages[index] = message
        self.channels.add(message.channel)
        self.size += size


class _Lane:
    """A queue of batches that are published one after another.

    While a channel has messages in a lane, all its messages go there, which keeps their order.
    """

    def __init__(self, publish_batch: PublishBatch, pool: ThreadPoolExecutor) -> None:
        self._publish_batch = publish_batch
        self._pool = pool
        self.waiting = _Batch()
        self.sent = _Batch()
        self.answer: Future[Any] | None = None

    def holds(self, channel: str) -> bool:
        return channel in self.waiting.channels or channel in self.sent.channels

    def load(self) -> int:
        return len(self.waiting.messages) + len(self.sent.messages)

    def send(self) -> None:
        assert self.answer is None, "one batch at a time"
        batch = PublishRealtimeBatchInput(messages=list(self.waiting.messages.values()))
        self.answer = self._pool.submit(self._publish_batch, batch)
        self.sent, self.waiting = self.waiting, _Batch()


class _BulkPublish:
    """One call of ``publish_many``. Its own thread fills the lanes and settles them; the pool's threads only send."""

    def __init__(
        self, lanes: list[_Lane], batch_size: int, on_progress: Callable[[PublishReport], object] | None
    ) -> None:
        self._lanes = lanes
        self._batch_size = batch_size
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._taken = 0
        self._published = 0
        self._batches = 0
        self._failed: list[int] = []
        self._refused: list[int] = []
        self._error: Exception | None = None

    def run(self, items: Iterator[BatchItem]) -> PublishReport:
        problem = self._take(items)
        for lane in self._lanes:
            self._send(lane)
        for lane in self._lanes:
            self._settle(lane)
        cause = self._error or problem
        if cause is not None:
            raise self._stopped(cause) from cause
        return self._report()

    def _take(self, items: Iterator[BatchItem]) -> Exception | None:
        """Fill the lanes until the messages end or a batch fails; return what was wrong with a message, if anything."""
        while self._error is None:
            try:
                item = next(items, _END)
            except Exception as error:  # noqa: BLE001 - the caller's own code; what it gave before counts
                return error
            if item is _END:
                return None
            index = self._taken
            self._taken += 1
            try:
                message = batch_message_from(item, f"messages[{index}]")
            except VoyantValidationError as error:
                self._refused.append(index)
                return error
            self._add(index, message)
        return None

    def _add(self, index: int, message: RealtimeBatchMessage) -> None:
        lane = self._lane_for(message.channel)
        size = len(jsontext.dumps(unstructure(message), max_depth=jsontext.MAX_DEPTH + 1).encode()) + 1
        if lane.waiting.size + size > MAX_BATCH_BYTES:
            self._send(lane)
        lane.waiting.add(index, message, size)
        if len(lane.waiting.messages) == self._batch_size:
            self._send(lane)

    def _lane_for(self, channel: str) -> _Lane:
        held = next((lane for lane in self._lanes if lane.holds(channel)), None)
        return held or min(self._lanes, key=_Lane.load)

    def _send(self, lane: _Lane) -> None:
        """Send what waits in a lane, once the batch before it is answered. After a failure nothing more is sent."""
        self._settle(lane)
        if self._error is None and lane.waiting.messages:
            lane.send()

    def _settle(self, lane: _Lane) -> None:
        if lane.answer is None:
            return
        answer, batch = lane.answer, lane.sent
        lane.answer, lane.sent = None, _Batch()
        error = answer.exception()
        if error is None:
            self._count(len(batch.messages))
            return
        self._failed.extend(batch.messages)
        if not isinstance(error, Exception):
            raise error
        self._error = self._error or error

    def _count(self, messages: int) -> None:
        self._published += messages
        self._batches += 1
        if self._on_progress is not None and self._error is None:
            try:
                self._on_progress(self._report())
            except Exception as error:  # noqa: BLE001 - the caller's own code; it stops the publishing like a failure
                self._error = error

    def _report(self) -> PublishReport:
        return PublishReport(published=self._published, batches=self._batches, seconds=time.monotonic() - self._started)

    def _stopped(self, cause: Exception) -> PublishManyError:
        waiting = (index for lane in self._lanes for index in lane.waiting.messages)
        return PublishManyError(
            f"stopped after {self._published} published messages: {str(cause) or repr(cause)}",
            published=self._published,
            failed=tuple(sorted(self._failed)),
            not_sent=tuple(sorted([*self._refused, *waiting])),
            taken=self._taken,
        )


def _check_range(name: str, value: object, maximum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
        raise VoyantValidationError(name, f"must be 1 to {maximum}, got {value!r}")


_END: Final[Any] = object()
