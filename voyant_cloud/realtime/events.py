"""What a channel tells its handlers: the contract's events by name, and two that the channel makes itself."""

from __future__ import annotations

from typing import Final

import attrs

from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelPresenceEvent,
    RealtimeMessageSummary,
)

__all__ = [
    "EVENT_NAMES",
    "MESSAGE",
    "Event",
    "RealtimeChannelDisconnectedEvent",
    "RealtimeChannelGapEvent",
]


@attrs.frozen(kw_only=True)
class RealtimeChannelDisconnectedEvent:
    """A connection that was live has ended, or the channel has ended for good.

    Attributes:
        code: the close code: 1000 after ``close()``, 1006 where the connection was lost without a word.
        reason: why, in words; safe to log.
        will_reconnect: whether the channel connects again by itself. ``False`` is the channel's last event.
        retry_in: seconds until it does; ``None`` where it does not.
    """

    code: int
    reason: str
    will_reconnect: bool
    retry_in: float | None


@attrs.frozen(kw_only=True)
class RealtimeChannelGapEvent:
    """Messages may have been missed here.

    Attributes:
        since_id: the last message received before the gap; ``None`` where there was none.
        resumed_from: the first message that follows; ``None`` where none is stored, or the service does not say.
        reason: ``history_gap``: history no longer reaches back to *since_id*, so messages were missed. ``no_cursor``:
            the connection was lost before any message had come, so nothing says whether one was missed.
    """

    since_id: str | None
    resumed_from: str | None
    reason: str


Event = (
    RealtimeChannelConnectedEvent
    | RealtimeMessageSummary
    | RealtimeChannelPresenceEvent
    | RealtimeChannelError
    | RealtimeChannelDisconnectedEvent
    | RealtimeChannelGapEvent
)

MESSAGE: Final = "message"
EVENT_NAMES: Final[dict[type[Event], str]] = {
    RealtimeChannelConnectedEvent: "connected",
    RealtimeMessageSummary: MESSAGE,
    RealtimeChannelPresenceEvent: "presence",
    RealtimeChannelError: "error",
    RealtimeChannelDisconnectedEvent: "disconnected",
    RealtimeChannelGapEvent: "gap",
}
"""What each event is called in ``channel.on(…)``."""
