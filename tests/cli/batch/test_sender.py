"""Sending against the real server: once, whatever happens, and certain of it or told that nobody is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.fake_service import FakeService, answer, cut, reset
from voyant_cloud import (
    ConflictError,
    ForbiddenError,
    PublishOutcomeUnknown,
    RealtimeBatchMessage,
    RetryPolicy,
    ServiceUnavailableError,
    VoyantCloudClient,
    VoyantDecodeError,
)
from voyant_cloud.cli.batch.checkpoint import Checkpoint
from voyant_cloud.cli.batch.lookup import Finding
from voyant_cloud.cli.batch.progress import Counters
from voyant_cloud.cli.batch.sender import RefusedRecordError, Sender
from voyant_cloud.cli.exits import CommandError
from voyant_cloud.realtime.written import write
from voyant_cloud.testing import VoyantServer

KEY = "vck_0123456789abcdef"


@attrs.define
class Clock:
    """The server's clock, which tests move."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@attrs.define
class Bench:
    """A sender with what it works on."""

    client: VoyantCloudClient
    checkpoint: Checkpoint
    counters: Counters
    refused: list[int]
    sender: Sender

    def send(self, *data: object, first: int = 1, channel: str = "a") -> None:
        numbers = range(first, first + len(data))
        messages = {
            number: write(RealtimeBatchMessage(channel=channel, event="e", data=each))
            for number, each in zip(numbers, data, strict=True)
        }
        self.sender.send(messages, {number: number for number in numbers})

    def leave(self) -> None:
        self.checkpoint.close()
        self.client.close()

    def stored(self, channel: str = "a") -> list[object]:
        return [message.data for message in self.client.realtime.history(channel)]


Make = Callable[..., Bench]


@pytest.fixture
def bench() -> Iterator[Make]:
    """Make benches, and take them down in the end."""
    made: list[Bench] = []

    def make(url: str, path: Path | None = None, *, resume: bool = False) -> Bench:
        client = VoyantCloudClient(api_key=KEY, base_url=url, retries=RetryPolicy(retries=1, deadline=2))
        checkpoint = Checkpoint(path)
        checkpoint.open(resume=resume, restart=False)
        refused: list[int] = []
        sender = Sender(client.realtime, checkpoint, counters := Counters(), lambda error: refused.append(error.number))
        made.append(Bench(client, checkpoint, counters, refused, sender))
        return made[-1]

    yield make
    for each in made:
        each.leave()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def running(clock: Clock) -> Iterator[VoyantServer]:
    with VoyantServer(api_key=KEY, clock=clock, limits={"message_bytes": 100}) as server:
        yield server


def interrupted(bench: Make, url: str, path: Path, *data: object, first: int = 1) -> None:
    """Publish a batch, and lose the process before it can note that it was published."""
    before = bench(url, path, resume=True)
    before.checkpoint.was_published = lambda _: None  # type: ignore[method-assign]
    before.send(*data, first=first)
    before.leave()


def test_a_batch_is_stored_and_settled(bench: Make, running: VoyantServer) -> None:
    """What was sent is in the history, in order, and counted."""
    here = bench(running.url)
    here.send(1, 2, 3)
    assert here.stored() == [1, 2, 3]
    assert len(here.checkpoint.settled) == here.counters.published == 3
    assert here.checkpoint.unfinished == []


def test_the_next_batch_knows_what_was_before_it(bench: Make, running: VoyantServer) -> None:
    """The id of the last message before is noted with a batch, for each channel that it goes to."""
    here = bench(running.url)
    here.send(1, 2)
    noted: list[dict[str, str]] = []
    inner = here.checkpoint.sending

    def sending(digests, after, texts):  # type: ignore[no-untyped-def]
        noted.append(dict(after))
        return inner(digests, after, texts)

    here.checkpoint.sending = sending  # type: ignore[method-assign]
    here.send(3, first=3)
    here.send(1, first=4, channel="b")
    assert noted == [{"a": here.client.realtime.history("a")[1].id}, {"b": ""}]


class TestRefusedRecords:
    """The service takes less than the contract allows."""

    @pytest.mark.parametrize("bad", [{1}, {7}, {10}, {1, 10}, {4, 5, 6}, set(range(1, 11))])
    def test_each_is_found(self, bench: Make, running: VoyantServer, bad: set[int]) -> None:
        """Those at fault are named, all others are stored once, in order."""
        here = bench(running.url)
        here.send(*("x" * 200 if number in bad else number for number in range(1, 11)))
        assert here.refused == sorted(bad)
        assert here.stored() == [number for number in range(1, 11) if number not in bad]
        assert here.checkpoint.unfinished == []

    def test_a_refusal_that_is_an_end(self, bench: Make, running: VoyantServer) -> None:
        """What the refusal raises ends it: all before is stored, nothing behind."""
        here = bench(running.url)

        def stop(error: RefusedRecordError) -> None:
            raise error

        here.sender._on_refused = stop
        with pytest.raises(RefusedRecordError, match="at most 100"):
            here.send(1, 2, "x" * 200, 4)
        assert here.stored() == [1, 2]
        assert here.checkpoint.unfinished == []


class TestFailures:
    """What is known after each kind of failure."""

    @pytest.mark.parametrize("status", [403, 503])
    def test_nothing_was_stored(self, bench: Make, status: int) -> None:
        """A refusal ends the batch: its records are as if they had never been sent."""
        with FakeService(answer({"error": "no"}, status)) as service:
            here = bench(service.url)
            with pytest.raises((ForbiddenError, ServiceUnavailableError)):
                here.send(1)
            assert here.checkpoint.unfinished == []
            assert len(here.checkpoint.settled) == 0

    @pytest.mark.parametrize("act", [reset, cut(), answer({"error": "late"}, 504), answer({"error": "no"}, 524)])
    def test_nobody_knows(self, bench: Make, act: object) -> None:
        """Without a clear answer the batch is kept as one without an end."""
        with FakeService(answer({"data": []}), act) as service:  # type: ignore[arg-type]
            here = bench(service.url)
            with pytest.raises(PublishOutcomeUnknown):
                here.send(1)
            assert len(here.checkpoint.unfinished) == 1

    @pytest.mark.parametrize(
        "act", [answer(b"<html>log in</html>"), answer({"data": []}), answer({"error": "used"}, 409), answer({"a": 1})]
    )
    def test_an_odd_answer_is_no_proof(self, bench: Make, act: object) -> None:
        """What a service of the contract would not answer leaves the batch without an end, and is an error."""
        with FakeService(answer({"data": []}), act) as service:  # type: ignore[arg-type]
            here = bench(service.url)
            with pytest.raises((VoyantDecodeError, ConflictError, CommandError)):
                here.send(1)
            assert len(here.checkpoint.unfinished) == 1
            assert here.counters.published == 0

    def test_nothing_is_sent_that_is_not_noted(self, bench: Make, running: VoyantServer) -> None:
        """Where the checkpoint cannot be written, nothing goes out."""
        here = bench(running.url)

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        here.checkpoint.sending = full  # type: ignore[assignment, method-assign]
        with pytest.raises(OSError, match="No space"):
            here.send(1)
        assert here.stored() == []


class TestUnfinished:
    """What becomes of a batch of which the run before did not learn the end."""

    def test_the_key_is_remembered(self, bench: Make, running: VoyantServer, tmp_path: Path) -> None:
        """It is sent again with its key, and stored once."""
        interrupted(bench, running.url, tmp_path / "c", 1, 2)
        here = bench(running.url, tmp_path / "c", resume=True)
        finish(here)
        assert here.stored() == [1, 2]
        assert (here.counters.published, len(here.checkpoint.settled)) == (2, 2)

    def test_it_never_arrived(self, bench: Make, running: VoyantServer, tmp_path: Path) -> None:
        """It is sent, and stored once."""
        lose(bench(running.url, tmp_path / "c"), 1, 2)
        here = bench(running.url, tmp_path / "c", resume=True)
        finish(here)
        assert here.stored() == [1, 2]

    def test_the_key_is_forgotten_and_history_has_it(
        self, bench: Make, running: VoyantServer, tmp_path: Path, clock: Clock
    ) -> None:
        """Long after, it is found in the history, and not sent again."""
        here = long_after(bench, running, tmp_path, clock, was_stored=True)
        finish(here)
        assert here.stored() == ["before", 1, 2]
        assert len(here.checkpoint.settled) == 3

    def test_the_key_is_forgotten_and_history_does_not_have_it(
        self, bench: Make, running: VoyantServer, tmp_path: Path, clock: Clock
    ) -> None:
        """Long after, it is not in the history behind what was before it, and is sent."""
        here = long_after(bench, running, tmp_path, clock, was_stored=False)
        finish(here)
        assert here.stored() == ["before", 1, 2]

    def test_the_key_may_end_while_it_is_sent_again(
        self, bench: Make, running: VoyantServer, tmp_path: Path, clock: Clock
    ) -> None:
        """Near the end of the key's life history is asked, since the sending may take longer than what is left."""
        interrupted(bench, running.url, tmp_path / "c", 1, 2)
        make_older(tmp_path / "c", 200)
        clock.now += 301
        here = bench(running.url, tmp_path / "c", resume=True)
        finish(here)
        assert here.stored() == [1, 2]

    def test_history_that_does_not_reach_back(
        self, bench: Make, running: VoyantServer, tmp_path: Path, clock: Clock
    ) -> None:
        """Where much was published since, it is found right behind what was before it."""
        with VoyantServer(api_key=KEY, clock=clock, limits={"history_messages": 5000}) as server:
            here = long_after(bench, server, tmp_path, clock, was_stored=True)
            here.client.realtime.publish_many({"channel": "a", "event": "e", "data": "other"} for _ in range(1100))
            finish(here)
            assert here.stored()[-1] == "other"
            assert here.checkpoint.unfinished == []
            assert len(here.client.realtime.history("a", limit=1000, since_id=None)) == 1000

    @pytest.mark.parametrize(
        ("unsure", "stored"), [(Finding.PUBLISHED, ["other"]), (Finding.NOT_PUBLISHED, ["other", 1, 2])]
    )
    def test_nobody_can_tell(
        self, bench: Make, running: VoyantServer, tmp_path: Path, clock: Clock, unsure: Finding, stored: list[object]
    ) -> None:
        """Where neither key nor history tells, it stops, names the records, and does what it is then told."""
        lost = bench(running.url, tmp_path / "c")
        lost.sender._to_ask = 0
        lose(lost, 1, 2, first=7)
        make_older(tmp_path / "c")
        here = bench(running.url, tmp_path / "c", resume=True)
        here.client.realtime.publish("a", event="e", data="other")
        with pytest.raises(CommandError, match=r"records 7 to 8 were sent .* --unsure publish or --unsure skip"):
            finish(here)
        assert here.stored() == ["other"]
        finish(here, unsure)
        assert here.stored() == stored
        assert len(here.checkpoint.settled) == 2

    def test_a_key_without_the_scope_to_read(self, bench: Make, tmp_path: Path) -> None:
        """A key that may only publish is enough while the service remembers keys."""
        with VoyantServer(api_key=f"{KEY}:realtime:publish") as server:
            interrupted(bench, server.url, tmp_path / "c", 1, 2)
            here = bench(server.url, tmp_path / "c", resume=True)
            finish(here)
            assert here.counters.published == 2

    def test_refused_now(self, bench: Make, tmp_path: Path) -> None:
        """What the service refuses by now is read from the input again, and not settled."""
        with VoyantServer(api_key=KEY, limits={"message_bytes": 100}) as server:
            lose(bench(server.url, tmp_path / "c"), "x" * 200)
            here = bench(server.url, tmp_path / "c", resume=True)
            finish(here)
            assert here.checkpoint.unfinished == []
            assert len(here.checkpoint.settled) == 0


def finish(here: Bench, unsure: Finding | None = None) -> None:
    for sending in here.checkpoint.unfinished:
        here.sender.finish(sending, unsure)


def make_older(path: Path, seconds: float = 3600) -> None:
    """Have the checkpoint say that its batch was sent some time before."""
    lines = path.read_text().splitlines(keepends=True)
    entry = json.loads(lines[-1])
    entry["at"] -= seconds
    path.write_text("".join(lines[:-1]) + json.dumps(entry) + "\n")


def long_after(bench: Make, running: VoyantServer, folder: Path, clock: Clock, *, was_stored: bool) -> Bench:
    """Lose a run with its second batch, and come back when the service has forgotten the keys."""
    first = bench(running.url, folder / "c")
    first.send("before")
    if was_stored:
        first.checkpoint.was_published = lambda _: None  # type: ignore[method-assign]
        first.send(1, 2, first=2)
        first.leave()
    else:
        lose(first, 1, 2, first=2)
    clock.now += 3600
    make_older(folder / "c")
    return bench(running.url, folder / "c", resume=True)


def lose(here: Bench, *data: object, first: int = 1) -> None:
    """Note a batch, and lose the process before it is sent."""
    here.client.realtime.publish_written = refuse  # type: ignore[method-assign]
    here.checkpoint.was_refused = lambda _: None  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailableError):
        here.send(*data, first=first)
    here.leave()


def refuse(*_: object, **__: object) -> None:
    raise ServiceUnavailableError("no", status=503, code="service_unavailable")


def test_two_threads(bench: Make, running: VoyantServer) -> None:
    """Batches of different channels may be sent together."""
    here = bench(running.url)
    threads = [
        threading.Thread(target=lambda name=name, first=first: here.send(*range(20), first=first, channel=name))  # type: ignore[misc]
        for name, first in (("a", 1), ("b", 101), ("c", 201))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert here.counters.published == 60
    assert here.stored("b") == list(range(20))
