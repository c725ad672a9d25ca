"""What a running server counts: plain numbers on its event loop, which a scrape of ``/metrics`` reads; pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Final

from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.server.refusal import STATUS_OF_CODE

__all__ = ["OPERATIONS", "OTHER", "Histogram", "Labels", "Tally"]

OPERATIONS: Final = ("append", "history", "replay", "channels", "check", "watch", "enter", "leave", "members")
"""The operations of an engine that are timed."""
OTHER: Final = "other"
"""Stands for whatever has no label of its own, so that no peer can make up labels."""
Labels = tuple[str, ...]
"""The values of a metric's labels."""
TRANSPORTS: Final = ("http", "websocket")
OUTCOMES: Final = ("recovered", "gap", "live")
_DELIVERY_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_ENGINE_BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
_LAG_BOUNDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Histogram:
    """How often values fell between some bounds.

    Args:
        bounds: the upper bounds, ascending; what is over the last is counted, too.

    Attributes:
        sum: all values together.
    """

    __slots__ = ("_bounds", "_counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.sum = 0.0
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """Count one value. A negative one counts as 0: clocks of two machines may differ."""
        value = max(value, 0.0)
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return each upper bound, the last of them ``+Inf``, with how many values are not above it."""
        bounds = [*map(str, self._bounds), "+Inf"]
        return list(zip(bounds, accumulate(self._counts), strict=True))


class Tally:
    """The counts of one server, from its start on. All of it is for the event loop, where an addition needs no lock.

    Args:
        clock: seconds since 1970, by the clock that messages are stamped with.

    Attributes:
        opened: WebSockets that were upgraded.
        closes: WebSockets that ended, by close code.
        publishes: publish requests and frames that were stored, by transport.
        messages: messages in them, by transport.
        refusals: requests and frames that were refused, by transport and code.
        replays: subscriptions, by how they began.
        gaps: gaps that subscribers were told of.
        live: messages handed to a socket as they were published, one for each subscriber.
        replayed: messages handed to a socket while it caught up.
        fell_behind: how often a subscriber had to leave the live messages and catch up.
        delivery: seconds from a message's commit until it was handed to the sockets of this node's live subscribers.
        loop_lag: seconds that the event loop was late.
        engine: seconds of the engine's operations.
        engine_failures: how often they failed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.opened = 0
        self.closes = dict.fromkeys([*(str(int(code)) for code in CloseCode), OTHER], 0)
        self.publishes = dict.fromkeys(TRANSPORTS, 0)
        self.messages = dict.fromkeys(TRANSPORTS, 0)
        codes = [*STATUS_OF_CODE, OTHER]
        self.refusals: dict[Labels, int] = {(transport, code): 0 for transport in TRANSPORTS for code in codes}
        self.replays = dict.fromkeys(OUTCOMES, 0)
        self.gaps = 0
        self.live = 0
        self.replayed = 0
        self.fell_behind = 0
        self.delivery = Histogram(_DELIVERY_BOUNDS)
        self.loop_lag = Histogram(_LAG_BOUNDS)
        self.engine = {operation: Histogram(_ENGINE_BOUNDS) for operation in OPERATIONS}
        self.engine_failures = dict.fromkeys(OPERATIONS, 0)

    @property
    def open(self) -> int:
        """WebSockets that were upgraded and have not ended."""
        return self.opened - sum(self.closes.values())

    def published(self, transport: str, messages: int) -> None:
        """Count a publish that was stored; *transport* is ``http`` or ``websocket``."""
        self.publishes[transport] += 1
        self.messages[transport] += messages

    def fanned_out(self, messages: int, subscribers: int, ms: int) -> None:
        """Count messages that were handed to the sockets of subscribers.

        Args:
            messages: how many.
            subscribers: how many took them.
            ms: when the newest was committed, milliseconds since 1970.
        """
        self.live += messages * subscribers
        self.delivery.observe(self._clock() - ms / 1000)

    def refused(self, transport: str, code: str) -> None:
        """Count a request or frame that was refused with a code of ``STATUS_OF_CODE``."""
        self.refusals[transport, code if code in STATUS_OF_CODE else OTHER] += 1

    def closed(self, code: int | None) -> None:
        """Count a WebSocket that ended, with the code that it ended with."""
        name = str(code)
        self.closes[name if name in self.closes else OTHER] += 1
