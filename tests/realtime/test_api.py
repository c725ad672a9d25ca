"""``client.realtime`` with mocked HTTP: arguments in, models out, and nothing sent that breaks a limit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.errors import VoyantConfigError, VoyantValidationError
from voyant_cloud.models import (
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeBatchMessage,
    RealtimeMessageSummary,
    RealtimePresenceMember,
    RealtimeTokenSummary,
)
from voyant_cloud.realtime.api import RealtimeApi
from voyant_cloud.testing import VoyantServer

URL = "https://voyant.example"
CHANNEL = f"{URL}/realtime/v1/channels/orders:eu"
WHEN = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)
WIRE_WHEN = "2026-11-24T09:30:00.000Z"
WIRE_MESSAGE = {"id": "rtm_1", "channel": "orders:eu", "event": "e", "data": {"n": 1}, "publishedAt": WIRE_WHEN}
MESSAGE = RealtimeMessageSummary(id="rtm_1", channel="orders:eu", event="e", data={"n": 1}, published_at=WHEN)


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def realtime() -> RealtimeApi:
    return VoyantCloudClient(api_key="vk_test", base_url=URL, retries=0).realtime


def body_of(mock: responses.RequestsMock, index: int = 0) -> Any:
    return json.loads(mock.calls[index].request.body)


def test_publish(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Both forms send the same and return the stored message."""
    mock.post(f"{CHANNEL}/messages", json={"data": WIRE_MESSAGE})
    given = PublishRealtimeMessageInput(event="e", data={"n": 1})
    assert realtime.publish("orders:eu", event="e", data={"n": 1}) == realtime.publish("orders:eu", given) == MESSAGE
    assert body_of(mock, 0) == body_of(mock, 1) == {"event": "e", "data": {"n": 1}}


def test_publish_without_data(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """No data and None are the same: neither is sent."""
    mock.post(f"{CHANNEL}/messages", json={"data": {**WIRE_MESSAGE, "data": None}})
    assert realtime.publish("orders:eu", event="e", data=None).data is None
    realtime.publish("orders:eu", event="e")
    assert body_of(mock, 0) == body_of(mock, 1) == {"event": "e"}


@pytest.mark.parametrize("data", [0, False, "", [], {}, "ü€😀", 2**60, 0.1, {"a": [None, {"b": []}]}])
def test_publish_data_exactly(mock: responses.RequestsMock, realtime: RealtimeApi, data: Any) -> None:
    """Data goes out as it is, whatever JSON it is."""
    mock.post(f"{CHANNEL}/messages", json={"data": WIRE_MESSAGE})
    realtime.publish("orders:eu", event="e", data=data)
    assert body_of(mock)["data"] == data
    assert type(body_of(mock)["data"]) is type(data)


def test_deepest_data(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Data at the limit of nesting can be sent, in a batch too."""
    deep: list[Any] = []
    for _ in range(63):
        deep = [deep]
    mock.post(f"{CHANNEL}/messages", json={"data": WIRE_MESSAGE})
    mock.post(f"{URL}/realtime/v1/messages", json={"data": [WIRE_MESSAGE]})
    realtime.publish("orders:eu", event="e", data=deep)
    realtime.publish_batch([{"channel": "orders:eu", "event": "e", "data": deep}])
    assert body_of(mock, 0)["data"] == body_of(mock, 1)["messages"][0]["data"] == deep


def test_idempotency_keys(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """The caller's key is sent; otherwise each call has its own."""
    mock.post(f"{CHANNEL}/messages", json={"data": WIRE_MESSAGE})
    mock.post(f"{URL}/realtime/v1/messages", json={"data": [WIRE_MESSAGE]})
    realtime.publish("orders:eu", event="e", idempotency_key="mine")
    realtime.publish_batch([{"channel": "orders:eu", "event": "e"}], idempotency_key="mine")
    realtime.publish("orders:eu", event="e")
    realtime.publish("orders:eu", event="e")
    keys = [call.request.headers["Idempotency-Key"] for call in mock.calls]
    assert keys[:2] == ["mine", "mine"]
    assert len(set(keys)) == 3


def test_publish_batch(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Dicts and models mix; the answer is in order."""
    mock.post(f"{URL}/realtime/v1/messages", json={"data": [WIRE_MESSAGE, {**WIRE_MESSAGE, "id": "rtm_2"}]})
    stored = realtime.publish_batch(
        [{"channel": "orders:eu", "event": "e", "data": 1}, RealtimeBatchMessage(channel="orders:us", event="f")]
    )
    assert [message.id for message in stored] == ["rtm_1", "rtm_2"]
    expected = [{"channel": "orders:eu", "event": "e", "data": 1}, {"channel": "orders:us", "event": "f"}]
    assert body_of(mock) == {"messages": expected}


def test_publish_batch_model(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """A whole batch may be a model."""
    mock.post(f"{URL}/realtime/v1/messages", json={"data": [WIRE_MESSAGE]})
    batch = PublishRealtimeBatchInput(messages=[RealtimeBatchMessage(channel="orders:eu", event="e")])
    assert realtime.publish_batch(batch) == [MESSAGE]


def test_history(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Messages come back typed, in the order of the answer."""
    mock.get(f"{CHANNEL}/messages", json={"data": [WIRE_MESSAGE]})
    assert realtime.history("orders:eu") == [MESSAGE]
    realtime.history("orders:eu", limit=5, since_id="rtm_0")
    assert [call.request.params for call in mock.calls] == [{}, {"limit": "5", "sinceId": "rtm_0"}]


def test_presence(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Members come back typed."""
    mock.get(f"{CHANNEL}/presence", json={"data": [{"clientId": "user_42", "data": None, "joinedAt": WIRE_WHEN}]})
    expected = RealtimePresenceMember(client_id="user_42", data=None, joined_at=WHEN)
    assert realtime.presence.get("orders:eu") == [expected]


def test_mint(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """A token comes back with its expiry, and is not in its repr."""
    mock.post(f"{URL}/realtime/v1/tokens", json={"data": {"token": "rtok_secret", "expiresAt": WIRE_WHEN}})
    token = realtime.tokens.mint(client_id="user_42", capabilities={"orders:*": ["subscribe"]}, ttl_seconds=60)
    assert token == RealtimeTokenSummary(token="rtok_secret", expires_at=WHEN)
    assert "rtok_secret" not in repr(token)
    assert body_of(mock) == {"clientId": "user_42", "capabilities": {"orders:*": ["subscribe"]}, "ttlSeconds": 60}


def test_mint_default_lifetime(mock: responses.RequestsMock, realtime: RealtimeApi) -> None:
    """Without a lifetime none is sent."""
    mock.post(f"{URL}/realtime/v1/tokens", json={"data": {"token": "rtok_secret", "expiresAt": WIRE_WHEN}})
    realtime.tokens.mint(client_id="user_42", capabilities={"*": ["publish"]})
    assert "ttlSeconds" not in body_of(mock)


BAD_CHANNELS = ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "a b", "a\nb", "é", "x" * 201, "*", "orders:*", None, 5]


@pytest.mark.parametrize("channel", BAD_CHANNELS)
@pytest.mark.parametrize(
    "call",
    [
        lambda realtime, channel: realtime.publish(channel, event="e"),
        lambda realtime, channel: realtime.publish_batch([{"channel": channel, "event": "e"}]),
        lambda realtime, channel: realtime.history(channel),
        lambda realtime, channel: realtime.iter_history(channel),
        lambda realtime, channel: realtime.presence.get(channel),
        lambda realtime, channel: realtime.channel(channel, client_id="worker-1"),
    ],
)
def test_bad_channel(
    mock: responses.RequestsMock, realtime: RealtimeApi, call: Callable[..., Any], channel: Any
) -> None:
    """A name that could lead to another route is refused by every call, before anything is sent."""
    with pytest.raises(VoyantValidationError) as caught:
        call(realtime, channel)
    assert caught.value.field.endswith(".channel")
    assert len(mock.calls) == 0


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda realtime: realtime.publish("a", event=""), "PublishRealtimeMessageInput.event"),
        (lambda realtime: realtime.publish("a"), "PublishRealtimeMessageInput.event"),
        (lambda realtime: realtime.publish("a", event="e", data=object()), "PublishRealtimeMessageInput.data"),
        (lambda realtime: realtime.publish("a", event="e", idempotency_key=""), "idempotency_key"),
        (lambda realtime: realtime.history("a", limit=0), "RealtimeHistoryQuery.limit"),
        (lambda realtime: realtime.history("a", limit=1001), "RealtimeHistoryQuery.limit"),
        (lambda realtime: realtime.history("a", since_id=""), "RealtimeHistoryQuery.since_id"),
        (lambda realtime: realtime.iter_history("a", page_size=0), "RealtimeHistoryQuery.limit"),
        (lambda realtime: realtime.iter_history("a", since_id=""), "RealtimeHistoryQuery.since_id"),
        (
            lambda realtime: realtime.tokens.mint(client_id="", capabilities={"a": ["publish"]}),
            "MintRealtimeTokenInput.client_id",
        ),
        (
            lambda realtime: realtime.tokens.mint(client_id="a", capabilities={"a": ["fly"]}),
            "MintRealtimeTokenInput.capabilities['a'][0]",
        ),
        (
            lambda realtime: realtime.tokens.mint(client_id="a", capabilities={"a": ["publish"]}, ttl_seconds=86_401),
            "MintRealtimeTokenInput.ttl_seconds",
        ),
        (lambda realtime: realtime.channel("a", client_id=""), "MintRealtimeTokenInput.client_id"),
        (lambda realtime: realtime.publish_many([], batch_size=101), "batch_size"),
        (lambda realtime: realtime.publish_many([], concurrency=0), "concurrency"),
    ],
)
def test_bad_argument(
    mock: responses.RequestsMock, realtime: RealtimeApi, call: Callable[[RealtimeApi], Any], field: str
) -> None:
    """What breaks a limit is named and not sent."""
    with pytest.raises(VoyantValidationError) as caught:
        call(realtime)
    assert caught.value.field == field
    assert len(mock.calls) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda realtime, **given: realtime.publish("a", event="e", **given),
        lambda realtime, **given: realtime.publish_batch([{"channel": "a", "event": "e"}], **given),
        lambda realtime, **given: realtime.history("a", **given),
        lambda realtime, **given: realtime.presence.get("a", **given),
        lambda realtime, **given: realtime.tokens.mint(client_id="a", capabilities={"a": ["publish"]}, **given),
    ],
)
def test_timeout_of_a_call(mock: responses.RequestsMock, realtime: RealtimeApi, call: Callable[..., Any]) -> None:
    """Each call takes a timeout of its own in place of the client's."""
    with pytest.raises(VoyantConfigError, match="timeout: must be seconds above 0"):
        call(realtime, timeout=0)
    assert len(mock.calls) == 0


class TestChannel:
    """What ``client.realtime.channel`` hands to the channel."""

    @pytest.fixture
    def given(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Arguments that the channel was made with; it is not connected."""
        arguments: dict[str, Any] = {}
        monkeypatch.setattr("voyant_cloud.realtime.channel.RealtimeChannel", arguments.update)
        return arguments

    def test_address_and_options(self, realtime: RealtimeApi, given: dict[str, Any]) -> None:
        """The channel goes where the client goes; options are passed on."""
        realtime.channel("orders:eu", client_id="worker-1", since_id="rtm_1")
        del given["token"]
        assert given == {"channel": "orders:eu", "base_url": URL, "since_id": "rtm_1"}

    def test_network_settings(self, given: dict[str, Any]) -> None:
        """Proxies and the check of certificates are the client's, unless they are given."""
        proxies = {"https": "http://proxy.example:3128"}
        realtime = VoyantCloudClient(api_key="vk_test", base_url=URL, proxies=proxies, verify=False).realtime
        realtime.channel("orders:eu", client_id="worker-1", verify=True)
        assert (given["proxies"], given["verify"]) == (proxies, True)

    def test_token(self, mock: responses.RequestsMock, realtime: RealtimeApi, given: dict[str, Any]) -> None:
        """Its token is minted when it is asked for, and allows everything on that channel."""
        mock.post(f"{URL}/realtime/v1/tokens", json={"data": {"token": "rtok_1", "expiresAt": WIRE_WHEN}})
        realtime.channel("orders:eu", client_id="worker-1")
        assert len(mock.calls) == 0
        assert given["token"]() == RealtimeTokenSummary(token="rtok_1", expires_at=WHEN)
        capabilities = {"orders:eu": ["subscribe", "publish", "presence"]}
        assert body_of(mock) == {"clientId": "worker-1", "capabilities": capabilities}

    def test_capabilities(self, mock: responses.RequestsMock, realtime: RealtimeApi, given: dict[str, Any]) -> None:
        """The caller's capabilities are minted instead."""
        mock.post(f"{URL}/realtime/v1/tokens", json={"data": {"token": "rtok_1", "expiresAt": WIRE_WHEN}})
        realtime.channel("orders:eu", client_id="worker-1", capabilities={"orders:*": ["subscribe"]})
        given["token"]()
        assert body_of(mock)["capabilities"] == {"orders:*": ["subscribe"]}

    def test_for_real(self, server: VoyantServer) -> None:
        """Against the embedded server a channel connects with a token of its own and hears what is published."""
        with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
            with client.realtime.channel("orders:eu", client_id="worker-1") as channel:
                assert channel.wait_connected(timeout=10)
                published = client.realtime.publish("orders:eu", event="e", data={"n": 1})
                assert next(iter(channel)) == published
