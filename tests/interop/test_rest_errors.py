"""What the official client throws where this server refuses: its ``VoyantApiError`` with all of its fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialClient, OfficialError
from tests.interop.test_rest import nested
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
KEY = "vck_0123456789abcdef"
METHODS: dict[str, tuple[str, Callable[[OfficialClient], Any]]] = {
    "publish": ("realtime:publish", lambda official: official.publish(CHANNEL, "e")),
    "publishBatch": ("realtime:publish", lambda official: official.publish_batch([{"channel": CHANNEL, "event": "e"}])),
    "history": ("realtime:subscribe", lambda official: official.history(CHANNEL)),
    "presence.get": ("realtime:subscribe", lambda official: official.presence(CHANNEL)),
    "tokens.mint": ("realtime:tokens", lambda official: official.mint("user_42", {CHANNEL: ["subscribe"]})),
}
SCOPES = ("realtime:publish", "realtime:subscribe", "realtime:tokens")


def refused(call: Callable[[], Any], status: int, code: str) -> OfficialError:
    """Expect a refusal, whole in the way that the official client documents."""
    with pytest.raises(OfficialError) as caught:
        call()
    error = caught.value
    assert error.is_api_error
    assert (error.status, error.code) == (status, code)
    assert error.request_id
    assert error.body == {"error": error.message, "code": code, "requestId": error.request_id}
    return error


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_key(official: OfficialClient, server: VoyantServer, method: str) -> None:
    """401, on every method, and the key is not repeated."""
    official.connect_to(server.url, "vck_wrong")
    error = refused(lambda: METHODS[method][1](official), 401, "unauthorized")
    assert "vck_wrong" not in error.message


@pytest.mark.parametrize("scope", SCOPES)
def test_scopes(node: NodeProcess, scope: str) -> None:
    """A key with one scope may call what that is for; the refusal of the rest names the scope that lacks."""
    with (
        VoyantServer(api_key=f"{KEY}:{scope}") as server,
        OfficialClient(node, server.url, server.api_key) as official,
    ):
        for needed, call in METHODS.values():
            if needed == scope:
                call(official)
            else:
                assert needed in refused(lambda call=call: call(official), 403, "forbidden").message


@pytest.mark.parametrize(
    "channel", ["with space", "a+b", "é", "\N{ROCKET}", "x" * 201, "*", "orders:*", "%00", "a%2Fb"]
)
def test_a_bad_channel(official: OfficialClient, channel: str) -> None:
    """400, on every route that has a channel in its path."""
    refused(lambda: official.publish(channel, "e"), 400, "invalid_request")
    refused(lambda: official.history(channel), 400, "invalid_request")
    refused(lambda: official.presence(channel), 400, "invalid_request")


def test_a_channel_that_becomes_another_path(official: OfficialClient) -> None:
    """The official client lets ``..`` and ``?`` change the path; none of it gets to publish anything anywhere."""
    refused(lambda: official.publish("..", "e"), 400, "invalid_request")
    for channel in ("a?b", "a#b", "../../v2/x"):
        refused(lambda channel=channel: official.publish(channel, "e"), 404, "not_found")


@pytest.mark.parametrize(
    "message",
    [
        {"event": ""},
        {"event": "x" * 201},
        {"event": 5},
        {"data": 1},
        {},
        {"event": "e", "data": nested(65)},
    ],
    ids=["empty event", "long event", "event of a wrong type", "no event", "nothing", "65 levels"],
)
def test_a_bad_message(official: OfficialClient, message: dict[str, Any]) -> None:
    """400, alone and in a batch, which is refused whole."""
    refused(lambda: official.rest("publish", CHANNEL, message), 400, "invalid_request")
    good = {"channel": CHANNEL, "event": "good"}
    refused(lambda: official.publish_batch([good, {"channel": CHANNEL, **message}]), 400, "invalid_request")
    assert official.history(CHANNEL) == []


@pytest.mark.parametrize("size", [65_536 - 1, 1_000_000, 10_000_000])
def test_too_large_a_message(official: OfficialClient, size: int) -> None:
    """413, also where the client is still sending when it is refused."""
    refused(lambda: official.publish(CHANNEL, "e", data="x" * size), 413, "payload_too_large")


def test_too_large_a_batch(official: OfficialClient) -> None:
    """101 messages are a bad request, 6 MB of them too large; none is stored."""
    refused(lambda: official.publish_batch([{"channel": CHANNEL, "event": "e"}] * 101), 400, "invalid_request")
    heavy = {"channel": CHANNEL, "event": "e", "data": "x" * 60_000}
    refused(lambda: official.publish_batch([heavy] * 100), 413, "payload_too_large")
    refused(lambda: official.publish_batch([]), 400, "invalid_request")
    assert official.history(CHANNEL) == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "many"}, {"sinceId": "rubbish"}])
def test_a_bad_query(official: OfficialClient, query: dict[str, Any]) -> None:
    """400."""
    refused(lambda: official.history(CHANNEL, **query), 400, "invalid_request")


@pytest.mark.parametrize(
    ("capabilities", "options"),
    [
        ({}, {}),
        ({"orders*": ["subscribe"]}, {}),
        ({"*:eu": ["subscribe"]}, {}),
        ({"orders:**": ["subscribe"]}, {}),
        ({CHANNEL: ["listen"]}, {}),
        ({CHANNEL: ["subscribe"]}, {"ttlSeconds": 0}),
        ({CHANNEL: ["subscribe"]}, {"ttlSeconds": 86_401}),
        ({CHANNEL: ["subscribe"]}, {"clientId": ""}),
    ],
)
def test_a_token_that_cannot_be(
    official: OfficialClient, capabilities: dict[str, list[str]], options: dict[str, Any]
) -> None:
    """400: no capability, a pattern that is none, an unknown verb, a lifetime or a client id out of range."""
    wanted = {"clientId": "user_42", "capabilities": capabilities, **options}
    refused(lambda: official.rest("tokens.mint", wanted), 400, "invalid_request")


def test_another_group_of_the_official_client(official: OfficialClient) -> None:
    """What this server does not offer, such as the vault, is a 404 that the official client understands."""
    refused(lambda: official.call("vault.listVaults"), 404, "not_found")
