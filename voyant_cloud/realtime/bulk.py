"""What is built on the thin calls: publishing any number of messages, and walking through history."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from voyant_cloud.errors import PublishManyError, VoyantValidationError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.inputs import BatchItem
from voyant_cloud.realtime.written import Writer

if TYPE_CHECKING:
    from voyant_cloud.realtime.lanes import Batch

__all__ = ["PublishReport", "iter_history", "publish_many"]

logger = logging.getLogger("voyant_cloud")

PublishWritten = Callable[[Sequence[str]], object]
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
    publish_written: PublishWritten,
    messages: Iterable[BatchItem],
    *,
    batch_size: int,
    concurrency: int,
    on_progress: Callable[[PublishReport], object] | None,
) -> PublishReport:
    """Publish *messages* in batches; see ``RealtimeApi.publish_many``."""
    iterator = iter(messages)
    return _BulkPublish(publish_written, on_progress, batch_size=batch_size, concurrency=concurrency).run(iterator)


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


class _BulkPublish:
    """One call of ``publish_many``, on the thread of its caller."""

    def __init__(
        self,
        publish_written: PublishWritten,
        on_progress: Callable[[PublishReport], object] | None,
        *,
        batch_size: int,
        concurrency: int,
    ) -> None:
        # With the pool of threads in it: a process that publishes one by one need not load it.
        from voyant_cloud.realtime.lanes import Lanes

        self._lanes = Lanes(
            lambda batch: publish_written([each.text for each in batch.messages.values()]),
            self._count,
            batch_size=batch_size,
            concurrency=concurrency,
        )
        self._writer = Writer()
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._taken = 0
        self._published = 0
        self._batches = 0
        self._refused: list[int] = []

    def run(self, items: Iterator[BatchItem]) -> PublishReport:
        try:
            problem = self._take(items)
            self._lanes.flush()
            self._lanes.settle()
        finally:
            self._lanes.close()
        cause = self._lanes.error or problem
        if cause is not None:
            raise self._stopped(cause) from cause
        return self._report()

    def _take(self, items: Iterator[BatchItem]) -> Exception | None:
        """Fill the lanes until the messages end or a batch fails; return what was wrong with a message, if anything."""
        while self._lanes.error is None:
            try:
                item = next(items, _END)
            except Exception as error:  # noqa: BLE001 - the caller's own code; what it gave before counts
                return error
            if item is _END:
                return None
            index = self._taken
            self._taken += 1
            try:
                message = self._writer.write(item, f"messages[{index}]")
            except VoyantValidationError as error:
                self._refused.append(index)
                return error
            self._lanes.add(index, message)
        return None

    def _count(self, batch: Batch) -> None:
        self._published += len(batch.messages)
        self._batches += 1
        if self._on_progress is not None and self._lanes.error is None:
            self._on_progress(self._report())

    def _report(self) -> PublishReport:
        return PublishReport(published=self._published, batches=self._batches, seconds=time.monotonic() - self._started)

    def _stopped(self, cause: Exception) -> PublishManyError:
        return PublishManyError(
            f"stopped after {self._published} published messages: {str(cause) or repr(cause)}",
            published=self._published,
            failed=tuple(sorted(self._lanes.failed)),
            not_sent=tuple(sorted([*self._refused, *self._lanes.not_sent])),
            taken=self._taken,
        )


_END: Final[Any] = object()
