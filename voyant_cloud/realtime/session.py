"""What a subscription knows across its connections: its cursor, what it has seen, where history has gaps. Pure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final

from voyant_cloud.errors import RealtimeGapError, VoyantError
from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelTokenExpiringEvent,
    RealtimeMessageSummary,
)
from voyant_cloud.realtime.events import Event, RealtimeChannelGapEvent
from voyant_cloud.realtime.fast_frames import read_message, read_messages
from voyant_cloud.realtime.frames import HISTORY_GAP, Pong, ServerFrame, decode_server_frame
from voyant_cloud.urls import redact

__all__ = ["REMEMBERED_IDS", "Session"]

REMEMBERED_IDS: Final = 4096
"""How many ids of received messages are remembered, to drop a replay that repeats them."""
_FEW: Final = 4
"""Texts from which on it is quicker to read all together."""
_SOME: Final = 32
"""How many are read together where something else is among more: a stream of all kinds is parsed twice, not often."""

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
        # In the order in which they came, the oldest first.
        self._seen: dict[str, None] = {}
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
            self._seen[since_id] = None

    def dialing(self) -> None:
        """Note that a new connection is made."""
        self.is_live = False
        self.token_expiring = False
        self._head = None

    def texts_received(self, texts: Sequence[str], events: list[Event]) -> None:
        """Take text frames and add what the handlers are to be told.

        A frame that cannot be read is logged and dropped, and so is a message that was received before.

        Args:
            texts: the frames, in order.
            events: is added to, also by what came before a gap.

        Raises:
            RealtimeGapError: history has a gap, and a gap is an error.
        """
        if len(texts) < _FEW:
            self._few_received(texts, events)
        elif (messages := read_messages(texts)) is not None:
            self._messages_received(messages, events)
        elif len(texts) > _SOME:
            # Something else is among them, and most of them are messages still.
            for begin in range(0, len(texts), _SOME):
                self.texts_received(texts[begin : begin + _SOME], events)
        else:
            self._few_received(texts, events)

    def _messages_received(self, messages: list[RealtimeMessageSummary], events: list[Event]) -> None:
        seen = self._seen
        fresh = dict.fromkeys([message.id for message in messages])
        if len(fresh) < len(messages) or not seen.keys().isdisjoint(fresh):
            # The first of each that was not received before.
            firsts = {message.id: message for message in reversed(messages) if message.id not in seen}
            messages = [message for message in messages if firsts.get(message.id) is message]
            fresh = dict.fromkeys([message.id for message in messages])
        if not messages:
            return
        seen |= fresh
        for message_id in list(islice(seen, max(len(seen) - REMEMBERED_IDS, 0))):
            del seen[message_id]
        self.cursor = messages[-1].id
        self._head = None
        events += messages

    def _message_received(self, message: RealtimeMessageSummary, events: list[Event]) -> None:
        seen = self._seen
        if message.id in seen:
            return
        if len(seen) >= REMEMBERED_IDS:
            del seen[next(iter(seen))]
        seen[message.id] = None
        self.cursor = message.id
        self._head = None
        events.append(message)

    def _few_received(self, texts: Sequence[str], events: list[Event]) -> None:
        for text in texts:
            message = read_message(text)
            if message is not None:
                self._message_received(message, events)
            else:
                self._other_received(text, events)

    def _other_received(self, text: str, events: list[Event]) -> None:
        try:
            frame = decode_server_frame(text)
        except VoyantError as error:
            logger.warning("channel %s: dropped a frame that cannot be read: %s", self._channel, redact(str(error)))
            return
        if isinstance(frame, RealtimeMessageSummary):
            self._message_received(frame, events)
        else:
            events += self._events_of(frame)

    def _events_of(self, frame: ServerFrame | None) -> list[Event]:
        assert not isinstance(frame, RealtimeMessageSummary)
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
