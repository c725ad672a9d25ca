"""Addresses: nothing in a name changes the path, and no secret is shown."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voyant_cloud.urls import channel_path, connect_url, join, redact


@pytest.mark.parametrize("base", ["https://example.com", "https://example.com/"])
def test_join(base: str) -> None:
    """A slash at the end of the base makes no difference."""
    assert join(base, "/realtime/v1/messages") == "https://example.com/realtime/v1/messages"


def test_join_keeps_prefix() -> None:
    """A path in the base URL stays."""
    assert join("https://example.com/voyant/", "/realtime/v1/tokens") == "https://example.com/voyant/realtime/v1/tokens"


def test_colon_stands() -> None:
    """The colon of a channel's name is not escaped."""
    assert channel_path("orders:eu", "messages") == "/realtime/v1/channels/orders:eu/messages"


@example("a/b")
@example("../tokens?")
@example("a?b#c")
@example("%2e%2e%2Fb")
@example("a b\r\n;é")
@given(st.text(min_size=1).filter(lambda name: name.isascii() or name.isprintable()))
def test_name_is_one_segment(name: str) -> None:
    """Whatever a name holds, it stays one segment, and the service reads the same name from it."""
    path = channel_path(name, "messages")
    segments = urlsplit(f"https://example.com{path}").path.split("/")
    assert len(segments) == 6
    assert unquote(segments[4]) == name


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://example.com", "wss://example.com/realtime/v1/connect"),
        ("http://127.0.0.1:8787", "ws://127.0.0.1:8787/realtime/v1/connect"),
        ("https://example.com/voyant/", "wss://example.com/voyant/realtime/v1/connect"),
    ],
)
def test_connect_url_address(base: str, expected: str) -> None:
    """The scheme becomes that of WebSocket, host, port and prefix stay."""
    url = connect_url(base, channel="orders:eu", token="rtok_x", since_id=None)
    assert url.partition("?")[0] == expected
    assert parse_qs(urlsplit(url).query) == {"channel": ["orders:eu"], "token": ["rtok_x"]}


def test_connect_url_escapes() -> None:
    """Values cannot add parameters or a fragment."""
    url = connect_url("https://example.com", channel="a;b,c", token="t&x=1#y", since_id="id +&z=2")
    assert parse_qs(urlsplit(url).query) == {"channel": ["a;b,c"], "token": ["t&x=1#y"], "sinceId": ["id +&z=2"]}
    assert urlsplit(url).fragment == ""


SECRET = "eyJhbGciOi.J9_abc-def"


@pytest.mark.parametrize(
    "text",
    [
        f"wss://h/realtime/v1/connect?channel=a&token={SECRET}&sinceId=b",
        f"wss://h/connect?TOKEN={SECRET}",
        f"the token rtok_{SECRET} is bad",
        f"mint with vck_{SECRET} failed",
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f'"authorization": "{SECRET}"',
        f"authorization={SECRET}",
        f"got Bearer {SECRET}",
        f"proxy http://user:{SECRET}@proxy:3128/ failed",
    ],
)
def test_redact_hides(text: str) -> None:
    """Tokens, Authorization values and passwords in URLs are masked."""
    assert SECRET not in redact(text)
    assert "***" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "POST /realtime/v1/channels/orders:eu/messages: no answer within 30 s",
        "the API key is missing; send Authorization: Bearer <api key>",
        "orders@eu is no token: it is a channel",
    ],
)
def test_redact_leaves_the_rest(text: str) -> None:
    """Text without secrets stays as it is."""
    assert redact(text) == text


def test_redact_keeps_what_surrounds() -> None:
    """Other parameters stay readable."""
    assert redact("wss://h/c?token=abc&sinceId=rtm_1") == "wss://h/c?token=***&sinceId=rtm_1"
