"""The engine protocol: what every store of messages and presence promises to the rest of the server.

Promises, which the contract suite in ``tests/server/engine_contract.py`` checks for every engine:

* **Order.** Each channel has one total order, the order of commit. ``seq`` is contiguous from 1 and ``ms`` never goes
  back. The messages of one ``append`` keep their order and stand next to each other in each channel.
* **Atomicity.** An ``append`` stores all of its messages or none, together with its idempotency record.
* **Durability.** ``append`` returns after the commit; what "committed" survives is the engine's to document.
* **Delivery.** After a commit the listener's ``on_messages`` is called on the event loop, in commit order per channel,
  on every node that watches the channel, perhaps before ``append`` returns. It may miss some after trouble (then a
  jump in ``seq`` shows it), it never makes one up, and it is not called for channels that nobody watches.
* **Presence.** Keyed by client id: one ``enter`` and one ``leave`` a session, however many connections it has. What
  ``on_presence`` missed during trouble is told as the difference that it made.
* **Failure.** What cannot be done raises ``EngineUnavailableError`` and has not been done. Only an engine whose store
  is elsewhere may lose an answer on its way, and then raises ``EngineOutcomeUnknownError``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from voyant_cloud import jsontext
from voyant_cloud.models import RealtimeChannelPresenceEvent, RealtimePresenceMember
from voyant_cloud.server.message_id import MessageId, time_text

__all__ = [
    "ChannelStanding",
    "Engine",
    "EngineError",
    "EngineListener",
    "EngineOutcomeUnknownError",
    "EngineSetupError",
    "EngineUnavailableError",
    "History",
    "IdempotencyConflictError",
    "IdempotencyKey",
    "NewMessage",
    "Replay",
    "StoredMessage",
    "summaries",
]


class EngineError(Exception):
    """The root of what an engine raises."""


class EngineUnavailableError(EngineError):
    """The store cannot do this now (disk full, corrupt, away); nothing was stored. Answered with 503."""


class EngineOutcomeUnknownError(EngineError):
    """The store went away before it answered; whether anything was stored cannot be told. Answered with 500."""


class EngineSetupError(EngineError):
    """The store cannot be opened; the message says why and what to do. The server does not start."""


class IdempotencyConflictError(EngineError):
    """An idempotency key was used again with another body. Answered with 409."""


class NewMessage(NamedTuple):
    """A validated message to store.

    Attributes:
        channel: the channel's name.
        event: the event's name.
        data: the payload as JSON text, which is stored and sent on as it is.
    """

    channel: str
    event: str
    data: str


@attrs.define
class StoredMessage:
    """A committed message. Nobody changes one; it is not frozen, since those take twice as long to make.

    Attributes:
        id: its position in the channel's history.
        channel: the channel's name.
        event: the event's name.
        data: the payload as JSON text.
    """

    id: MessageId
    channel: str
    event: str
    data: str
    _summary: str | None = attrs.field(default=None, init=False, eq=False, repr=False)

    @property
    def published_at(self) -> dt.datetime:
        """When it was stored, UTC, to the millisecond."""
        return self.id.at

    @property
    def summary(self) -> str:
        """It as a ``RealtimeMessageSummary``, in JSON: written once, however many are told.

        The data is spliced in as text: parsing it again could only change it.
        """
        if self._summary is None:
            epoch, ms, seq = self.id
            before, between, after = _around(epoch, ms, self.channel, self.event)
            self._summary = f"{before}{str(seq).zfill(12)}{between}{self.data}{after}"
        return self._summary


def summaries(messages: Iterable[StoredMessage]) -> list[str]:
    """Write the summary of each message, at a third of the cost where some share channel, event and time."""
    shared: dict[tuple[str, int, str, str], tuple[str, str, str]] = {}
    texts = []
    for message in messages:
        epoch, ms, seq = message.id
        around = epoch, ms, message.channel, message.event
        parts = shared.get(around)
        if parts is None:
            parts = shared[around] = _around(*around)
        before, between, after = parts
        message._summary = text = f"{before}{str(seq).zfill(12)}{between}{message.data}{after}"
        texts.append(text)
    return texts


def _around(epoch: str, ms: int, channel: str, event: str) -> tuple[str, str, str]:
    """Write what stands in a summary before the ``seq``, between it and the data, and after that."""
    before = f'{{"id":"rtm_{epoch}_{str(ms).zfill(15)}_'
    between = f'","channel":"{channel}","event":{jsontext.quote(event)},"data":'
    return before, between, f',"publishedAt":"{time_text(ms)}"}}'


@attrs.frozen
class IdempotencyKey:
    """What makes a repeated request recognisable.

    Attributes:
        key: the caller's key together with whose it is (API key), so that callers cannot meet.
        digest: a hash of the request's body.
    """

    key: str
    digest: str


@attrs.frozen
class History:
    """A piece of a channel's history and where it stands, read at one moment.

    Attributes:
        messages: oldest first.
        head: the newest position; ``seq`` 0 in a channel without any message yet.
        first_seq: ``seq`` of the oldest message retained; ``head.seq + 1`` where none is.
    """

    messages: list[StoredMessage]
    head: MessageId
    first_seq: int


@attrs.frozen
class Replay:
    """Messages of a channel that stand in a row, and where it stands, read at one moment.

    They are ready to be sent: to make an object of each would take longer than all else about a replay.

    Attributes:
        head: the newest position.
        first_seq: ``seq`` of the oldest message retained; ``head.seq + 1`` where none is.
        start: ``seq`` of the first message; those of the others follow without a hole.
        frames: the messages, oldest first, as ``wire.message_frame`` and ``wire.message_frames`` write them.
        times: their ``ms``.
    """

    head: MessageId
    first_seq: int
    start: int
    frames: Sequence[bytes]
    times: Sequence[int]


@attrs.frozen
class ChannelStanding:
    """A channel that the store knows, and where it stands.

    Attributes:
        name: the channel's name.
        head: the newest position; its ``seq`` is how many messages were ever published, 0 where none was.
    """

    name: str
    head: MessageId

    @property
    def last_at(self) -> dt.datetime | None:
        """When the newest message was stored, UTC; ``None`` where none ever was."""
        return self.head.at if self.head.seq else None


class EngineListener(Protocol):
    """What an engine tells the node it serves. Called on the event loop; must not block or raise."""

    def on_messages(self, channel: str, messages: Sequence[StoredMessage]) -> None:
        """Messages were committed to a watched channel."""

    def on_presence(self, event: RealtimeChannelPresenceEvent) -> None:
        """A member of a watched channel entered, left or changed its data."""

    def on_standing(self, channel: str, head: MessageId | None) -> None:
        """Messages of a watched channel may not have been delivered: this is where it stands now.

        ``None`` where the store has nothing of it any more.
        """


class Engine(Protocol):
    """A store of messages and presence. All methods are for the event loop that ``open`` ran on."""

    async def open(self, listener: EngineListener) -> None:
        """Make the store ready.

        Raises:
            EngineSetupError: it is in use by another server, damaged, or not to be opened.
        """

    async def close(self) -> None:
        """Finish what was accepted, then let go of the store. Safe to call twice."""

    async def check(self) -> None:
        """Do a cheap round trip to the store, for readiness.

        Raises:
            EngineUnavailableError: it cannot take a publish now.
        """

    async def watch(self, channel: str) -> None:
        """Start delivering this channel's messages and presence to the listener."""

    async def unwatch(self, channel: str) -> None:
        """Stop delivering them."""

    async def append(
        self, messages: Sequence[NewMessage], idempotency: IdempotencyKey | None = None
    ) -> list[StoredMessage]:
        """Commit messages, all or none; the answer is in their order.

        Raises:
            IdempotencyConflictError: the key was used with another digest within its lifetime. With the same digest the
                first answer is given again and nothing is stored.
            EngineUnavailableError: nothing was stored.
        """

    def append_now(self, message: NewMessage) -> StoredMessage | None:
        """Commit one message, if that needs no wait; ``None`` where nothing was done, and ``append`` has to.

        It is ``append``, too, that says why a message cannot be stored.
        """

    def deliver_now(self) -> None:
        """Deliver what was committed just now, where it would wait for what else this turn of the loop brings.

        Once in a turn, however often it is called: many messages are to cost their subscribers few writes.
        """

    async def history(self, channel: str, *, after_seq: int | None = None, limit: int) -> History:
        """Read retained messages: the newest *limit*, or the first *limit* after *after_seq*.

        With a *limit* of 0 it tells where the channel stands, which is cheap however much is retained.
        A channel that was never used gets its epoch here, so that its position can be handed out and resumed from.

        Raises:
            EngineUnavailableError: the store cannot be read.
        """

    async def replay(self, channel: str, *, after_seq: int, limit: int, max_bytes: int) -> Replay:
        """Read what a subscriber missed: the first retained messages after *after_seq*, at least one if there is one.

        Args:
            channel: the channel's name.
            after_seq: where to begin, 0 or more.
            limit: how many messages at most, 1 or more.
            max_bytes: how many bytes of events and data at most, about; the message that goes beyond is the last.

        Raises:
            EngineUnavailableError: the store cannot be read.
        """

    async def channels(self, prefix: str, limit: int) -> list[ChannelStanding]:
        """List channels whose name begins with *prefix*, at most *limit*, the most recently used first.

        A channel is used by each message, and once before that, when a first read gives it its epoch. It is listed from
        then on, whether its messages are still retained or not. Cheap enough to be asked every second with 100,000
        channels.

        Raises:
            EngineUnavailableError: the store cannot be read.
        """

    async def enter(self, channel: str, client_id: str, connection_id: str, data: Any) -> None:
        """Make a client present on behalf of one connection, or change its data: the last writer wins."""

    async def leave(self, channel: str, client_id: str, connection_id: str, *, grace: float = 0.0) -> None:
        """End one connection's part in a client's presence.

        When it was the last, the client leaves after *grace* seconds unless it enters again before.
        """

    async def members(self, channel: str, *, limit: int) -> list[RealtimePresenceMember]:
        """List who is present, longest present first, at most *limit*."""
