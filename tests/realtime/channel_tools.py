"""What tests of channels share: opening one on a scripted peer, and collecting what its handlers see."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fake_realtime import PATIENCE, FakeRealtime
from voyant_cloud.realtime.channel import RealtimeChannel
from voyant_cloud.realtime.shared_threads import SharedThreads

__all__ = ["Seen", "open_channel", "shared_thread_names"]


shared: SharedThreads | None = None
"""What the channels run on; the fixture ``threads`` sets it."""


@contextmanager
def open_channel(service: FakeRealtime, **options: Any) -> Iterator[RealtimeChannel]:
    """Open a channel to *service*, with a fixed token unless told otherwise, and close it without waiting for it."""
    given = {"channel": "orders:eu", "token": "rtok_1", "base_url": service.url, "threads": shared, **options}
    channel = RealtimeChannel(**given)
    try:
        yield channel
    finally:
        channel.close(timeout=0)
        assert channel.wait_closed(PATIENCE)


def shared_thread_names() -> list[str]:
    """Return the names of all threads that channels share."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("voyant-shared")]


class Seen:
    """The events of some kinds that a channel's handlers were given, in order."""

    def __init__(self, channel: RealtimeChannel, *names: str) -> None:
        self.all: list[tuple[str, Any]] = []
        self._changed = threading.Condition()
        for name in names:
            channel.on(name, lambda event, name=name: self._add(name, event))

    @property
    def ids(self) -> list[str]:
        """The ids of the messages."""
        return [event.id for name, event in self.all if name == "message"]

    def wait(self, count: int) -> list[tuple[str, Any]]:
        """Wait until there are *count* events and return them."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.all) >= count, PATIENCE), f"only {self.all} came"
            return self.all[:count]

    def pause(self) -> None:
        """Give other threads a moment, in a loop that looks for something else."""
        with self._changed:
            self._changed.wait(0.001)

    def _add(self, name: str, event: Any) -> None:
        with self._changed:
            self.all.append((name, event))
            self._changed.notify_all()
