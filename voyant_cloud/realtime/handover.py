"""How a message gets from the handlers' thread to a ``for`` loop in another: one at a time, hand to hand."""

from __future__ import annotations

import threading
from enum import Enum
from typing import Final

from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["Given", "Handover"]

# A wait without a limit cannot be interrupted by Ctrl-C on Windows.
_WAIT: Final = 1.0


class Given(Enum):
    """What became of a message that was offered to the loop."""

    DONE = "done"
    """The loop took it and came back for the next."""
    TAKEN = "taken"
    """The loop took it and was left."""
    LEFT = "left"
    """The loop was left before it took it."""


class Handover:
    """The place where one thread gives messages and another takes them.

    Lock rule: ``_changed`` guards every field. Neither side holds it while it works on a message.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._offer: RealtimeMessageSummary | None = None
        self._taken = False
        self._finished = False
        self.wanted = False
        """Whether a loop runs."""

    # The loop's side

    def begin(self) -> None:
        """Start to take messages.

        Raises:
            RealtimeError: another loop does.
        """
        with self._changed:
            if self.wanted:
                raise RealtimeError("another loop iterates over this channel; a message can only go to one of them")
            self.wanted = True
            self._finished = False

    def take(self) -> RealtimeMessageSummary | None:
        """Say that the last message is done with and wait for the next; ``None`` at the end."""
        with self._changed:
            if self._taken:
                self._clear()
            while self._offer is None and not self._finished:
                self._changed.wait(_WAIT)
            if self._offer is not None:
                self._taken = True
            return self._offer

    def end(self) -> None:
        """Take no more messages."""
        with self._changed:
            self.wanted = False
            self._changed.notify_all()

    # The giver's side

    def give(self, message: RealtimeMessageSummary) -> Given:
        """Offer a message and wait until the loop is done with it, or is left."""
        with self._changed:
            if not self.wanted or self._finished:
                return Given.LEFT
            self._offer = message
            self._taken = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._offer is None or not self.wanted or self._finished)
            if self._offer is None:
                return Given.DONE
            given = Given.TAKEN if self._taken else Given.LEFT
            self._clear()
            return given

    def finish(self) -> None:
        """No more messages will be given; whoever waits goes on."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _clear(self) -> None:
        self._offer = None
        self._taken = False
        self._changed.notify_all()
