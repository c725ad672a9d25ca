"""What a channel waits for: the vocabulary between its logic and the threads that run it. Pure.

A channel's reader and its deliveries are generators of steps. Each step is something that may have to be waited for.
What runs them does the step and sends its result into the generator, or throws the exception that it raised: a thread
of the channel's own by ``wait``, the threads that many channels share without waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import attrs

from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.events import Event

__all__ = [
    "Blocking",
    "Call",
    "Give",
    "Pause",
    "Put",
    "Receive",
    "Running",
    "Step",
    "Steps",
    "Take",
    "Threads",
    "Waitable",
]

T = TypeVar("T")
Call = Callable[[], None]
"""What is called, once, when a step that could not be done may be done."""


class Waitable(Protocol):
    """A step as a thread of its own does it."""

    def wait(self) -> Any:
        """Do it, waiting where that is needed, and return its result."""


class Readable(Protocol):
    """What ``Receive`` reads; a ``Connection``."""

    def receive(self, timeout: float, limit: int) -> list[str]: ...
    @property
    def descriptor(self) -> int | None: ...


class Source(Protocol):
    """What ``Take`` takes from; an ``Inbox``."""

    def take(self, limit: int) -> list[Event] | None: ...
    def is_ready(self, otherwise: Call) -> bool: ...


class Sink(Protocol):
    """What ``Put`` puts into; a ``Dispatcher``."""

    def put(self, events: Sequence[Event], timeout: float) -> bool: ...
    def put_now(self, events: Sequence[Event], otherwise: Call) -> bool: ...


class Receiver(Protocol):
    """Whom ``Give`` gives to; a ``Handover``."""

    def give(self, messages: Sequence[RealtimeMessageSummary]) -> list[RealtimeMessageSummary]: ...
    def offer(self, messages: Sequence[RealtimeMessageSummary]) -> None: ...
    def take_back(self, otherwise: Call) -> list[RealtimeMessageSummary] | None: ...


class Alarm(Protocol):
    """What ends a ``Pause`` early; a channel's ``Closing``."""

    def wait(self, timeout: float | None = None) -> bool: ...
    def is_rung(self, otherwise: Call) -> bool: ...


class Receive(NamedTuple):
    """Read up to *limit* frames, waiting up to *timeout* seconds for the first. Gives their texts."""

    connection: Readable
    timeout: float
    limit: int

    def wait(self, timeout: float | None = None) -> list[str]:
        """Do it on this thread, waiting up to *timeout* seconds where that is given."""
        return self.connection.receive(self.timeout if timeout is None else timeout, self.limit)


class Put(NamedTuple):
    """Hand *events* on to the handlers, waiting up to *timeout* seconds for room. Gives whether there was room."""

    sink: Sink
    events: Sequence[Event]
    timeout: float

    def wait(self) -> bool:
        """Do it on this thread."""
        return self.sink.put(self.events, self.timeout)


@attrs.frozen
class Pause:
    """Let *seconds* pass, or less if *closing* comes before."""

    closing: Alarm
    seconds: float

    def wait(self) -> None:
        """Do it on this thread."""
        self.closing.wait(self.seconds)


@attrs.frozen
class Blocking:
    """Call something that takes its time: a user's callable, a connect. Gives what it returns.

    Attributes:
        call: what is called.
        is_urgent: whether it comes before what others call that is not.
    """

    call: Callable[[], Any]
    is_urgent: bool = False

    def wait(self) -> Any:
        """Do it on this thread."""
        return self.call()


@attrs.frozen
class Take:
    """Wait for events and take up to *limit* of them. Gives them; none if it was woken; ``None`` at the end."""

    inbox: Source
    limit: int

    def wait(self) -> list[Event] | None:
        """Do it on this thread."""
        return self.inbox.take(self.limit)


@attrs.frozen
class Give:
    """Offer messages to a loop and wait until it is done with them, or is left. Gives those that it did not take."""

    handover: Receiver
    messages: Sequence[RealtimeMessageSummary]

    def wait(self) -> list[RealtimeMessageSummary]:
        """Do it on this thread."""
        return self.handover.give(self.messages)


Step = Receive | Put | Pause | Blocking | Take | Give
Steps = Generator[Step, Any, T]


class Running(Protocol):
    """Steps that are run."""

    def is_alive(self) -> bool:
        """Whether they have not come to their end."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for their end, up to *timeout* seconds; ``None`` waits without a limit."""

    def is_own_thread(self) -> bool:
        """Whether the caller runs on a thread that they need to come to their end."""


class Threads(Protocol):
    """Runs the steps of channels."""

    def read(self, steps: Steps[None], channel: str) -> Running:
        """Run what keeps a *channel* connected."""

    def deliver(self, steps: Steps[None], channel: str) -> Running:
        """Run what calls a *channel*'s handlers. Where that cannot be any more, its end is at once."""

    def defer(self, call: Call) -> None:
        """Call something that takes its time on another thread."""

    def is_shared_with_caller(self) -> bool:
        """Tell whether the caller is a handler on threads that other channels' handlers need, too."""

    @property
    def waits(self) -> bool:
        """Whether a reader may wait where it sends a control frame: nobody else needs its thread."""
