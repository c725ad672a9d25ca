"""The settings of a channel, checked where they are given."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

import attrs

from voyant_cloud.config import base_url_from, read_proxies, read_verify
from voyant_cloud.errors import VoyantConfigError, VoyantValidationError
from voyant_cloud.models import RealtimeChannelTarget, RealtimeConnectQuery
from voyant_cloud.realtime.shared_threads import SharedThreads
from voyant_cloud.realtime.token_source import Token, TokenProvider, check_token

__all__ = ["OnGap", "RealtimeChannelOptions"]

OnGap = Literal["warn", "raise"]

_ON_GAP: Final = ("warn", "raise")
_LONGEST: Final = 86_400.0


def _check_channel(_: object, __: attrs.Attribute[Any], value: str) -> None:
    RealtimeChannelTarget(channel=value)


def _check_since_id(options: RealtimeChannelOptions, _: attrs.Attribute[Any], value: str | None) -> None:
    RealtimeConnectQuery(channel=options.channel, since_id=value)
    if value == "":
        raise VoyantValidationError("RealtimeChannelOptions.since_id", "must not be empty; None starts with live ones")


def _check_source(_: object, __: attrs.Attribute[Any], value: Any) -> None:
    if not callable(value):
        check_token(value, "token: must be")


def _check_seconds(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 < value <= _LONGEST:
        raise VoyantConfigError(f"{attribute.name}: must be seconds, above 0 and at most {_LONGEST:g}, got {value!r}")


def _check_queue_size(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise VoyantConfigError(f"{attribute.name}: must be a whole number of 1 or more, got {value!r}")


def _check_on_gap(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value not in _ON_GAP:
        raise VoyantConfigError(f"{attribute.name}: must be 'warn' or 'raise', got {value!r}")


def _check_threads(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, SharedThreads):
        raise VoyantConfigError(f"{attribute.name}: must be SharedThreads or None, got {type(value).__name__}")


def _check_bool(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise VoyantConfigError(f"{attribute.name}: must be True or False, got {value!r}")


def _read_base_url(value: str | None) -> str:
    return base_url_from(value, os.environ)


def _read_verify(value: bool | str | os.PathLike[str] | None) -> bool | str:
    # A channel has no session that could decide it.
    verify = read_verify(value)
    return True if verify is None else verify


@attrs.frozen(kw_only=True)
class RealtimeChannelOptions:
    """The settings of a ``RealtimeChannel``, which describes each.

    Attributes:
        channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``, but not ``.`` or ``..``.
        token: a client token, a minted ``RealtimeTokenSummary``, or a callable that returns one of them; never shown.
        base_url: the service's address; ``None`` takes ``VOYANT_CLOUD_API_URL``, or the hosted service.
        since_id: begin after this message, 1 to 1,000 characters; ``None`` begins with live messages.
        reconnect: whether to connect again when a connection ends.
        queue_size: how many received events may wait for the handlers, 1 or more.
        connect_timeout: seconds to be connected in, above 0.
        ping_after: seconds of silence before a ping, above 0.
        pong_timeout: seconds to hear something after a ping, above 0.
        proxies: a proxy's URL by scheme, as in requests; ``None`` takes them from the environment.
        verify: whether to check the service's certificate, or the path of a CA bundle to check it with.
        on_gap: ``"warn"`` makes a gap an event, ``"raise"`` stops the channel there with ``RealtimeGapError``.
        threads: the threads that it shares with other channels; ``None`` gives it two of its own.

    Raises:
        VoyantConfigError: a setting is wrong; the message names it.
        VoyantValidationError: *channel* or *since_id* breaks a limit of the contract.
    """

    channel: str = attrs.field(validator=_check_channel)
    token: Token | TokenProvider = attrs.field(validator=_check_source, repr=False)
    base_url: str = attrs.field(default=None, converter=_read_base_url)
    since_id: str | None = attrs.field(default=None, validator=_check_since_id)
    reconnect: bool = attrs.field(default=True, validator=_check_bool)
    queue_size: int = attrs.field(default=1000, validator=_check_queue_size)
    connect_timeout: float = attrs.field(default=10.0, validator=_check_seconds)
    ping_after: float = attrs.field(default=20.0, validator=_check_seconds)
    pong_timeout: float = attrs.field(default=10.0, validator=_check_seconds)
    # A proxy's URL may hold a password.
    proxies: Mapping[str, str] | None = attrs.field(default=None, converter=read_proxies, repr=False)
    verify: bool | str = attrs.field(default=True, converter=_read_verify)
    on_gap: OnGap = attrs.field(default="warn", validator=_check_on_gap)
    threads: SharedThreads | None = attrs.field(default=None, validator=_check_threads)
