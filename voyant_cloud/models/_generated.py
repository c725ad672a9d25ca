# Generated from openapi/voyant-cloud.yaml (sha256 8b0a0fdee3fe67f317b3db5b1c2d84230c9a59d3d51f940bdb2cd89c6719a5ab)
# by datamodel-code-generator 0.89.0 with codegen/templates. Do not edit: run `make generate`.
"""The types of the contract. Import them from ``voyant_cloud.models``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from voyant_cloud.models import _containers, _validators

__all__ = [
    "MintRealtimeTokenInput",
    "PublishRealtimeBatchInput",
    "PublishRealtimeMessageInput",
    "RealtimeBatchMessage",
    "RealtimeCapability",
    "RealtimeChannelConnectedEvent",
    "RealtimeChannelError",
    "RealtimeChannelPresenceEvent",
    "RealtimeChannelTarget",
    "RealtimeChannelTokenExpiringEvent",
    "RealtimeConnectQuery",
    "RealtimeErrorCode",
    "RealtimeHistoryQuery",
    "RealtimeMessageSummary",
    "RealtimePresenceAction",
    "RealtimePresenceInput",
    "RealtimePresenceIntent",
    "RealtimePresenceMember",
    "RealtimeTokenSummary",
]


class RealtimeCapability(StrEnum):
    """What a client token allows on a channel."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
    PRESENCE = "presence"


class RealtimeErrorCode(StrEnum):
    """Why a request was refused. The set is open."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RATE_LIMITED = "rate_limited"
    SERVICE_UNAVAILABLE = "service_unavailable"
    INTERNAL = "internal"


class RealtimePresenceAction(StrEnum):
    """What happened to a member. The set is open."""

    ENTER = "enter"
    LEAVE = "leave"
    UPDATE = "update"


class RealtimePresenceIntent(StrEnum):
    """What a client asks for itself."""

    ENTER = "enter"
    UPDATE = "update"
    LEAVE = "leave"


@attrs.frozen(kw_only=True)
class MintRealtimeTokenInput:
    """Whom a client token is for and what it allows.

    Attributes:
        client_id: The stable identity of a subscriber, 1 to 128 characters.
        capabilities: What is granted, by channel name or pattern. 1 to 100 entries.
        ttl_seconds: How long the token lives, in seconds. 1 to 86400. The service takes 3600 where it is left out.
    """

    client_id: str = attrs.field(
        validator=_validators.String(min_length=1, max_length=128), metadata={"wire": "clientId"}
    )
    capabilities: Mapping[str, Sequence[RealtimeCapability | str]] = attrs.field(
        validator=_containers.Entries(
            keys=_validators.String(
                min_length=1,
                max_length=200,
                pattern=r"^(\*|[A-Za-z0-9_:.,;=@-]{1,198}:\*|(?!\.{1,2}$)[A-Za-z0-9_:.,;=@-]{1,200})$",
                pattern_hint='a capability key is a channel name, "*", or a prefix that ends in ":*"',
            ),
            values=_containers.Items(each=_validators.OneOf(RealtimeCapability), min_items=1, max_items=10),
            min_entries=1,
            max_entries=100,
        ),
        metadata={"wire": "capabilities"},
    )
    ttl_seconds: int | None = attrs.field(
        default=None,
        validator=_validators.Nullable(_validators.Integer(minimum=1, maximum=86400)),
        metadata={"wire": "ttlSeconds"},
    )

    def __attrs_post_init__(self) -> None:
        _containers.own(self, capabilities=2)


@attrs.frozen(kw_only=True)
class RealtimeBatchMessage:
    """A message of a batch, with the channel it goes to.

    Attributes:
        channel: A channel's name, 1 to 200 of `A-Z a-z 0-9 _ : . , ; = @ -`, but not `.` or `..`.
        event: The event's name, 1 to 200 characters.
        data: Any JSON, carried exactly; at most 65,536 bytes encoded and 64 levels deep.
    """

    channel: str = attrs.field(
        validator=_validators.String(
            min_length=1,
            max_length=200,
            pattern=r"^(?!\.{1,2}$)[A-Za-z0-9_:.,;=@-]{1,200}$",
            pattern_hint="a channel name has 1 to 200 of A-Z a-z 0-9 _ : . , ; = @ - and is not . or ..",
        ),
        metadata={"wire": "channel"},
    )
    event: str = attrs.field(validator=_validators.String(min_length=1, max_length=200), metadata={"wire": "event"})
    data: Any = attrs.field(
        default=None, validator=_validators.JsonValue(max_bytes=65536, max_depth=64), metadata={"wire": "data"}
    )


@attrs.frozen(kw_only=True)
class PublishRealtimeBatchInput:
    """Messages to publish together, all or none.

    Attributes:
        messages: The messages, in the order in which they are stored. 1 to 100 items.
    """

    messages: Sequence[RealtimeBatchMessage] = attrs.field(
        validator=_containers.Items(
            each=_validators.InstanceOf(RealtimeBatchMessage),
            min_items=1,
            max_items=100,
            too_many_hint="publish_many takes any number",
        ),
        metadata={"wire": "messages"},
    )

    def __attrs_post_init__(self) -> None:
        _containers.own(self, messages=1)


@attrs.frozen(kw_only=True)
class PublishRealtimeMessageInput:
    """A message to publish.

    Attributes:
        event: The event's name, 1 to 200 characters.
        data: Any JSON, carried exactly; at most 65,536 bytes encoded and 64 levels deep.
    """

    event: str = attrs.field(validator=_validators.String(min_length=1, max_length=200), metadata={"wire": "event"})
    data: Any = attrs.field(
        default=None, validator=_validators.JsonValue(max_bytes=65536, max_depth=64), metadata={"wire": "data"}
    )


@attrs.frozen(kw_only=True)
class RealtimeChannelConnectedEvent:
    """The subscription is live.

    Attributes:
        channel: The channel.
        last_id: The newest message id at the time of connecting; `None` where the service does not say.
        recovered: Whether all that followed the given `sinceId` is replayed; `None` where the service does not say.
        connection_id: Names this connection in the service's logs.
        server_time: The service's clock, UTC.
    """

    channel: str = attrs.field(validator=_validators.String(), metadata={"wire": "channel"})
    last_id: str | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.String()), metadata={"wire": "lastId"}
    )
    recovered: bool | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.Boolean()), metadata={"wire": "recovered"}
    )
    connection_id: str | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.String()), metadata={"wire": "connectionId"}
    )
    server_time: datetime | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.AwareDatetime()), metadata={"wire": "serverTime"}
    )


@attrs.frozen(kw_only=True)
class RealtimeChannelError:
    """The service refused a frame, or said that history has a gap. The connection stays open.

    Attributes:
        code: A short code such as `forbidden`; an open set.
        message: What is wrong, in words.
        since_id: With `history_gap`, the id that history no longer reaches back to.
        resumed_from: With `history_gap`, the first message that follows; `None` where none is retained.
    """

    code: str = attrs.field(validator=_validators.String(), metadata={"wire": "code"})
    message: str = attrs.field(validator=_validators.String(), metadata={"wire": "message"})
    since_id: str | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.String()), metadata={"wire": "sinceId"}
    )
    resumed_from: str | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.String()), metadata={"wire": "resumedFrom"}
    )


@attrs.frozen(kw_only=True)
class RealtimeChannelPresenceEvent:
    """A member entered, left or changed its data.

    Attributes:
        action: What happened to a member. The set is open.
        channel: The channel.
        client_id: Who it is.
        data: What the member says of itself.
        at: When it happened, UTC.
    """

    action: RealtimePresenceAction | str = attrs.field(validator=_validators.String(), metadata={"wire": "action"})
    channel: str = attrs.field(validator=_validators.String(), metadata={"wire": "channel"})
    client_id: str = attrs.field(validator=_validators.String(), metadata={"wire": "clientId"})
    data: Any = attrs.field(default=None, metadata={"wire": "data"})
    at: datetime = attrs.field(validator=_validators.AwareDatetime(), metadata={"wire": "at"})


@attrs.frozen(kw_only=True)
class RealtimeChannelTarget:
    """The channel that a request is about.

    Attributes:
        channel: A channel's name, 1 to 200 of `A-Z a-z 0-9 _ : . , ; = @ -`, but not `.` or `..`.
    """

    channel: str = attrs.field(
        validator=_validators.String(
            min_length=1,
            max_length=200,
            pattern=r"^(?!\.{1,2}$)[A-Za-z0-9_:.,;=@-]{1,200}$",
            pattern_hint="a channel name has 1 to 200 of A-Z a-z 0-9 _ : . , ; = @ - and is not . or ..",
        ),
        metadata={"wire": "channel"},
    )


@attrs.frozen(kw_only=True)
class RealtimeChannelTokenExpiringEvent:
    """The token expires soon; connect again with a new one.

    Attributes:
        expires_at: When the service will close the connection, UTC.
    """

    expires_at: datetime = attrs.field(validator=_validators.AwareDatetime(), metadata={"wire": "expiresAt"})


@attrs.frozen(kw_only=True)
class RealtimeConnectQuery:
    """What a WebSocket connects to.

    Attributes:
        channel: A channel's name, 1 to 200 of `A-Z a-z 0-9 _ : . , ; = @ -`, but not `.` or `..`.
        since_id: The id of the last message seen; replay what follows. At most 1000 characters.
    """

    channel: str = attrs.field(
        validator=_validators.String(
            min_length=1,
            max_length=200,
            pattern=r"^(?!\.{1,2}$)[A-Za-z0-9_:.,;=@-]{1,200}$",
            pattern_hint="a channel name has 1 to 200 of A-Z a-z 0-9 _ : . , ; = @ - and is not . or ..",
        ),
        metadata={"wire": "channel"},
    )
    since_id: str | None = attrs.field(
        default=None, validator=_validators.Nullable(_validators.String(max_length=1000)), metadata={"wire": "sinceId"}
    )


@attrs.frozen(kw_only=True)
class RealtimeHistoryQuery:
    """Which stored messages to read.

    Attributes:
        limit: How many messages at most. 1 to 1000. The service takes 100 where it is left out.
        since_id: The id of the last message seen, 1 to 200 characters.
    """

    limit: int | None = attrs.field(
        default=None,
        validator=_validators.Nullable(_validators.Integer(minimum=1, maximum=1000)),
        metadata={"wire": "limit"},
    )
    since_id: str | None = attrs.field(
        default=None,
        validator=_validators.Nullable(_validators.String(min_length=1, max_length=200)),
        metadata={"wire": "sinceId"},
    )


@attrs.frozen(kw_only=True)
class RealtimeMessageSummary:
    """A stored message.

    Attributes:
        id: A message's id; opaque.
        channel: The channel it was published to.
        event: The event's name.
        data: The payload, exactly as published; `null` where none was given.
        published_at: When the service stored it, UTC.
    """

    id: str = attrs.field(validator=_validators.String(), metadata={"wire": "id"})
    channel: str = attrs.field(validator=_validators.String(), metadata={"wire": "channel"})
    event: str = attrs.field(validator=_validators.String(), metadata={"wire": "event"})
    data: Any = attrs.field(metadata={"wire": "data"})
    published_at: datetime = attrs.field(validator=_validators.AwareDatetime(), metadata={"wire": "publishedAt"})


@attrs.frozen(kw_only=True)
class RealtimePresenceInput:
    """A client's word about its own presence.

    Attributes:
        action: What a client asks for itself.
        data: Any JSON, shown to the other members; at most 4,096 bytes encoded and 64 levels deep.
    """

    action: RealtimePresenceIntent | str = attrs.field(
        validator=_validators.OneOf(RealtimePresenceIntent), metadata={"wire": "action"}
    )
    data: Any = attrs.field(
        default=None, validator=_validators.JsonValue(max_bytes=4096, max_depth=64), metadata={"wire": "data"}
    )


@attrs.frozen(kw_only=True)
class RealtimePresenceMember:
    """A client that is present on a channel.

    Attributes:
        client_id: Who it is.
        data: What it last said of itself; `null` where nothing.
        joined_at: When it first entered, UTC.
    """

    client_id: str = attrs.field(validator=_validators.String(), metadata={"wire": "clientId"})
    data: Any = attrs.field(metadata={"wire": "data"})
    joined_at: datetime = attrs.field(validator=_validators.AwareDatetime(), metadata={"wire": "joinedAt"})


@attrs.frozen(kw_only=True)
class RealtimeTokenSummary:
    """A minted client token.

    Attributes:
        token: The token; treat it as a password.
        expires_at: When it stops working, UTC.
    """

    token: str = attrs.field(validator=_validators.String(secret=True), repr=False, metadata={"wire": "token"})
    expires_at: datetime = attrs.field(validator=_validators.AwareDatetime(), metadata={"wire": "expiresAt"})
