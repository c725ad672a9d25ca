"""Which functions want which events, and what is kept for those that come late. Pure: its owner holds the lock."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.realtime.events import EVENT_NAMES, MESSAGE, Event

__all__ = ["KEPT_EVENTS", "Handler", "Handlers"]

Handler = Callable[[Any], object]

KEPT_EVENTS: Final = 1000
"""How many events of a kind are kept for a first handler."""

logger = logging.getLogger("voyant_cloud.realtime")


class Handlers:
    """The handlers of a channel, by the name of the event.

    Events of a kind that never had a handler are kept, the newest *limit* of them, so that a handler which is
    registered a line after the channel was made misses nothing.

    Args:
        channel: the channel's name, for logs.
        limit: how many events of a kind are kept, 1 or more.
    """

    def __init__(self, *, channel: str, limit: int = KEPT_EVENTS) -> None:
        self._channel = channel
        self._limit = limit
        # Keyed by a token each, not by the function: the same one may be registered twice and removed once.
        self._handlers: dict[str, dict[object, Handler]] = {name: {} for name in EVENT_NAMES.values()}
        # What is called: replaced as a whole, so that it may be read and gone through without the owner's lock.
        self._snapshots: dict[str, tuple[Handler, ...]] = dict.fromkeys(self._handlers, ())
        # An empty deque takes most of a kilobyte, and most channels keep nothing: each is made when it is needed.
        self._kept: dict[str, deque[Event]] = {}
        self._unwanted: set[str] = set()
        self._warned: set[str] = set()

    def check(self, name: str, handler: Any) -> None:
        """Refuse what ``add`` cannot register.

        Raises:
            VoyantConfigError: there is no such event, or *handler* cannot be called.
        """
        self.check_name(name)
        if not callable(handler):
            raise VoyantConfigError(f"on({name!r}): the handler must be callable, got {type(handler).__name__}")

    def add(self, name: str, handler: Handler) -> object:
        """Register a handler that was checked and return the token to remove it by."""
        token = object()
        self._handlers[name][token] = handler
        self._refresh(name)
        return token

    def remove(self, name: str, token: object) -> None:
        """Remove a handler. Later events of a kind without handlers are not kept: they are no longer wanted."""
        self._handlers[name].pop(token, None)
        self._refresh(name)
        self._kept.pop(name, None)
        self._unwanted.add(name)

    def check_name(self, name: str) -> None:
        """Refuse a name that no event has.

        Raises:
            VoyantConfigError: it names all events.
        """
        if name not in self._handlers:
            raise VoyantConfigError(f"on({name!r}): there is no such event; there are {', '.join(self._handlers)}")

    def of(self, name: str) -> tuple[Handler, ...]:
        """Return the handlers of an event, in the order in which they were registered."""
        return self._snapshots[name]

    def keep(self, name: str, event: Event) -> None:
        """Keep an event that nobody wants yet, or let it go if its kind had a handler before."""
        if name in self._unwanted:
            return
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = deque(maxlen=self._limit)
        if len(kept) == kept.maxlen and name not in self._warned:
            self._warned.add(name)
            logger.warning(
                "channel %s: more than %d %s events came before their first handler; the oldest are dropped",
                self._channel,
                kept.maxlen,
                name,
            )
        kept.append(event)

    def put_back(self, name: str, event: Event) -> None:
        """Return an event from ``take_kept`` that could not be delivered after all."""
        kept = self._kept.get(name)
        if kept is not None and len(kept) != kept.maxlen:
            kept.appendleft(event)

    def take_kept(self, *, iterating: bool) -> tuple[str, Event] | None:
        """Take the oldest kept event that somebody wants by now, with its name.

        Args:
            iterating: whether somebody iterates over messages.
        """
        for name in self._handlers:
            kept = self._kept.get(name)
            if kept and (self._snapshots[name] or (iterating and name == MESSAGE)):
                return name, kept.popleft()
        return None

    def drop_kept(self) -> None:
        """Let go of everything that is kept."""
        self._kept.clear()

    def _refresh(self, name: str) -> None:
        self._snapshots[name] = tuple(self._handlers[name].values())
