"""What a client may do, said in the usual ways and checked before a token is asked for. Pure; for any framework.

The service's rules for wildcards: a key is a channel's name, ``*``, or a prefix that ends in ``:*``, and ``orders:*``
covers ``orders:1`` and ``orders:1:items``. So a user's id that held a ``*`` or a ``:`` could open channels of others;
here it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import attrs

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.models import MintRealtimeTokenInput, RealtimeCapability

__all__ = [
    "Capabilities",
    "channel_of",
    "check_capabilities",
    "combined",
    "everything_under",
    "own_channel",
    "owned_objects",
]

Capabilities = Mapping[str, Sequence[RealtimeCapability | str]]
"""What is granted: a list of ``subscribe``, ``publish`` and ``presence`` by channel or pattern."""

_SUBSCRIBE: Final = ("subscribe",)
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_.,;=@-]+")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.,;=@-]+(:[A-Za-z0-9_.,;=@-]+)*")
_RULE: Final[Any] = attrs.fields(MintRealtimeTokenInput).capabilities.validator
_BEYOND_KEYS: Final = 10**40
_LIMIT: Final[int] = _RULE.max_entries


def channel_of(prefix: str, identifier: object) -> str:
    """Return the channel of one object, as in ``orders:42``: for the publisher the one that its owner is granted.

    Args:
        prefix: the kind of object, such as ``orders``; may have parts, as in ``shop:orders``.
        identifier: its primary key: an int, a UUID, or text of ``A-Z a-z 0-9 _ . , ; = @ -``. Not the object: its name
            may be another object's key.

    Raises:
        VoyantValidationError: either is something else, holds ``*`` or ``:``, or both are too long together.
    """
    _check_prefix(prefix)
    channel = f"{prefix}:{_text_of(identifier)}"
    check_capabilities({channel: _SUBSCRIBE})
    return channel


def own_channel(
    user_id: object, verbs: Sequence[RealtimeCapability | str] = _SUBSCRIBE, *, prefix: str = "user"
) -> dict[str, list[str]]:
    """Grant a user the channel of its own, as in ``{"user:42": ["subscribe"]}``.

    Args:
        user_id: its primary key.
        verbs: of ``subscribe``, ``publish`` and ``presence``.
        prefix: what stands before the id.

    Raises:
        VoyantValidationError: an argument breaks a rule.
    """
    return check_capabilities({channel_of(prefix, user_id): verbs})


def owned_objects(
    prefix: str, identifiers: Iterable[object], verbs: Sequence[RealtimeCapability | str] = _SUBSCRIBE
) -> dict[str, list[str]]:
    """Grant the channel of each object of a list, as in ``{"orders:1": ["subscribe"], "orders:7": ["subscribe"]}``.

    Args:
        prefix: the kind of object, such as ``orders``.
        identifiers: the primary keys, such as ``user.orders.values_list("pk", flat=True)``; none grants nothing. At
            most 100, and fewer where they are long: the service's tokens have a length that they can have at most,
            with ours 4,096 characters, into which some 90 numbers or 45 UUIDs go.
        verbs: of ``subscribe``, ``publish`` and ``presence``.

    Raises:
        VoyantValidationError: an argument breaks a rule, or there are more than a token can hold.
    """
    _check_prefix(prefix)
    if isinstance(identifiers, (str, bytes, Mapping)) or not isinstance(identifiers, Iterable):
        raise VoyantValidationError("identifiers", f"must be a list of keys, got {type(identifiers).__name__}")
    granted: dict[str, Sequence[RealtimeCapability | str]] = {}
    for identifier in identifiers:
        granted[channel_of(prefix, identifier)] = verbs
        if len(granted) > _LIMIT:
            raise VoyantValidationError(
                "identifiers",
                f"are more than {_LIMIT}, the most channels that a token holds; "
                f"take the newest, or publish to a channel that these objects share",
            )
    return check_capabilities(granted) if granted else {}


def everything_under(prefix: str, verbs: Sequence[RealtimeCapability | str] = _SUBSCRIBE) -> dict[str, list[str]]:
    """Grant every channel that begins with a prefix and a colon, as in ``{"orders:*": ["subscribe"]}``.

    Args:
        prefix: ``orders``, without ``:*``.
        verbs: of ``subscribe``, ``publish`` and ``presence``.

    Raises:
        VoyantValidationError: an argument breaks a rule.
    """
    _check_prefix(prefix)
    return check_capabilities({f"{prefix}:*": verbs})


def combined(*capabilities: Capabilities) -> dict[str, list[str]]:
    """Put grants together; for a channel that is in several, all that any of them allows.

    Raises:
        VoyantValidationError: one breaks a rule, or together they are more than a token can hold.
    """
    granted: dict[str, list[str]] = {}
    for each in capabilities:
        for channel, verbs in (check_capabilities(each) if each else {}).items():
            before = granted.setdefault(channel, [])
            before.extend(verb for verb in verbs if verb not in before)
    return check_capabilities(granted) if granted else {}


def check_capabilities(capabilities: Capabilities) -> dict[str, list[str]]:
    """Return a copy of *capabilities* that a token can be asked for.

    Raises:
        VoyantValidationError: one breaks a rule of the service, or there is none, or there are more than 100.
    """
    checked = MintRealtimeTokenInput(client_id="checked", capabilities=capabilities).capabilities
    return {channel: [str(verb) for verb in verbs] for channel, verbs in checked.items()}


def _text_of(identifier: object) -> str:
    # True is an int, and means that a comparison was passed in place of a key. Of any other object str() gives a name,
    # such as a user's, which somebody else may choose to be this user's key.
    if isinstance(identifier, bool) or not isinstance(identifier, (int, str, UUID)):
        raise VoyantValidationError(
            "identifier", f"must be a key: an int, a UUID or a str, got {type(identifier).__name__}"
        )
    if isinstance(identifier, int) and abs(identifier) >= _BEYOND_KEYS:
        raise VoyantValidationError("identifier", "must be a key, got a number of more than 40 digits")
    text = str(identifier)
    if not _SEGMENT.fullmatch(text):
        raise VoyantValidationError(
            "identifier", f"must be one or more of A-Z a-z 0-9 _ . , ; = @ -, got {text[:80]!r}"
        )
    return text


def _check_prefix(prefix: object) -> None:
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise VoyantValidationError(
            "prefix", f"must be a channel's first part, such as orders, without : or * at its end, got {prefix!r:.80}"
        )
