"""What the server takes from its callers, and how much it keeps: defaults, and how to change them; pure."""

from __future__ import annotations

import math
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantConfigError, VoyantValidationError

__all__ = ["Limits"]

# What the generated models refuse already. A larger value would have no effect, so it is an error: change the contract
# (openapi/voyant-cloud.yaml) and run `make generate`, and both ends follow.
_CONTRACT: Final = {"message_bytes": 65_536, "presence_bytes": 4_096, "batch_messages": 100}
_MOST: Final = 2**31 - 1


def _bounded(lowest: float) -> Any:
    def check(limits: Limits, field: attrs.Attribute[Any], value: float) -> None:
        highest = _CONTRACT.get(field.name, _MOST)
        kinds = (int, float) if isinstance(field.default, float) else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or _is_endless(value):
            kind = "a number" if float in kinds else "a whole number"
            raise VoyantConfigError(f"limit {field.name}: must be {kind}, got {value!r:.80}")
        if value < lowest:
            raise VoyantConfigError(f"limit {field.name}: is {value}, at least {lowest} is required")
        if value > highest:
            who = "the contract allows" if field.name in _CONTRACT else "allowed is"
            raise VoyantConfigError(f"limit {field.name}: is {value}, {who} at most {highest}")

    return check


def _is_endless(value: float) -> bool:
    # A whole number may be too large for isfinite.
    return isinstance(value, float) and not math.isfinite(value)


def _limit(default: float, lowest: float = 1) -> Any:
    return attrs.field(default=default, validator=_bounded(lowest))


@attrs.frozen(kw_only=True)
class Limits:
    """The server's limits.

    Attributes:
        message_bytes: a message's data, bytes of JSON, up to the contract's 65,536.
        presence_bytes: a member's data, bytes of JSON, up to the contract's 4,096.
        batch_messages: messages in a batch, up to the contract's 100.
        batch_bytes: a batch's body.
        frame_bytes: a WebSocket frame from a client.
        frames_per_second: frames from one connection, sustained.
        frames_burst: frames from one connection at once.
        history_messages: messages kept a channel.
        history_seconds: how long they are kept.
        connections: WebSockets of this process.
        presence_members: members that one answer lists.
        queue_bytes: bytes waiting to be written to one connection.
        queue_messages: messages waiting to be written to one connection.
    """

    message_bytes: int = _limit(65_536)
    presence_bytes: int = _limit(4_096)
    batch_messages: int = _limit(100)
    batch_bytes: int = _limit(2 * 1024 * 1024)
    frame_bytes: int = _limit(80 * 1024, lowest=1024)
    frames_per_second: float = _limit(50.0)
    frames_burst: int = _limit(100)
    history_messages: int = _limit(1_000)
    history_seconds: float = _limit(86_400.0)
    connections: int = _limit(20_000)
    presence_members: int = _limit(1_000)
    queue_bytes: int = _limit(1024 * 1024, lowest=64 * 1024)
    queue_messages: int = _limit(1_000)

    def check_message(self, field: str, data: str) -> None:
        """Refuse a message's data, as JSON text, over ``message_bytes``; *field* names it."""
        _check_size(field, data, self.message_bytes)

    def check_presence(self, field: str, data: str) -> None:
        """Refuse a member's data, as JSON text, over ``presence_bytes``; *field* names it."""
        _check_size(field, data, self.presence_bytes)

    def check_batch(self, field: str, count: int) -> None:
        """Refuse a batch of more than ``batch_messages``; *field* names it."""
        if count > self.batch_messages:
            raise VoyantValidationError(field, f"has {count} items, at most {self.batch_messages} are allowed")


def _check_size(field: str, data: str, most: int) -> None:
    size = len(data.encode())
    if size > most:
        problem = f"is {size} bytes of JSON, at most {most} are allowed"
        raise VoyantValidationError(field, problem, code="payload_too_large")
