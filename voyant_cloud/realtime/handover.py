"""How messages get from the handlers' thread to a ``for`` loop in another: the loop takes them one by one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.steps import Call

__all__ = ["Handover"]

# A wait without a limit cannot be interrupted by Ctrl-C on Windows.
_WAIT: Final = 1.0


class Handover:
    """The place where one thread gives messages and another takes them.

    A giver that must not wait has itself called instead, by the loop's thread, when the loop is done: once, and perhaps
    in vain.

    Lock rule: ``_changed`` guards every field. Neither side holds it while it works on a message, and nobody is called
    under it but *done*.

    Args:
        done: called with each message when the loop is done with it, on the loop's thread; short, and asks for no
            lock.
    """

    def __init__(self, done: Callable[[RealtimeMessageSummary], None]) -> None:
        self._done = done
        self._changed = threading.Condition()
        self._offers: deque[RealtimeMessageSummary] = deque()
        # What the loop works on.
        self._held: RealtimeMessageSummary | None = None
        self._finished = False
        self._when_over: Call | None = None
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
            call = None
            if self._held is not None:
                self._done(self._held)
                self._held = None
                if not self._offers:
                    call = self._over()
            if call is None:
                return self._next()
        call()
        with self._changed:
            return self._next()

    def end(self) -> None:
        """Take no more messages. What the loop works on is not done with."""
        with self._changed:
            self.wanted = False
            self._held = None
            call = self._over()
        if call is not None:
            call()

    # The giver's side

    def give(self, messages: Sequence[RealtimeMessageSummary]) -> list[RealtimeMessageSummary]:
        """Offer messages and wait until the loop is done with all of them, or is left.

        Returns:
            Those that no loop took.
        """
        with self._changed:
            self._offer(messages)
            self._changed.wait_for(self._is_over)
            return self._take_back()

    def offer(self, messages: Sequence[RealtimeMessageSummary]) -> None:
        """Offer messages; ``take_back`` tells what became of them."""
        with self._changed:
            self._offer(messages)

    def take_back(self, otherwise: Call) -> list[RealtimeMessageSummary] | None:
        """Return those that no loop took if it is done with the rest, or left; if not, *otherwise* is called then."""
        with self._changed:
            if self._is_over():
                return self._take_back()
            self._when_over = otherwise
            return None

    def finish(self) -> None:
        """No more messages will be given; whoever waits goes on."""
        with self._changed:
            self._finished = True
            call = self._over()
        if call is not None:
            call()

    def _next(self) -> RealtimeMessageSummary | None:
        while not self._offers and not self._finished:
            self._changed.wait(_WAIT)
        if not self._finished:
            self._held = self._offers.popleft()
        return self._held

    def _offer(self, messages: Sequence[RealtimeMessageSummary]) -> None:
        self._offers.extend(messages)
        self._changed.notify_all()

    def _take_back(self) -> list[RealtimeMessageSummary]:
        left = list(self._offers)
        self._offers.clear()
        self._when_over = None
        return left

    def _over(self) -> Call | None:
        """Wake who waits, on either side; return whom to call when the lock is released."""
        self._changed.notify_all()
        call, self._when_over = self._when_over, None
        return call

    def _is_over(self) -> bool:
        return self._finished or not self.wanted or not (self._offers or self._held)
