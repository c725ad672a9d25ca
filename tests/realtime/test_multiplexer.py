"""One thread for many readers, where something goes wrong with it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator

import pytest

from tests.fake_realtime import PATIENCE, FakeRealtime
from tests.realtime.channel_tools import open_channel
from voyant_cloud.errors import RealtimeClosedError
from voyant_cloud.realtime import multiplexer
from voyant_cloud.realtime.lifecycle import Closing
from voyant_cloud.realtime.multiplexer import Multiplexer
from voyant_cloud.realtime.shared_threads import SharedThreads
from voyant_cloud.realtime.steps import Blocking, Pause, Receive, Steps
from voyant_cloud.realtime.timers import Timers
from voyant_cloud.realtime.workers import Workers


@pytest.fixture
def running() -> Iterator[Multiplexer]:
    connectors = Workers("connectors", 1)
    made = Multiplexer(connectors)
    yield made
    made.close()
    made.join(time.monotonic() + PATIENCE)
    connectors.close()


class Unwatchable:
    """What no selector takes, as a socket beyond the system's limit: here a plain file."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def receive(self, timeout: float, limit: int) -> list[str]:
        """Never."""
        raise NotImplementedError


def test_what_the_system_will_not_watch_is_that_readers_problem(running: Multiplexer) -> None:
    """It gets the error, and the others go on."""
    errors: list[OSError] = []

    def steps(descriptor: int) -> Steps[None]:
        try:
            yield Receive(Unwatchable(descriptor), PATIENCE, 1)
        except OSError as error:
            errors.append(error)

    with tempfile.TemporaryFile() as file:
        for _ in range(2):
            reading = running.read(steps(file.fileno()))
            reading.join(PATIENCE)
            assert not reading.is_alive()
    assert len(errors) == 2


def test_after_the_end_nothing_is_read(running: Multiplexer) -> None:
    """What comes late is at its end at once."""
    begun: list[int] = []

    def steps() -> Steps[None]:
        begun.append(1)
        yield Receive(Unwatchable(0), PATIENCE, 1)

    running.close()
    assert not running.read(steps()).is_alive()
    assert begun == []


def test_a_late_wake_finds_nothing_to_do(running: Multiplexer) -> None:
    """A reading that is over, or waits for something else by now, is woken in vain; the others go on."""
    closing = Closing()

    def steps() -> Steps[None]:
        yield Pause(closing, PATIENCE)

    first = running.read(steps())
    closing.ring()
    first.join(PATIENCE)
    for _ in range(3):
        first.wake()
    second = running.read(steps())
    second.join(PATIENCE)
    assert not second.is_alive()
    assert not running.is_closed


def test_one_readers_failure_is_its_own(running: Multiplexer, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the others go on."""

    def failing() -> Steps[None]:
        yield Pause(Closing(), 0.0)
        raise LookupError("a bug")

    def steps() -> Steps[None]:
        yield Pause(Closing(), 0.0)

    for each in (failing(), steps()):
        reading = running.read(each)
        reading.join(PATIENCE)
        assert not reading.is_alive()
    assert "LookupError: a bug" in caplog.text
    assert not running.is_closed


def test_without_a_thread_for_it_a_step_fails(running: Multiplexer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system gives no thread at all, the reader gets the error, and may try again."""
    errors: list[RuntimeError] = []
    called: list[int] = []

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    def steps() -> Steps[None]:
        with monkeypatch.context() as patch:
            patch.setattr(Workers, "_start_one", refuse)
            try:
                yield Blocking(lambda: called.append(1))
            except RuntimeError as error:
                errors.append(error)
        yield Blocking(lambda: called.append(2))

    reading = running.read(steps())
    reading.join(PATIENCE)
    assert not reading.is_alive()
    assert (len(errors), called) == (1, [2])


def test_a_bug_is_an_error_of_all_channels_and_no_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread that dies must not leave channels that look healthy."""

    class Broken(Timers):
        def take_due(self, now: float) -> list[int]:
            if self._due_at:
                raise AssertionError
            return super().take_due(now)

    monkeypatch.setattr(multiplexer, "Timers", Broken)
    with FakeRealtime() as service, SharedThreads() as threads, open_channel(service, threads=threads) as channel:
        service.accept().go_live()
        assert channel.wait_closed(PATIENCE)
        assert isinstance(channel.error, RealtimeClosedError)
        with pytest.raises(RealtimeClosedError, match="threads of the channel have ended"):
            list(channel)
    assert "this is a bug" in caplog.text
