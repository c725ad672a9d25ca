"""Capability patterns match exactly what the rules say."""

from __future__ import annotations

import pytest

from voyant_cloud.server.capabilities import grants, matches


@pytest.mark.parametrize(
    ("pattern", "channel", "matched"),
    [
        ("orders:*", "orders:eu", True),
        ("orders:*", "orders:eu:1", True),
        ("orders:*", "orders", False),
        ("orders:*", "orders:", False),
        ("orders:*", "Orders:eu", False),
        ("orders:*", "xorders:eu", False),
        ("orders:eu", "orders:eu", True),
        ("orders:eu", "orders:eu:1", False),
        ("orders:eu", "orders:e", False),
        ("*", "anything", True),
        ("a:b:*", "a:b:c", True),
        ("a:b:*", "a:c:b", False),
    ],
)
def test_matches(pattern: str, channel: str, matched: bool) -> None:
    """One trailing wildcard, after a colon or alone; everything else is a name."""
    assert matches(pattern, channel) is matched


def test_grants_adds_up_over_patterns() -> None:
    """What several patterns grant on one channel adds up."""
    capabilities = {"*": ["subscribe"], "orders:*": ["presence"], "orders:us": ["publish"]}
    assert grants(capabilities, "orders:eu") == {"subscribe", "presence"}
    assert grants(capabilities, "other") == {"subscribe"}
    assert grants({}, "other") == frozenset()
