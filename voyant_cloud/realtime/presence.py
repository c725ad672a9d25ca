"""What a subscriber wants others to see of it, kept over the ends of connections."""

from __future__ import annotations

import contextlib
import threading

from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimePresenceInput, RealtimePresenceIntent
from voyant_cloud.realtime.connection import Connection
from voyant_cloud.realtime.frames import encode_frame
from voyant_cloud.realtime.lifecycle import Lifecycle

__all__ = ["PresenceWish"]


class PresenceWish:
    """Says what is wished as soon as there is a connection, and again on each that follows.

    Lock rule: ``_lock`` guards ``_wish`` and is held while it is sent, so that what the service hears last is what
    was wished last. ``Lifecycle`` is asked under it, and asks for no other lock.

    Args:
        lifecycle: where the connection comes from.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lock = threading.Lock()
        self._lifecycle = lifecycle
        self._wish: str | None = None

    def say(self, word: RealtimePresenceInput) -> None:
        """Enter, update or leave: now if connected, else with the next connection.

        Args:
            word: what to say. Its data is taken as it is now.

        Raises:
            RealtimeClosedError: the channel has ended.
        """
        leaves = word.action == RealtimePresenceIntent.LEAVE
        enter = RealtimePresenceInput(action=RealtimePresenceIntent.ENTER, data=word.data)
        with self._lock:
            connection = self._lifecycle.live_connection()
            self._wish = None if leaves else encode_frame(enter)
            if connection is not None:
                self._send(connection, encode_frame(word))

    @property
    def is_wished(self) -> bool:
        """Whether there is something to say on the next connection."""
        return self._wish is not None

    def went_live(self, connection: Connection) -> None:
        """Note that *connection* works, and say on it what is wished."""
        with self._lock:
            self._lifecycle.went_live()
            if self._wish is not None:
                self._send(connection, self._wish)

    def _send(self, connection: Connection, text: str) -> None:
        assert self._lock.locked()
        # A connection that breaks here is followed by another, and the wish is said on that.
        with contextlib.suppress(RealtimeError):
            connection.send(text)
