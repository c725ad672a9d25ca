"""What ``listen`` does with each event: print it, count it, and remember how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from voyant_cloud.cli.output import Output, as_json
from voyant_cloud.converter import unstructure, wire_time
from voyant_cloud.models import (
    RealtimeChannelConnectedEvent,
    RealtimeChannelPresenceEvent,
    RealtimeMessageSummary,
)
from voyant_cloud.realtime.events import RealtimeChannelDisconnectedEvent, RealtimeChannelGapEvent

if TYPE_CHECKING:
    from voyant_cloud import RealtimeChannel

__all__ = ["Listener"]

_COLOUR_OF_ACTION = {"enter": "green", "leave": "red", "update": "yellow"}


class Listener:
    """Prints a channel's events, in order, on the channel's own thread.

    The position moves once a message is written, so what is saved of it loses nothing: after a crash the last
    messages may come again.

    Args:
        out: where to print.
        events: the names of the events to print; empty for all.
        count: how many messages to print before it is done; ``None`` for no end.
        position: the id of the message that was dealt with last, ``None`` for live messages only.
        with_presence: whether presence is printed, too.

    Attributes:
        done: set when there is nothing more to do, or nothing more can be done.
        was_connected: whether the channel was ever connected.
        printed: how many messages were printed.
        position: the id of the newest message that was dealt with; before the first, where the channel began.
        problem: why printing stopped, ``None`` where it did not.
    """

    def __init__(
        self,
        out: Output,
        *,
        events: Collection[str],
        count: int | None,
        position: str | None,
        with_presence: bool,
    ) -> None:
        self._out = out
        self._events = frozenset(events)
        self._count = count
        self._with_presence = with_presence
        self.done = threading.Event()
        self.was_connected = False
        self.printed = 0
        self.position = position
        self.problem: Exception | None = None

    def attach(self, channel: RealtimeChannel) -> None:
        """Begin to take the channel's events."""
        channel.on("connected", self._guarded(self._connected))
        channel.on("message", self._guarded(self._message))
        if self._with_presence:
            channel.on("presence", self._guarded(self._presence))
        channel.on("gap", self._guarded(self._gap))
        channel.on("disconnected", self._guarded(self._disconnected))

    def _guarded(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        def handle(event: Any) -> None:
            # What comes after the end belongs to the next run.
            if self.done.is_set():
                return
            try:
                handler(event)
            except Exception as error:  # noqa: BLE001 - raised again by whoever waits for the end
                self.problem = error
                self.done.set()

        return handle

    def _connected(self, event: RealtimeChannelConnectedEvent) -> None:
        self.was_connected = True
        self.position = self.position or event.last_id
        self._out.say(f"Connected to {event.channel}{'; Ctrl-C ends it' if self._out.on_terminal else ''}.")

    def _message(self, message: RealtimeMessageSummary) -> None:
        if not self._events or message.event in self._events:
            self._print_message(message)
            self.printed += 1
        self.position = message.id
        if self.printed == self._count:
            self.done.set()

    def _print_message(self, message: RealtimeMessageSummary) -> None:
        out, at = self._out, wire_time(message.published_at)
        if out.as_json:
            out.json_line({"type": "message", **unstructure(message)})
        elif out.on_terminal:
            name = out.style(message.event, fg="cyan", bold=True)
            out.line(f"{out.style(at, dim=True)}  {name}  {out.style(as_json(message.data))}")
        else:
            out.columns("message", at, message.event, as_json(message.data), message.id)

    def _presence(self, event: RealtimeChannelPresenceEvent) -> None:
        out, at, action = self._out, wire_time(event.at), str(event.action)
        if out.as_json:
            out.json_line({"type": "presence", **unstructure(event)})
        elif out.on_terminal:
            name = out.style(f"{event.client_id} {action}", fg=_COLOUR_OF_ACTION.get(action), bold=True)
            out.line(f"{out.style(at, dim=True)}  {name}  {out.style(as_json(event.data))}")
        else:
            out.columns("presence", at, action, as_json(event.data), event.client_id)

    def _gap(self, gap: RealtimeChannelGapEvent) -> None:
        if self._out.as_json:
            seen = {"sinceId": gap.since_id, "resumedFrom": gap.resumed_from, "reason": gap.reason}
            self._out.json_line({"type": "gap", **seen})
        after = f"after {gap.since_id}" if gap.since_id else "while it was not connected"
        self._out.say(f"Messages {after} may be missing ({gap.reason}).")

    def _disconnected(self, event: RealtimeChannelDisconnectedEvent) -> None:
        if not event.will_reconnect:
            self.done.set()
