"""Batches on their way: several requests together, while each channel's messages stay in order."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import attrs

from voyant_cloud.about_to_wait import telling
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.realtime.inputs import MAX_BATCH_SIZE
from voyant_cloud.realtime.written import Written, size_of

__all__ = ["Batch", "Lanes", "fits_one_request"]

MAX_CONCURRENCY: Final = 64
# Seconds after which nothing is gained by waiting: nobody may tell.
_WAITS_WITHIN: Final = 0.005
# The service takes 2 MiB; this leaves room for what stands around the messages.
MAX_BATCH_BYTES: Final = 2 * 1024 * 1024 - 1024


def fits_one_request(messages: Sequence[Written]) -> bool:
    """Tell whether the service takes so many messages of such a size together."""
    return len(messages) <= MAX_BATCH_SIZE and sum(size_of(each.text) for each in messages) <= MAX_BATCH_BYTES


@attrs.define
class Batch:
    """Messages for one request.

    Attributes:
        messages: the messages by the number that each was added with, in that order.
        channels: the channels that they go to.
        size: how many bytes they take in the request's body.
    """

    messages: dict[int, Written] = attrs.field(factory=dict)
    channels: set[str] = attrs.field(factory=set)
    size: int = 0

    def add(self, number: int, message: Written, size: int) -> None:
        """Add one more message."""
        self.messages[number] = message
        self.channels.add(message.channel)
        self.size += size


class _Lane:
    """A queue of batches that are published one after another.

    While a channel has messages in a lane, all its messages go there, which keeps their order.
    """

    def __init__(self) -> None:
        self.waiting = Batch()
        self.sent = Batch()
        self.answer: Future[Any] | None = None

    def load(self) -> int:
        return len(self.waiting.messages) + len(self.sent.messages)


class Lanes:
    """Takes messages, and sends them in batches on threads of its own, several batches together.

    One thread alone adds, flushes and settles; the pool's threads only send. After a failure nothing more is sent.

    Args:
        send: publishes one batch; runs on the pool's threads, never for two batches with the same channel together.
        on_published: told of each batch that was sent, on the thread that adds. What it raises stops the sending.
        batch_size: the most messages of a batch, 1 to 100.
        concurrency: the most batches that are sent together, 1 to 64.

    Attributes:
        error: why the sending stopped, ``None`` while it goes on.
        failed: the numbers of messages in batches whose sending raised.

    Raises:
        VoyantValidationError: *batch_size* or *concurrency* is out of range.
    """

    def __init__(
        self,
        send: Callable[[Batch], object],
        on_published: Callable[[Batch], object],
        *,
        batch_size: int,
        concurrency: int,
    ) -> None:
        _check_range("batch_size", batch_size, MAX_BATCH_SIZE)
        _check_range("concurrency", concurrency, MAX_CONCURRENCY)
        self._send = send
        self._on_published = on_published
        self._batch_size = batch_size
        self._lanes = [_Lane() for _ in range(concurrency)]
        # Of the channels with messages that wait or are under way.
        self._lane_of: dict[str, _Lane] = {}
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="voyant-publish")
        self.error: Exception | None = None
        self.failed: list[int] = []

    @property
    def not_sent(self) -> list[int]:
        """The numbers of messages that were added and are not sent."""
        return [number for lane in self._lanes for number in lane.waiting.messages]

    def add(self, number: int, message: Written) -> None:
        """Take a message, and send its batch once that is full.

        Args:
            number: names it; larger than those before.
            message: the message.
        """
        lane = self._lane_of.get(message.channel)
        if lane is None:
            lane = self._lane_of[message.channel] = min(self._lanes, key=_Lane.load)
        size = size_of(message.text)
        if lane.waiting.size + size > MAX_BATCH_BYTES:
            self._send_waiting(lane)
        lane.waiting.add(number, message, size)
        if len(lane.waiting.messages) == self._batch_size:
            self._send_waiting(lane)

    def flush(self) -> None:
        """Send what waits, however little it is."""
        for lane in self._lanes:
            self._send_waiting(lane)

    def settle(self) -> None:
        """Wait for the answers of all that was sent."""
        for lane in self._lanes:
            self._settle(lane)

    def wait(self, timeout: float) -> bool:
        """Wait until no request is under way.

        Args:
            timeout: seconds.

        Returns:
            ``False`` if it took longer.
        """
        under_way = [lane.answer for lane in self._lanes if lane.answer is not None]
        return not concurrent.futures.wait(under_way, timeout).not_done

    def close(self, *, wait: bool = True) -> None:
        """End the threads. Safe to call twice.

        Args:
            wait: whether to wait for what is under way.
        """
        self._pool.shutdown(wait=wait, cancel_futures=True)

    def _send_waiting(self, lane: _Lane) -> None:
        """Send what waits in a lane, once the batch before it is answered."""
        self._settle(lane)
        if self.error is None and lane.waiting.messages:
            lane.sent, lane.waiting = lane.waiting, Batch()
            waits = threading.Event()
            lane.answer = self._pool.submit(self._send_telling, waits.set, lane.sent)
            # What comes next is put together while the disk or the service works, and not while this one is written.
            waits.wait(_WAITS_WITHIN)

    def _send_telling(self, tell: Callable[[], object], batch: Batch) -> None:
        try:
            with telling(tell):
                self._send(batch)
        finally:
            # Through a proxy, or in a session of the caller's, nobody tells that an answer is waited for.
            tell()

    def _settle(self, lane: _Lane) -> None:
        if lane.answer is None:
            return
        error = lane.answer.exception()
        batch = lane.sent
        lane.answer, lane.sent = None, Batch()
        for channel in batch.channels - lane.waiting.channels:
            del self._lane_of[channel]
        if error is None:
            self._tell(batch)
            return
        self.failed.extend(batch.messages)
        if not isinstance(error, Exception):
            raise error
        self.error = self.error or error

    def _tell(self, batch: Batch) -> None:
        try:
            self._on_published(batch)
        except Exception as error:  # noqa: BLE001 - the caller's own code; it stops the publishing like a failure
            self.error = self.error or error


def _check_range(name: str, value: object, maximum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= maximum:
        raise VoyantValidationError(name, f"must be 1 to {maximum}, got {value!r}")
