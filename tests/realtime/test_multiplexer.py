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
from voyant_cloud.realtime.multiplexer import Multiplexer
from voyant_cloud.realtime.shared_threads import SharedThreads
from voyant_cloud.realtime.steps import Receive, Steps
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

    has_more = False

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
