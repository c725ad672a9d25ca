"""What a subscription knows across its connections: its cursor, what it has seen, where history has gaps. Pure."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import Final

from voyant_cloud.errors import RealtimeGapError, VoyantError
from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelTokenExpiringEvent,
    RealtimeMessageSummary,
)
from voyant_cloud.realtime.events import Event, RealtimeChannelGapEvent
from voyant_cloud.realtime.fast_frames import decode_frames
from voyant_cloud.realtime.frames import HISTORY_GAP, Pong, ServerFrame
from voyant_cloud.urls import redact

__all__ = ["REMEMBERED_IDS", "Session"]

REMEMBERED_IDS: Final = 4096
"""How many ids of received messages are remembered, to drop a replay that repeats them."""

logger = logging.getLogger("voyant_cloud.realtime")


class Session:
    """A subscription, as told by the frames that came. It has no socket, thread or clock; one thread uses it.

    The service may say less than this project's own does: without ``lastId`` in ``connected`` there is no cursor
    before the first message, and then a reconnect is a possible gap. A gap that it does tell comes as an error frame.

    Args:
        channel: the channel's name, for logs.
        since_id: the id of the last message seen in an earlier run, or ``None``.
        raise_on_gap: whether a gap is an error rather than an event.
    """

    def __init__(self, *, channel: str, since_id: str | None, raise_on_gap: bool) -> None:
        self._channel = channel
        self._raise_on_gap = raise_on_gap
        self._seen: set[str] = set()
        self._seen_in_order: deque[str] = deque()
        self._was_live = False
        # The newest id when the connection went live; None once a message says more.
        self._head: str | None = None
        self.cursor = since_id
        """The id to resume after: that of the last message received."""
        self.is_live = False
        """Whether the present connection has said ``connected``."""
        self.token_expiring = False
        """Whether the service said on the present connection that the token expires soon."""
        if since_id is not None:
            # A service may replay from the id on, rather than after it.
            self._seen.add(since_id)
            self._seen_in_order.append(since_id)

    def dialing(self) -> None:
        """Note that a new connection is made."""
        self.is_live = False
        self.token_expiring = False
        self._head = None

    def texts_received(self, texts: Iterable[str], events: list[Event]) -> None:
        """Take text frames and add what the handlers are to be told.

        A frame that cannot be read is logged and dropped, and so is a message that was received before.

        Args:
            texts: the frames, in order.
            events: is added to, also by what came before a gap.

        Raises:
            RealtimeGapError: history has a gap, and a gap is an error.
        """
        seen, in_order = self._seen, self._seen_in_order
        for frame in decode_frames(texts):
            if not isinstance(frame, RealtimeMessageSummary):
                events += self._events_of(frame)
            elif (message_id := frame.id) not in seen:
                seen.add(message_id)
                in_order.append(message_id)
                self.cursor = message_id
                self._head = None
                events.append(frame)
        while len(in_order) > REMEMBERED_IDS:
            seen.remove(in_order.popleft())

    def _events_of(self, frame: ServerFrame | VoyantError | None) -> list[Event]:
        assert not isinstance(frame, RealtimeMessageSummary)
        if isinstance(frame, VoyantError):
            logger.warning("channel %s: dropped a frame that cannot be read: %s", self._channel, redact(str(frame)))
            return []
        if isinstance(frame, RealtimeChannelConnectedEvent):
            return self._connected(frame)
        if isinstance(frame, RealtimeChannelError) and frame.code == HISTORY_GAP:
            return self._history_gap(frame)
        if isinstance(frame, RealtimeChannelTokenExpiringEvent):
            self.token_expiring = True
            return []
        return [] if frame is None or isinstance(frame, Pong) else [frame]

    def _connected(self, event: RealtimeChannelConnectedEvent) -> list[Event]:
        may_have_missed = self._was_live and not self.is_live and self.cursor is None
        self.is_live = self._was_live = True
        self._head = event.last_id
        if self.cursor is None:
            self.cursor = event.last_id
        if not may_have_missed:
            return [event]
        return [event, self._gap(RealtimeChannelGapEvent(since_id=None, resumed_from=None, reason="no_cursor"))]

    def _history_gap(self, frame: RealtimeChannelError) -> list[Event]:
        since_id = frame.since_id or self.cursor
        if frame.resumed_from is None and self._head is not None:
            # Nothing follows that could move the cursor, and asked for the old one the gap would be told again.
            self.cursor = self._head
        gap = RealtimeChannelGapEvent(since_id=since_id, resumed_from=frame.resumed_from, reason=HISTORY_GAP)
        return [self._gap(gap)]

    def _gap(self, gap: RealtimeChannelGapEvent) -> RealtimeChannelGapEvent:
        if not self._raise_on_gap:
            return gap
        after = f"after {gap.since_id}" if gap.since_id else "before the first one"
        raise RealtimeGapError(f"messages {after} may be missing ({gap.reason})", code=gap.reason)
