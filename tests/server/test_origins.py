"""Which origins may connect."""

from __future__ import annotations

import pytest

from voyant_cloud.server.origins import is_allowed, is_own


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8787", "127.0.0.1:8787"),
        ("http://localhost:8787", "localhost:8787"),
        ("http://[::1]:8787", "[::1]:8787"),
        ("https://voyant.example", "voyant.example"),
        ("https://voyant.example", "Voyant.Example:443"),
        ("https://voyant.example", "voyant.example:80"),
        ("http://voyant.example:80", "voyant.example"),
        ("https://voyant.example:8443", "voyant.example:8443"),
    ],
)
def test_own_origin(origin: str, host: str) -> None:
    """Host and port decide, in any case, with the default ports as none and whatever the scheme."""
    assert is_own(origin, host)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8788", "127.0.0.1:8787"),
        ("http://localhost:8787", "127.0.0.1:8787"),
        ("https://voyant.example.evil", "voyant.example"),
        ("https://evil.example", "voyant.example"),
        ("https://voyant.example:8443", "voyant.example"),
        ("ftp://voyant.example", "voyant.example"),
        ("voyant.example", "voyant.example"),
        ("https://voyant.example/", "voyant.example"),
        ("https://voyant.example?", "voyant.example"),
        ("https://me@voyant.example", "me@voyant.example"),
        ("https://voyant.example:x", "voyant.example:x"),
        ("https://[::1", "[::1"),
        ("https://a\nb", "ab"),
        ("https://:8787", ":8787"),
        ("https://", ""),
        ("null", "null"),
        ("", ""),
    ],
)
def test_other_origin(origin: str, host: str) -> None:
    """Another host or port, and whatever is no origin, is not this server."""
    assert not is_own(origin, host)


def test_own_origin_is_for_the_console_alone() -> None:
    """Without the console the list alone decides; with it both do."""
    assert is_allowed("https://a.example", ["https://a.example"], console_at=None)
    assert is_allowed("https://a.example", ["https://a.example"], console_at="b.example")
    assert is_allowed("https://b.example", ["https://a.example"], console_at="b.example")
    assert not is_allowed("https://b.example", ["https://a.example"], console_at=None)
