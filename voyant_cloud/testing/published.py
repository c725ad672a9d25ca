"""Asserts over what was published, whose failures say what was published instead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.testing.difference import one_line
from voyant_cloud.testing.wanted import ANYTHING, Wanted

__all__ = ["ANYTHING", "MessageSource", "Published"]

LOOK_EVERY: Final = 0.01
"""Seconds."""
_SHOWN: Final = 3
_LISTED: Final = 10
_COMPARED: Final = 20


class MessageSource(Protocol):
    """What knows the messages that were published: a ``VoyantServer`` or a ``RecordingClient``."""

    @property
    def messages(self) -> list[RealtimeMessageSummary]:
        """All of them, oldest first."""


class Published:
    """What was published, to be asserted over; needs no pytest.

    ::

        published = Published(server)
        message = published("orders:eu", event="order.updated", data={"orderId": "ord_1"})

    All methods take the same description of messages:

    * *channel*: the channel; ``None`` for any.
    * *event*: the event's name; ``None`` for any.
    * *data*: the data, equal as JSON. Parts of it may be objects that compare themselves, as ``mock.ANY``.
    * *data_contains*: data of which objects may have more keys, at every depth.

    Args:
        source: knows the messages.
    """

    def __init__(self, source: MessageSource) -> None:
        self._source = source

    def __call__(
        self,
        channel: str | None = None,
        *,
        event: str | None = None,
        data: Any = ANYTHING,
        data_contains: Any = ANYTHING,
        within: float = 0.0,
    ) -> RealtimeMessageSummary:
        """Assert that such a message was published, and return the newest.

        Args:
            channel, event, data, data_contains: see above.
            within: seconds to wait for it, where another thread or a WebSocket publishes; 0 looks once.

        Raises:
            AssertionError: there is none; it shows the nearest that there are, with a diff of their data.
        """
        __tracebackhide__ = True
        wanted = Wanted(channel, event, data, data_contains)
        deadline = time.monotonic() + within
        while True:
            found = self._source.messages
            match = next(filter(wanted.matches, reversed(found)), None)
            if match is not None:
                return match
            if time.monotonic() >= deadline:
                raise AssertionError("\n".join(_missing(wanted, found)))
            threading.Event().wait(LOOK_EVERY)

    def nothing(
        self,
        channel: str | None = None,
        *,
        event: str | None = None,
        data: Any = ANYTHING,
        data_contains: Any = ANYTHING,
    ) -> None:
        """Assert that no such message was published; without arguments, none at all.

        Raises:
            AssertionError: there is one; it lists them.
        """
        __tracebackhide__ = True
        wanted = Wanted(channel, event, data, data_contains)
        found = list(filter(wanted.matches, self._source.messages))
        if found:
            raise AssertionError("\n".join(_unexpected(wanted, found)))

    def count(
        self,
        channel: str | None = None,
        *,
        event: str | None = None,
        data: Any = ANYTHING,
        data_contains: Any = ANYTHING,
    ) -> int:
        """Return how many such messages were published."""
        return len(self.messages(channel, event=event, data=data, data_contains=data_contains))

    def messages(
        self,
        channel: str | None = None,
        *,
        event: str | None = None,
        data: Any = ANYTHING,
        data_contains: Any = ANYTHING,
    ) -> list[RealtimeMessageSummary]:
        """Return such messages, oldest first."""
        return list(filter(Wanted(channel, event, data, data_contains).matches, self._source.messages))


def _missing(wanted: Wanted, found: Sequence[RealtimeMessageSummary]) -> Iterator[str]:
    yield "no such message was published:"
    yield from (f"    {line}" for line in wanted.lines())
    if not found:
        yield "nothing was published at all"
        return
    nearest = _nearest(wanted, found)[:_SHOWN]
    yield f"{_were(len(found))} published, nearest first:"
    for number, message in enumerate(nearest, 1):
        yield f"{number:3} {_title(message)}"
        yield from (f"      {line}" for line in wanted.differences(message))
    if len(found) > len(nearest):
        yield f"    … and {len(found) - len(nearest)} more"


def _unexpected(wanted: Wanted, found: Sequence[RealtimeMessageSummary]) -> Iterator[str]:
    yield f"{_were(len(found))} published that should not have been:"
    yield from (f"    {line}" for line in wanted.lines())
    for number, message in enumerate(found[:_LISTED], 1):
        yield f"{number:3} {_title(message)} {one_line(message.data)}"
    if len(found) > _LISTED:
        yield f"    … and {len(found) - _LISTED} more"


def _nearest(wanted: Wanted, found: Sequence[RealtimeMessageSummary]) -> list[RealtimeMessageSummary]:
    newest_first = list(reversed(found))
    # By names first: to compare the data of thousands would take longer than the test.
    named = sorted(newest_first, key=wanted.names_met, reverse=True)[:_COMPARED]
    return sorted(named, key=wanted.likeness, reverse=True)


def _title(message: RealtimeMessageSummary) -> str:
    return f"{message.channel} {message.event}"


def _were(count: int) -> str:
    return "1 message was" if count == 1 else f"{count} messages were"
