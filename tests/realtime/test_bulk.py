"""Publishing any number of messages, and walking through history: order, memory, and what a failure says."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.converter import structure
from voyant_cloud.errors import ForbiddenError, PublishManyError, PublishOutcomeUnknown, VoyantValidationError
from voyant_cloud.jsontext import loads
from voyant_cloud.models import PublishRealtimeBatchInput, RealtimeMessageSummary
from voyant_cloud.realtime.bulk import PublishReport, iter_history, publish_many
from voyant_cloud.realtime.written import body_of
from voyant_cloud.testing import VoyantServer

REFUSED = ForbiddenError("no", status=403, code="forbidden")


class Service:
    """Takes batches and remembers them; fails at those that hold a given data."""

    def __init__(self, fail_at: object = None, error: Exception = REFUSED) -> None:
        self._lock = threading.Lock()
        self._fail_at = fail_at
        self._error = error
        self._busy: Counter[str] = Counter()
        self.batches: list[list[Any]] = []
        self.stored: dict[str, list[Any]] = {}
        self.most_together = 0
        self.meet: threading.Barrier | None = None

    def publish_written(self, texts: Sequence[str]) -> list[RealtimeMessageSummary]:
        batch = structure(loads(body_of(texts)), PublishRealtimeBatchInput)
        channels = {message.channel for message in batch.messages}
        with self._lock:
            assert not any(self._busy[channel] for channel in channels), "a channel's batches must not overlap"
            self._busy.update(channels)
            self.most_together = max(self.most_together, sum(1 for count in self._busy.values() if count))
        try:
            if self.meet is not None:
                self.meet.wait(5)
            return self._store(batch)
        finally:
            with self._lock:
                self._busy.subtract(channels)

    def _store(self, batch: PublishRealtimeBatchInput) -> list[RealtimeMessageSummary]:
        data = [message.data for message in batch.messages]
        if self._fail_at in data and self._fail_at is not None:
            raise self._error
        with self._lock:
            self.batches.append(data)
            for message in batch.messages:
                self.stored.setdefault(message.channel, []).append(message.data)
        return []

    def publish(self, items: Any, **options: Any) -> PublishReport:
        defaults: dict[str, Any] = {"batch_size": 100, "concurrency": 1, "on_progress": None}
        return publish_many(self.publish_written, items, **{**defaults, **options})


def item(number: int, channel: str = "a") -> dict[str, Any]:
    return {"channel": channel, "event": "e", "data": number}


class TestPublishMany:
    """All goes well."""

    def test_batches(self) -> None:
        """Any number goes out in order, in batches of the given size."""
        service = Service()
        report = service.publish(item(number) for number in range(250))
        assert service.batches == [list(range(100)), list(range(100, 200)), list(range(200, 250))]
        assert (report.published, report.batches) == (250, 3)
        assert report.seconds >= 0

    def test_nothing(self) -> None:
        """No messages are no request."""
        service = Service()
        assert service.publish([]).published == 0
        assert service.batches == []

    def test_batch_size(self) -> None:
        """The size can be smaller."""
        service = Service()
        service.publish(map(item, range(5)), batch_size=2)
        assert service.batches == [[0, 1], [2, 3], [4]]

    def test_batches_stay_below_the_limit_of_a_body(self) -> None:
        """A batch is as large as a body may be, 2 MiB, however few messages that are."""
        sizes: list[int] = []

        large = {"channel": "a", "event": "e", "data": "ü" * 32_000}
        publish_many(
            lambda texts: sizes.append(len(body_of(texts))),
            [large] * 100,
            batch_size=100,
            concurrency=1,
            on_progress=None,
        )
        assert len(sizes) == 4
        assert 1_900_000 < sizes[0] <= 2 * 1024 * 1024

    def test_streams(self) -> None:
        """The iterable is read as the sending goes on: at most two batches ahead of what is acknowledged."""
        service = Service()
        taken = acknowledged = 0
        most_ahead = 0

        def items() -> Iterator[dict[str, Any]]:
            nonlocal taken, most_ahead
            for number in range(1000):
                taken += 1
                most_ahead = max(most_ahead, taken - acknowledged)
                yield item(number)

        def progress(report: PublishReport) -> None:
            nonlocal acknowledged
            acknowledged = report.published

        service.publish(items(), batch_size=10, on_progress=progress)
        assert acknowledged == taken == 1000
        assert most_ahead <= 21

    def test_progress(self) -> None:
        """Progress is told after each batch, in the caller's thread."""
        seen: list[tuple[int, int, bool]] = []
        here = threading.current_thread()
        Service().publish(
            map(item, range(25)),
            batch_size=10,
            on_progress=lambda now: seen.append((now.published, now.batches, threading.current_thread() is here)),
        )
        assert seen == [(10, 1, True), (20, 2, True), (25, 3, True)]

    @pytest.mark.parametrize("channels", [1, 3, 50])
    def test_order_with_concurrency(self, channels: int) -> None:
        """With several requests under way each channel keeps its order, and no two of them hold the same channel."""
        service = Service()
        service.publish((item(n, f"c{n % channels}") for n in range(2000)), batch_size=7, concurrency=4)
        for number in range(channels):
            assert service.stored[f"c{number}"] == list(range(number, 2000, channels))

    def test_requests_run_together(self) -> None:
        """Different channels go out at the same time: each request waits here until all four are under way."""
        service = Service()
        service.meet = threading.Barrier(4)
        service.publish((item(n, f"c{n % 4}") for n in range(40)), batch_size=5, concurrency=4)
        assert service.most_together == 4

    def test_no_thread_is_left(self) -> None:
        """The threads that sent are gone afterwards."""
        before = threading.active_count()
        Service().publish((item(n, f"c{n}") for n in range(100)), batch_size=5, concurrency=8)
        assert threading.active_count() == before


class TestPublishManyStops:
    """It stops early, and says what was sent."""

    def test_failed_batch(self) -> None:
        """The error counts what was acknowledged and names the range that failed; its cause says why."""
        service = Service(fail_at=150)
        with pytest.raises(
            PublishManyError, match=r"stopped after 100 published messages: 403 forbidden: no"
        ) as caught:
            service.publish(map(item, range(1000)))
        error = caught.value
        assert (error.published, error.failed) == (100, tuple(range(100, 200)))
        assert error.__cause__ is REFUSED
        assert service.batches == [list(range(100))], "nothing is sent after the failure"
        assert error.not_sent == tuple(range(200, error.taken))

    def test_every_message_is_accounted_for(self) -> None:
        """With concurrency too, each message taken is published, failed or not sent, and none is two of them."""
        service = Service(fail_at=777, error=PublishOutcomeUnknown("unsure"))
        with pytest.raises(PublishManyError) as caught:
            service.publish((item(n, f"c{n % 13}") for n in range(5000)), batch_size=10, concurrency=4)
        error = caught.value
        stored = [number for batch in service.batches for number in batch]
        assert error.published == len(stored)
        assert 777 in error.failed
        assert sorted([*stored, *error.failed, *error.not_sent]) == list(range(error.taken))

    def test_bad_item(self) -> None:
        """All before a message that breaks a limit is published; the cause names the message."""
        service = Service()
        with pytest.raises(PublishManyError) as caught:
            service.publish([*map(item, range(25)), {"channel": "a", "event": ""}, item(26)], batch_size=10)
        error = caught.value
        assert service.stored["a"] == list(range(25))
        assert (error.published, error.failed, error.not_sent, error.taken) == (25, (), (25,), 26)
        assert isinstance(error.__cause__, VoyantValidationError)
        assert error.__cause__.field == "messages[25].event"

    def test_iterable_that_raises(self) -> None:
        """All that an iterable gave before it raised is published."""

        def items() -> Iterator[dict[str, Any]]:
            yield from map(item, range(15))
            raise LookupError("the database is gone")

        service = Service()
        with pytest.raises(PublishManyError, match="the database is gone") as caught:
            service.publish(items(), batch_size=10)
        assert isinstance(caught.value.__cause__, LookupError)
        assert (caught.value.published, caught.value.taken) == (15, 15)

    def test_progress_that_raises(self) -> None:
        """An exception of on_progress stops it like a failure, and what was acknowledged is counted."""

        def progress(_: PublishReport) -> None:
            raise LookupError("no terminal")

        service = Service()
        with pytest.raises(PublishManyError, match="no terminal") as caught:
            service.publish(map(item, range(1000)), batch_size=10, on_progress=progress)
        assert caught.value.published == sum(map(len, service.batches))
        assert caught.value.published + len(caught.value.not_sent) == caught.value.taken < 1000

    def test_interrupt(self) -> None:
        """Ctrl-C passes through, once the requests under way have ended."""

        def items() -> Iterator[dict[str, Any]]:
            yield from map(item, range(10))
            raise KeyboardInterrupt

        service = Service()
        with pytest.raises(KeyboardInterrupt):
            service.publish(items(), batch_size=10)
        assert service.batches == [list(range(10))]

    @pytest.mark.parametrize(
        "options", [{"batch_size": 0}, {"batch_size": 101}, {"concurrency": 65}, {"concurrency": True}]
    )
    def test_bad_option(self, options: dict[str, Any]) -> None:
        """An option out of range is named, and nothing is sent."""
        service = Service()
        with pytest.raises(VoyantValidationError, match=next(iter(options))):
            service.publish([item(0)], **options)
        assert service.batches == []

    def test_no_iterable(self) -> None:
        """What cannot be iterated is a TypeError."""
        with pytest.raises(TypeError):
            Service().publish(5)


def message(number: int) -> RealtimeMessageSummary:
    when = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    return RealtimeMessageSummary(id=f"rtm_{number}", channel="a", event="e", data=number, published_at=when)


class Pages:
    """A history of *count* messages, read by pages of at most *cap*."""

    def __init__(self, count: int, page_size: int, cap: int = 1000) -> None:
        self._messages = [message(number) for number in range(count)]
        self._size = min(page_size, cap)
        self.reads = 0

    def __call__(self, since_id: str | None) -> list[RealtimeMessageSummary]:
        self.reads += 1
        assert self.reads < 100, "it does not end"
        if since_id is None:
            return self._messages[-self._size :]
        start = int(since_id.removeprefix("rtm_")) + 1
        return self._messages[start : start + self._size]


def numbers(read_page: Callable[[str | None], list[RealtimeMessageSummary]], since_id: str | None = None) -> list[Any]:
    return [each.data for each in iter_history(read_page, since_id)]


class TestIterHistory:
    """Walking through history."""

    @pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 25])
    def test_from_an_id(self, count: int) -> None:
        """All after the id come once, in order, whatever the number of pages."""
        assert numbers(Pages(count + 1, page_size=10), "rtm_0") == list(range(1, count + 1))

    def test_from_the_newest_page(self) -> None:
        """Without an id it begins with the newest page."""
        assert numbers(Pages(25, page_size=10)) == list(range(15, 25))

    def test_service_with_a_lower_limit(self) -> None:
        """A service that gives fewer than asked for is read to the end nevertheless."""
        assert numbers(Pages(26, page_size=10, cap=4), "rtm_0") == list(range(1, 26))

    def test_short_page_is_the_last(self) -> None:
        """A page shorter than one before it ends the walk, so that a busy channel cannot keep it going."""
        pages = Pages(26, page_size=10)
        numbers(pages, "rtm_0")
        assert pages.reads == 3

    def test_one_page_at_a_time(self) -> None:
        """The next page is read when it is needed."""
        pages = Pages(100, page_size=10)
        walk = iter_history(pages, "rtm_0")
        assert [next(walk).data for _ in range(10)] == list(range(1, 11))
        assert pages.reads == 1

    def test_service_that_ignores_the_id(self) -> None:
        """The same page for ever is given once."""
        page = [message(number) for number in range(3)]
        assert numbers(lambda _: page) == [0, 1, 2]

    def test_service_that_includes_the_id(self) -> None:
        """A page that begins with the message asked after does not repeat it."""

        def inclusive(since_id: str | None) -> list[RealtimeMessageSummary]:
            start = int((since_id or "rtm_0").removeprefix("rtm_"))
            return [message(number) for number in range(start, min(start + 3, 8))]

        assert numbers(inclusive) == list(range(8))

    def test_service_that_goes_in_circles(self, caplog: pytest.LogCaptureFixture) -> None:
        """Pages that come again end the walk, with a warning."""
        circle = {None: [0, 1], "rtm_1": [2, 3], "rtm_3": [4, 5], "rtm_5": [0, 1]}
        assert numbers(lambda since_id: [message(number) for number in circle[since_id]]) == [0, 1, 2, 3, 4, 5]
        assert "the service repeats what it gave before rtm_1" in caplog.text


class TestRealServer:
    """The same against the embedded server."""

    @pytest.fixture
    def client(self, server: VoyantServer) -> Iterator[VoyantCloudClient]:
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
            yield client

    def test_what_is_published_is_walked_through(self, client: VoyantCloudClient) -> None:
        """A thousand messages over four channels arrive in order, and are all found again."""
        report = client.realtime.publish_many((item(n, f"c:{n % 4}") for n in range(1000)), concurrency=4)
        assert report.published == 1000
        for channel in range(4):
            expected = list(range(channel, 1000, 4))
            first = client.realtime.history(f"c:{channel}", limit=1000)[0]
            walk = client.realtime.iter_history(f"c:{channel}", since_id=first.id, page_size=30)
            assert [first.data, *(each.data for each in walk)] == expected

    def test_idempotency(self, client: VoyantCloudClient) -> None:
        """The same key publishes once."""
        one = client.realtime.publish("orders:eu", event="e", idempotency_key="order-7")
        two = client.realtime.publish("orders:eu", event="e", idempotency_key="order-7")
        assert one == two
        assert client.realtime.history("orders:eu") == [one]

    def test_how_long_a_key_counts(self, client: VoyantCloudClient) -> None:
        """The client knows it once the service has answered anything."""
        assert client.realtime.idempotency_seconds == 0
        client.realtime.history("orders:eu")
        assert client.realtime.idempotency_seconds == 300
