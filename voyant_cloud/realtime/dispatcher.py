"""What calls a channel's handlers and feeds its ``for`` loop, in the order in which events came."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import RealtimeChannelConnectedEvent, RealtimeChannelError, RealtimeMessageSummary
from voyant_cloud.realtime.events import (
    EVENT_NAMES,
    MESSAGE,
    Event,
    RealtimeChannelDisconnectedEvent,
    RealtimeChannelGapEvent,
)
from voyant_cloud.realtime.handlers import Handler, Handlers
from voyant_cloud.realtime.handover import Handover
from voyant_cloud.realtime.inbox import Inbox
from voyant_cloud.realtime.own_threads import OwnThreads
from voyant_cloud.realtime.steps import Call, Give, Running, Steps, Take, Threads

__all__ = ["Dispatcher"]

_BATCH: Final = 64

logger = logging.getLogger("voyant_cloud.realtime")


class Dispatcher:
    """Delivers events on a thread that the reader can do without, so that a slow handler keeps no socket waiting.

    The delivery ends when all events are delivered and no more will come. A handler or loop that comes later still
    gets what was kept for it: the delivery is then started once more.

    Lock rule: ``_lock`` guards ``_handlers`` and ``_delivery``, and is never held while a handler runs, so handlers may
    register others. ``Handlers.of`` alone is called without it.

    Args:
        channel: the channel's name, for logs.
        capacity: how many events may wait, 1 or more.
        position: the id of the last message that was dealt with in an earlier run, or ``None``.
        threads: where the delivery runs; ``None`` for a thread of its own.
    """

    def __init__(self, *, channel: str, capacity: int, position: str | None, threads: Threads | None = None) -> None:
        self._channel = channel
        self._threads: Threads = threads or OwnThreads()
        self._lock = threading.Lock()
        self._handlers = Handlers(channel=channel)
        self._inbox = Inbox(capacity)
        self._handover = Handover(self._move)
        # Set when somebody may have come for what was kept; a look at it is cheaper than at what is kept.
        self._look_at_kept = False
        self._delivery: Running | None = None
        self._met_message = False
        self.last_message_id = position
        """The id of the newest message that was dealt with; before the first, the one that the service named when it
        connected. The delivery writes it, and a loop while the delivery waits for it.
        """

    # What the reader calls

    def start(self) -> None:
        """Start the delivery."""
        with self._lock:
            self._start()

    def put(self, events: Sequence[Event], timeout: float) -> bool:
        """Add events, waiting for room; see ``Inbox.put``."""
        return self._inbox.put(events, timeout)

    def put_now(self, events: Sequence[Event], otherwise: Call) -> bool:
        """Add events if there is room; see ``Inbox.put_now``."""
        return self._inbox.put_now(events, otherwise)

    def finish(self, last: Event) -> None:
        """No more events will come after the *last* one."""
        self._inbox.finish([last])

    # What users' calls end up in

    def on(self, name: str, handler: Handler) -> Callable[[], None]:
        """Register a handler and return what removes it.

        Raises:
            VoyantConfigError: there is no such event, or *handler* cannot be called.
        """
        with self._lock:
            self._handlers.check(name, handler)
            self._notice_newcomer()
            token = self._handlers.add(name, handler)

        def off() -> None:
            with self._lock:
                self._handlers.remove(name, token)

        return off

    def check_name(self, name: str) -> None:
        """Refuse a name that no event has; see ``Handlers.check_name``."""
        self._handlers.check_name(name)

    def messages(self) -> Iterator[RealtimeMessageSummary]:
        """Iterate over messages until no more will come.

        Raises:
            RealtimeError: another loop iterates, or this is a handlers' thread, which would wait for itself.
        """
        # The threads are asked, too: where the delivery is over, the loop would start one on the thread that it blocks.
        if self.is_own_thread() or self._threads.is_shared_with_caller():
            raise RealtimeError(
                "a handler cannot iterate over its channel, or one on the same threads; iterate in a thread of your own"
            )
        with self._lock:
            if self._inbox.discarded:
                return
            self._notice_newcomer()
            self._handover.begin()
            if not self._is_delivering():
                # The threads were closed meanwhile: nobody would ever give it anything.
                self._handover.finish()
        try:
            while (message := self._handover.take()) is not None:
                yield message
        finally:
            self._handover.end()

    def discard(self, last: Event) -> None:
        """Drop what waits; the *last* event is still delivered."""
        self._inbox.discard([last])
        self._handover.finish()
        with self._lock:
            self._handlers.drop_kept()

    def join(self, timeout: float | None) -> bool:
        """Wait until all events are delivered.

        Args:
            timeout: seconds; ``None`` waits without a limit.

        Returns:
            ``False`` if it took longer.
        """
        with self._lock:
            delivery = self._delivery
        if delivery is not None:
            delivery.join(timeout)
        return delivery is None or not delivery.is_alive()

    def is_own_thread(self) -> bool:
        """Tell whether the caller is a handler, here or of a channel on the same threads."""
        # Without the lock: a delivery that such a thread does not see has not begun, or is over.
        delivery = self._delivery
        return delivery is not None and delivery.is_own_thread()

    # The delivery

    def _notice_newcomer(self) -> None:
        assert self._lock.locked()
        self._look_at_kept = True
        if self._is_delivering():
            self._inbox.wake()
        else:
            self._start()

    def _start(self) -> None:
        assert self._lock.locked()
        self._delivery = self._threads.deliver(self._deliver(), self._channel)

    def _is_delivering(self) -> bool:
        assert self._lock.locked()
        return self._delivery is not None and self._delivery.is_alive()

    def _deliver(self) -> Steps[None]:
        take = Take(self._inbox, _BATCH)
        try:
            while True:
                if self._look_at_kept:
                    yield from self._deliver_kept()
                events = yield take
                if events is not None:
                    waiting = deque(events)
                    # At once what is just as usual, which is nearly all.
                    self._call_for_run(waiting)
                    if waiting:
                        yield from self._deliver_all(waiting)
                elif self._ended():
                    return
        except GeneratorExit:
            # The threads were closed meanwhile; a loop must not wait for what never comes.
            self._handover.finish()
            raise

    def _deliver_all(self, waiting: deque[Event]) -> Steps[None]:
        while waiting:
            if self._inbox.discarded and not _is_final(waiting[0]):
                waiting.popleft()
            else:
                yield from self._deliver_next(waiting)

    def _ended(self) -> bool:
        with self._lock:
            if self._look_at_kept:
                return False
            self._delivery = None
            # Under the lock, or it would end the loop of one who comes just now.
            self._handover.finish()
        return True

    def _deliver_kept(self) -> Steps[None]:
        while self._look_at_kept:
            with self._lock:
                found = self._handlers.take_kept(iterating=self._handover.wanted)
                self._look_at_kept = found is not None
            if found is not None and not (yield from self._hand_out(*found, self._handlers.of(found[0]))):
                with self._lock:
                    self._handlers.put_back(*found)

    def _deliver_next(self, waiting: deque[Event]) -> Steps[None]:
        """Deliver the first of the events that wait, and perhaps more; or none if somebody comes just now."""
        event = waiting[0]
        name = EVENT_NAMES[type(event)]
        handlers, is_looped = self._handlers.of(name), self._is_looped(event)
        # Only now: whoever was seen a line above has set it before, and what was kept for them is older.
        if self._look_at_kept:
            yield from self._deliver_kept()
        if isinstance(event, RealtimeMessageSummary):
            self._met_message = True
        elif isinstance(event, RealtimeChannelConnectedEvent) and not self._met_message:
            # Later the newest id says nothing: messages before it may wait for a handler.
            self.last_message_id = self.last_message_id or event.last_id
        if is_looped and not handlers:
            yield from self._give_run(waiting)
        elif handlers and not is_looped and isinstance(event, RealtimeMessageSummary):
            self._call_for_run(waiting)
        elif handlers:
            waiting.popleft()
            yield from self._hand_out(name, event, handlers)
        else:
            self._keep(name, waiting)

    def _give_run(self, waiting: deque[Event]) -> Steps[None]:
        # Several at a time: to change threads for each costs more than anything else about a message.
        run = []
        while waiting and isinstance(first := waiting[0], RealtimeMessageSummary):
            run.append(first)
            waiting.popleft()
        left = yield Give(self._handover, run)
        waiting.extendleft(reversed(left))

    def _call_for_run(self, waiting: deque[Event]) -> None:
        """Call the handlers with one message after the other, for as long as nobody comes and nothing ends."""
        inbox, handover, handlers_of = self._inbox, self._handover, self._handlers.of
        while waiting and isinstance(message := waiting[0], RealtimeMessageSummary):
            handlers = handlers_of(MESSAGE)
            if not handlers or handover.wanted or self._look_at_kept or inbox.discarded:
                return
            waiting.popleft()
            self._met_message = True
            for handler in handlers:
                # As _call does, which would cost a call more for every message.
                try:
                    handler(message)
                except BaseException:  # noqa: BLE001 - it is logged; the stream goes on
                    self._log_raised(MESSAGE, message)
            self.last_message_id = message.id

    def _hand_out(self, name: str, event: Event, handlers: Sequence[Handler]) -> Steps[bool]:
        """Give an event to its *handlers* and the loop; tell whether anybody took it."""
        for handler in handlers:
            self._call(name, handler, event)
        if not isinstance(event, RealtimeMessageSummary):
            return bool(handlers)
        is_looped = self._handover.wanted and not (yield Give(self._handover, [event]))
        if handlers and not is_looped:
            self._move(event)
        return is_looped or bool(handlers)

    def _keep(self, name: str, waiting: deque[Event]) -> None:
        with self._lock:
            if self._handlers.of(name) or self._is_looped(waiting[0]):
                return
            event = waiting.popleft()
            self._handlers.keep(name, event)
        self._log_unheard(event)

    def _is_looped(self, event: Event) -> bool:
        return self._handover.wanted and isinstance(event, RealtimeMessageSummary)

    def _move(self, message: RealtimeMessageSummary) -> None:
        self.last_message_id = message.id

    def _call(self, name: str, handler: Handler, event: Event) -> None:
        try:
            handler(event)
        except BaseException:  # noqa: BLE001 - it is logged; the stream goes on
            self._log_raised(name, event)

    def _log_raised(self, name: str, event: Event) -> None:
        # SystemExit, too: it would end this thread alone, and with it the channel, without a word.
        logger.exception("channel %s: a handler of %s raised", self._channel, _describe(name, event))

    def _log_unheard(self, event: Event) -> None:
        if isinstance(event, RealtimeChannelError):
            logger.warning("channel %s: the service says %s: %s", self._channel, event.code, event.message)
        elif isinstance(event, RealtimeChannelGapEvent):
            logger.warning("channel %s: messages may be missing (%s)", self._channel, event.reason)


def _is_final(event: Event) -> bool:
    return isinstance(event, RealtimeChannelDisconnectedEvent) and not event.will_reconnect


def _describe(name: str, event: Event) -> str:
    return f"message {event.id}" if isinstance(event, RealtimeMessageSummary) else name
