"""What a client token allows: channel names and patterns against a channel; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

__all__ = ["grants", "matches"]


def matches(pattern: str, channel: str) -> bool:
    """Tell whether a capability key covers a channel.

    ``orders:*`` covers ``orders:eu`` and ``orders:eu:1``, not ``orders``, ``orders:`` or ``Orders:eu``; ``*`` covers
    every channel; anything else only the channel of that very name.
    """
    if pattern == "*":
        return True
    if pattern.endswith(":*"):
        prefix = pattern[:-1]
        return channel.startswith(prefix) and len(channel) > len(prefix)
    return pattern == channel


def grants(capabilities: Mapping[str, Sequence[str]], channel: str) -> frozenset[str]:
    """Return all that the capabilities allow on a channel, over every pattern that covers it."""
    return _the_one(
        frozenset(str(verb) for pattern, verbs in capabilities.items() if matches(pattern, channel) for verb in verbs)
    )


@lru_cache
def _the_one(verbs: frozenset[str]) -> frozenset[str]:
    # There are few that differ, and every connection keeps one.
    return verbs
