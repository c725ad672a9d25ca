"""``client.realtime``: one short method a REST call. Arguments are checked by the models before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from voyant_cloud.config import Timeout
from voyant_cloud.converter import unstructure
from voyant_cloud.models import (
    MintRealtimeTokenInput,
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeCapability,
    RealtimeChannelTarget,
    RealtimeHistoryQuery,
    RealtimeMessageSummary,
    RealtimePresenceMember,
    RealtimeTokenSummary,
)
from voyant_cloud.realtime import bulk
from voyant_cloud.realtime.inputs import MAX_BATCH_SIZE, BatchItem, batch_from, message_from
from voyant_cloud.realtime.written import body_of
from voyant_cloud.transport import Transport
from voyant_cloud.urls import MESSAGES_PATH, TOKENS_PATH, channel_path

if TYPE_CHECKING:
    from voyant_cloud.realtime.channel import RealtimeChannel
    from voyant_cloud.realtime.stored import Stored

__all__ = ["RealtimeApi", "RealtimePresenceApi", "RealtimeTokensApi"]

Capabilities = Mapping[str, Sequence[RealtimeCapability | str]]


class RealtimePresenceApi:
    """``client.realtime.presence``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, channel: str, *, timeout: Timeout | None = None) -> list[RealtimePresenceMember]:
        """Return who is present on a channel, at most 1,000 members. Needs the scope ``realtime:subscribe``.

        Args:
            channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
            timeout: seconds, or (connect, read) seconds, in place of the client's.

        Raises:
            VoyantValidationError: the channel's name breaks a limit; nothing was sent.
            VoyantApiError: the service answered with an error.
            VoyantTransportError: no answer was had.
            VoyantDecodeError: the answer is not what the contract says.
        """
        return self._transport.get(_path(channel, "presence"), list[RealtimePresenceMember], timeout=timeout)


class RealtimeTokensApi:
    """``client.realtime.tokens``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def mint(
        self,
        *,
        client_id: str,
        capabilities: Capabilities,
        ttl_seconds: int | None = None,
        timeout: Timeout | None = None,
    ) -> RealtimeTokenSummary:
        """Mint a token with which a client connects to channels. Needs the scope ``realtime:tokens``.

        Args:
            client_id: who the client is; the ``client_id`` seen in presence; 1 to 128 characters.
            capabilities: what it may do, of ``subscribe``, ``publish`` and ``presence``, by channel or by pattern with
                one trailing wildcard, as in ``{"orders:*": ["subscribe"]}``; 1 to 100 entries.
            ttl_seconds: how long the token lives, 1 to 86400; ``None`` leaves it to the service, which takes 3600.
            timeout: seconds, or (connect, read) seconds, in place of the client's.

        Raises:
            VoyantValidationError: an argument breaks a limit; nothing was sent.
            VoyantApiError, VoyantTransportError, VoyantDecodeError: as for ``presence.get``.
        """
        wanted = MintRealtimeTokenInput(client_id=client_id, capabilities=capabilities, ttl_seconds=ttl_seconds)
        return self._transport.post(TOKENS_PATH, RealtimeTokenSummary, body=unstructure(wanted), timeout=timeout)


class RealtimeApi:
    """``client.realtime``: publish, history, presence, tokens and channels. Safe to share between threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.presence = RealtimePresenceApi(transport)
        self.tokens = RealtimeTokensApi(transport)

    @property
    def idempotency_seconds(self) -> float:
        """For how many seconds the service remembers an idempotency key: 0 until one of its answers has said so.

        Within that time a publish may be repeated with the same key and content, and is stored once.
        """
        return self._transport.key_lifetime

    @overload
    def publish(
        self,
        channel: str,
        message: PublishRealtimeMessageInput,
        *,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> RealtimeMessageSummary: ...

    @overload
    def publish(
        self,
        channel: str,
        *,
        event: str,
        data: Any = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> RealtimeMessageSummary: ...

    def publish(
        self,
        channel: str,
        message: PublishRealtimeMessageInput | None = None,
        *,
        event: str | None = None,
        data: Any = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> RealtimeMessageSummary:
        """Publish one message and return it as stored. Needs the scope ``realtime:publish``.

        It is sent again by itself only where this cannot publish twice.

        Args:
            channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
            message: the event and data as a model, in place of the next two.
            event: the event's name, 1 to 200 characters.
            data: any JSON, at most 65,536 bytes encoded and 64 levels deep; ``None`` is the same as none.
            idempotency_key: 1 to 200 visible ASCII characters. A service that honours keys publishes only once for all
                calls with the same key and content. ``None`` makes a key for this call.
            timeout: seconds, or (connect, read) seconds, in place of the client's.

        Raises:
            VoyantValidationError: an argument breaks a limit; nothing was sent.
            VoyantApiError: the service refused it; nothing was published.
            VoyantTransportError: the service could not be reached; nothing was published.
            PublishOutcomeUnknown: it was sent, and whether it was published is not known.
            VoyantDecodeError: it was published, but the answer is not what the contract says.
        """
        body = unstructure(message_from(message, event, data))
        path = _path(channel, "messages")
        return self._transport.publish(
            path, RealtimeMessageSummary, body=body, idempotency_key=idempotency_key, timeout=timeout
        )

    def publish_batch(
        self,
        messages: PublishRealtimeBatchInput | Iterable[BatchItem],
        *,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> list[RealtimeMessageSummary]:
        """Publish 1 to 100 messages, all or none, and return them as stored. Needs the scope ``realtime:publish``.

        Args:
            messages: dicts with ``channel``, ``event`` and perhaps ``data``, or models. For more than 100 there is
                ``publish_many``.
            idempotency_key, timeout: as for ``publish``.

        Raises:
            VoyantValidationError: a message breaks a limit, it is named as in ``messages[3].event``; nothing was sent.
            VoyantApiError, VoyantTransportError, PublishOutcomeUnknown, VoyantDecodeError: as for ``publish``.
        """
        return self._transport.publish(
            MESSAGES_PATH,
            list[RealtimeMessageSummary],
            body=unstructure(batch_from(messages)),
            idempotency_key=idempotency_key,
            timeout=timeout,
        )

    def publish_many(
        self,
        messages: Iterable[BatchItem],
        batch_size: int = MAX_BATCH_SIZE,
        concurrency: int = 1,
        on_progress: Callable[[bulk.PublishReport], object] | None = None,
    ) -> bulk.PublishReport:
        """Publish any number of messages, in order for each channel. Needs the scope ``realtime:publish``.

        The iterable is read as the sending goes on, so that memory stays small however many there are. Each batch is
        all or none; the whole is not.

        Args:
            messages: as for ``publish_batch``.
            batch_size: how many go into a request at most, 1 to 100; a request's body stays below 2 MiB in any case.
            concurrency: how many requests may be under way together, 1 to 64. A channel's messages never are.
            on_progress: called after each batch with the report so far, in the thread of the caller.

        Raises:
            PublishManyError: it stopped at a message that breaks a limit, after publishing all before it; or at a batch
                that failed; or at an exception of *messages* or *on_progress*. It says what was published and what not,
                and its cause why.
            VoyantValidationError: *batch_size* or *concurrency* is out of range; nothing was sent.
        """
        return bulk.publish_many(
            self.publish_written, messages, batch_size=batch_size, concurrency=concurrency, on_progress=on_progress
        )

    def publish_written(self, texts: Sequence[str], *, idempotency_key: str | None = None) -> Stored:
        """Publish a batch as ``publish_batch`` does, of messages that were checked and written before.

        Args:
            texts: 1 to 100 messages, each a ``RealtimeBatchMessage`` as JSON. They are sent as they are.
            idempotency_key: as for ``publish``.

        Returns:
            What they came to: whoever publishes so many has no use for a model of each.

        Raises:
            VoyantError: as for ``publish_batch``; what breaks a limit is for the service to refuse.
        """
        # A process that publishes one by one need not load it.
        from voyant_cloud.realtime.stored import read_stored

        answer = self._transport.answer_to_publish(MESSAGES_PATH, body=body_of(texts), idempotency_key=idempotency_key)
        return read_stored(answer)

    def history(
        self, channel: str, *, limit: int | None = None, since_id: str | None = None, timeout: Timeout | None = None
    ) -> list[RealtimeMessageSummary]:
        """Return stored messages, oldest first. Needs the scope ``realtime:subscribe``.

        Args:
            channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
            limit: how many at most, 1 to 1000; ``None`` leaves it to the service, which takes 100.
            since_id: only messages after this id, the first *limit* of them; ``None`` gives the newest *limit*.
            timeout: seconds, or (connect, read) seconds, in place of the client's.

        Raises:
            VoyantValidationError: an argument breaks a limit; nothing was sent.
            VoyantApiError, VoyantTransportError, VoyantDecodeError: as for ``presence.get``.
        """
        query = unstructure(RealtimeHistoryQuery(limit=limit, since_id=since_id))
        path = _path(channel, "messages")
        return self._transport.get(path, list[RealtimeMessageSummary], query=query, timeout=timeout)

    def iter_history(
        self, channel: str, since_id: str | None = None, page_size: int = 1000
    ) -> Iterator[RealtimeMessageSummary]:
        """Iterate over stored messages, oldest first, reading a page at a time. Needs ``realtime:subscribe``.

        It ends with the newest message at the time of the last page. If history no longer reaches back to *since_id*,
        it begins with the oldest message there is.

        Args:
            channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
            since_id: begin after this id. ``None`` begins with the newest *page_size* messages, which is as far back
                as the service can be asked without an id.
            page_size: how many to read at a time, 1 to 1000.

        Raises:
            VoyantValidationError: an argument breaks a limit; raised at once, nothing was sent.
            VoyantApiError, VoyantTransportError, VoyantDecodeError: as for ``presence.get``, from the iterator.
        """
        _path(channel, "messages")
        RealtimeHistoryQuery(limit=page_size, since_id=since_id)
        return bulk.iter_history(lambda cursor: self.history(channel, limit=page_size, since_id=cursor), since_id)

    def channel(
        self, channel: str, *, client_id: str, capabilities: Capabilities | None = None, **options: Any
    ) -> RealtimeChannel:
        """Subscribe to a channel. It mints and renews its own tokens, for which it needs the scope ``realtime:tokens``.

        The channel has a connection, and threads of its own or of ``threads=``: close it, or use it in a ``with``
        block. Keep the client open meanwhile.

        Args:
            channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
            client_id: who connects, as seen in presence; 1 to 128 characters.
            capabilities: what the tokens allow, as for ``tokens.mint``; ``None`` allows everything on *channel*.
            options: further arguments of ``RealtimeChannel``, such as ``since_id``.

        Raises:
            VoyantValidationError: an argument breaks a limit.
            VoyantConfigError: an option is wrong.
        """
        # A process that only publishes need not load it.
        from voyant_cloud.realtime.channel import RealtimeChannel

        RealtimeChannelTarget(channel=channel)
        granted = capabilities if capabilities is not None else {channel: list(RealtimeCapability)}
        MintRealtimeTokenInput(client_id=client_id, capabilities=granted)
        token = partial(self.tokens.mint, client_id=client_id, capabilities=granted)
        config = self._transport.config
        network = {"base_url": config.base_url, "proxies": config.proxies, "verify": config.verify}
        settings = {**{name: value for name, value in network.items() if value is not None}, **options}
        return RealtimeChannel(channel=channel, token=token, **settings)


def _path(channel: str, resource: str) -> str:
    return channel_path(RealtimeChannelTarget(channel=channel).channel, resource)
