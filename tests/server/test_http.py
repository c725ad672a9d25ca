"""The REST routes, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from tests.server.wire_client import call, mint, publish
from voyant_cloud.testing import VoyantServer

MESSAGES = "/realtime/v1/channels/orders:eu/messages"
BATCH = "/realtime/v1/messages"
TOKENS = "/realtime/v1/tokens"


def assert_refused(answer: Any, status: int, code: str, *words: str) -> None:
    """Check the whole envelope of a refusal."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert set(body) == {"error", "code", "requestId"}
    assert body["requestId"] == answer.headers["x-request-id"]
    for word in words:
        assert word in body["error"], body["error"]


def test_publish_gives_the_stored_message(server: VoyantServer) -> None:
    """A published message comes back with id, time and exactly its data."""
    summary = publish(server, event="order.updated", data={"orderId": "ord_1", "n": [1.5, None, True, "é😀"]})
    assert summary["id"].startswith("rtm_")
    assert summary["channel"] == "orders:eu"
    assert summary["data"] == {"orderId": "ord_1", "n": [1.5, None, True, "é😀"]}
    assert summary["publishedAt"].endswith("Z")
    assert len(summary["publishedAt"]) == len("2026-11-24T09:30:00.000Z")


def test_absent_data_is_null(server: VoyantServer) -> None:
    """Data that is not given is null."""
    assert call(server, "POST", MESSAGES, json={"event": "e"}).json()["data"]["data"] is None


def test_batch_keeps_its_order_and_is_contiguous(server: VoyantServer) -> None:
    """A batch over two channels is answered in its order and stands contiguous in each."""
    messages = [{"channel": f"c{n % 2}", "event": f"e{n}", "data": n} for n in range(10)]
    stored = call(server, "POST", BATCH, json={"messages": messages}).json()["data"]
    assert [message["data"] for message in stored] == list(range(10))
    history = call(server, "GET", "/realtime/v1/channels/c1/messages").json()["data"]
    assert [message["event"] for message in history] == ["e1", "e3", "e5", "e7", "e9"]
    assert [int(message["id"][-12:]) for message in history] == [1, 2, 3, 4, 5]


def test_a_batch_with_one_bad_message_stores_nothing(server: VoyantServer) -> None:
    """A batch is refused whole, naming the message at fault."""
    messages: list[dict[str, Any]] = [{"channel": "c", "event": "e"}, {"channel": "c", "event": ""}]
    answer = call(server, "POST", BATCH, json={"messages": messages})
    assert_refused(answer, 400, "invalid_request", "messages[1].event", "at least 1")
    assert call(server, "GET", "/realtime/v1/channels/c/messages").json()["data"] == []


def test_history_pages_oldest_first(server: VoyantServer) -> None:
    """Without sinceId the newest, with it the first that follow, always oldest first."""
    ids = [publish(server, data=n)["id"] for n in range(10)]

    def numbers(**query: Any) -> list[int]:
        return [message["data"] for message in call(server, "GET", MESSAGES, params=query).json()["data"]]

    assert numbers() == list(range(10))
    assert numbers(limit=3) == [7, 8, 9]
    assert numbers(limit=3, sinceId=ids[1]) == [2, 3, 4]
    assert numbers(sinceId=ids[9]) == []


def test_history_after_an_id_of_another_channel_gives_all(server: VoyantServer) -> None:
    """An id that this history never had cannot cut anything off."""
    publish(server, data=1)
    other = publish(server, channel="other")["id"]
    assert len(call(server, "GET", MESSAGES, params={"sinceId": other}).json()["data"]) == 1


def test_tokens_say_when_they_end(server: VoyantServer) -> None:
    """A token lives for an hour unless told otherwise."""
    answer = call(server, "POST", TOKENS, json={"clientId": "a", "capabilities": {"*": ["subscribe"]}})
    assert set(answer.json()["data"]) == {"token", "expiresAt"}
    assert answer.json()["data"]["token"].startswith("rtok_")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", MESSAGES, "realtime:publish"),
        ("POST", BATCH, "realtime:publish"),
        ("GET", MESSAGES, "realtime:subscribe"),
        ("GET", "/realtime/v1/channels/orders:eu/presence", "realtime:subscribe"),
        ("POST", TOKENS, "realtime:tokens"),
    ],
)
def test_each_route_needs_its_scope(method: str, path: str, scope: str) -> None:
    """Without its scope a key gets 403 that names it; a wrong or missing key gets 401."""
    others = {"realtime:publish", "realtime:subscribe", "realtime:tokens"} - {scope}
    with VoyantServer(api_key=f"vck_0123456789abcdef:{','.join(others)}") as server:
        assert_refused(call(server, method, path), 403, "forbidden", scope)
        assert_refused(call(server, method, path, key="vck_wrong-but-long-enough"), 401, "unauthorized")
        for header in ("", "Bearer", "Basic abc", f"Token {server.api_key}", "Bearer é"):
            answer = call(server, method, path, headers={"Authorization": header.encode()})
            assert_refused(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "segment",
    ["..", ".", "%2e%2e", "a/b", "a%2Fb", "%00", "%0d%0a", "%FF", "", "x" * 201, "%C3%A9", "%252e", "a%20b", "a*", "*"],
)
def test_odd_channels_never_reach_another_route(server: VoyantServer, segment: str) -> None:
    """Whatever stands for the channel, it is refused as a channel."""
    answer = call(server, "POST", f"/realtime/v1/channels/{segment}/messages", json={"event": "e"})
    assert_refused(answer, 400, "invalid_request", "channel")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "is not JSON"),
        (b"{", 400, "is not JSON"),
        (b"[]", 400, "must be an object"),
        (b"null", 400, "must be an object"),
        (b"{}", 400, "$.event: is missing"),
        (b'{"event": 5}', 400, "$.event: must be a string"),
        (b'{"event": ""}', 400, "at least 1"),
        (b'{"event": "%s"}' % (b"e" * 201), 400, "at most 200"),
        (b'{"event": "e", "data": NaN}', 400, "NaN"),
        (b'{"event": "e", "data": -Infinity}', 400, "-Infinity"),
        (b'{"event": "e", "data": 1e400}', 400, "1e400"),
        (b'{"event": "e", "data": %s}' % (b"1" * 5000), 400, "too many digits"),
        (b'{"event": "e", "data": {"a": 1, "a": 2}}', 400, "repeats the key 'a'"),
        (b'{"event": "e", "data": "\\ud800"}', 400, "lone surrogate"),
        (b'{"event": "e", "data": "\xff"}', 400, "not UTF-8"),
        (b'\xef\xbb\xbf{"event": "e"}', 400, "is not JSON"),
        (b'{"event": "e", "data": %s1%s}' % (b"[" * 65, b"]" * 65), 400, "nested more than 64"),
        (b'{"event": "e", "data": %s' % (b"[" * 40_000), 400, "nested too deep"),
        (b'{"event": "e", "data": "%s"}' % (b"x" * 65_535), 413, "65537 bytes"),
        (b'{"event": "e", "data": "%s"}' % (b"x" * 200_000), 413, "at most"),
    ],
)
def test_bad_bodies_are_refused_by_name(server: VoyantServer, body: bytes, status: int, words: str) -> None:
    """Each bad body gets one clear error, never a 500, and stores nothing."""
    answer = call(server, "POST", MESSAGES, data=body)
    assert_refused(answer, status, "invalid_request" if status == 400 else "payload_too_large", words)
    assert call(server, "GET", MESSAGES).json()["data"] == []


@pytest.mark.parametrize(
    "text",
    [
        json.dumps("x" * 65_534),
        "[" * 64 + "]" * 64,
        "9007199254740993",
        "12345678901234567890123",
        '"\\u0000"',
        '"\U0001f600"',
        '{"":{"a":[1.5,-0.0,1e-7]}}',
    ],
)
def test_data_at_the_edge_is_carried_exactly(server: VoyantServer, text: str) -> None:
    """Data just inside the limits comes back as it was."""
    answer = call(server, "POST", MESSAGES, data=f'{{"event": "e", "data": {text}}}'.encode())
    assert answer.status_code == 200, answer.text
    [stored] = call(server, "GET", MESSAGES).json()["data"]
    assert json.dumps(stored["data"]) == json.dumps(json.loads(text))


@pytest.mark.parametrize(
    ("count", "status", "words"), [(0, 400, "at least 1"), (101, 400, "has 101 items, at most 100")]
)
def test_batches_outside_the_limits(server: VoyantServer, count: int, status: int, words: str) -> None:
    """A batch of none or of 101 is refused."""
    answer = call(server, "POST", BATCH, json={"messages": [{"channel": "c", "event": "e"}] * count})
    assert_refused(answer, status, "invalid_request", words)


def test_a_batch_over_2_mib_is_refused_whole(server: VoyantServer) -> None:
    """100 messages of nearly 64 KiB are over the body's limit; nothing of them is stored."""
    messages = [{"channel": "c", "event": "e", "data": "x" * 65_000}] * 100
    assert_refused(call(server, "POST", BATCH, json={"messages": messages}), 413, "payload_too_large", "2097152")
    assert call(server, "GET", "/realtime/v1/channels/c/messages").json()["data"] == []


def test_a_huge_body_is_refused_before_it_is_sent(server: VoyantServer) -> None:
    """A body announced as 100 MiB is refused on its header alone."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        head = [f"POST {MESSAGES} HTTP/1.1", "Host: x", f"Authorization: Bearer {server.api_key}"]
        raw.sendall("\r\n".join([*head, "Content-Length: 104857600", "", ""]).encode())
        assert raw.recv(65_536).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"capabilities": {"*": ["subscribe"]}}, "$.clientId: is missing"),
        ({"clientId": "", "capabilities": {"*": ["subscribe"]}}, "client_id"),
        ({"clientId": "x" * 129, "capabilities": {"*": ["subscribe"]}}, "at most 128"),
        ({"clientId": "a", "capabilities": {}}, "at least 1"),
        ({"clientId": "a", "capabilities": {"orders*": ["subscribe"]}}, 'ends in ":*"'),
        ({"clientId": "a", "capabilities": {"a:*:b": ["subscribe"]}}, 'ends in ":*"'),
        ({"clientId": "a", "capabilities": {"a": []}}, "at least 1"),
        ({"clientId": "a", "capabilities": {"a": ["admin"]}}, "'subscribe', 'publish', 'presence'"),
        ({"clientId": "a", "capabilities": {"a": ["subscribe"]}, "ttlSeconds": 0}, "is 0, at least 1"),
        ({"clientId": "a", "capabilities": {"a": ["subscribe"]}, "ttlSeconds": 86_401}, "is 86401, at most 86400"),
        ({"clientId": "a", "capabilities": {"a": ["subscribe"]}, "ttlSeconds": True}, "must be an integer"),
        ({"clientId": "a", "capabilities": {f"c{n}": ["subscribe"] for n in range(101)}}, "at most 100"),
        ({"clientId": "a", "capabilities": {"x" * 190 + str(n): ["subscribe"] for n in range(99)}}, "at most 4096"),
    ],
)
def test_bad_token_requests_are_refused_by_name(server: VoyantServer, body: dict[str, Any], words: str) -> None:
    """Each limit of a token request is named with its value."""
    assert_refused(call(server, "POST", TOKENS, json=body), 400, "invalid_request", words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"limit": "0"}, "is 0, at least 1"),
        ({"limit": "1001"}, "is 1001, at most 1000"),
        ({"limit": "ten"}, "'ten'"),
        ({"limit": "1" * 40}, "whole number"),
        ({"sinceId": "nonsense"}, "'nonsense' is no message id"),
        ({"sinceId": "x" * 201}, "at most 200"),
    ],
)
def test_bad_history_queries_are_refused_by_name(server: VoyantServer, query: dict[str, str], words: str) -> None:
    """Each limit of a history query is named with its value."""
    assert_refused(call(server, "GET", MESSAGES, params=query), 400, "invalid_request", words)


def test_unknown_keys_are_ignored(server: VoyantServer) -> None:
    """A newer client may send more than this server knows."""
    assert call(server, "POST", MESSAGES, json={"event": "e", "newer": 1}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/realtime/v1/channels/orders:eu", 404, "not_found"),
        ("GET", "/realtime/v1/channels/orders:eu/other", 404, "not_found"),
        ("PUT", MESSAGES, 405, "method_not_allowed"),
        ("POST", "/realtime/v1/channels/orders:eu/presence", 405, "method_not_allowed"),
        ("GET", TOKENS, 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
        ("GET", "/realtime/v1/connect", 400, "invalid_request"),
    ],
)
def test_every_failure_has_the_envelope(server: VoyantServer, method: str, path: str, status: int, code: str) -> None:
    """Unknown paths and methods answer in the same shape as everything else."""
    assert_refused(call(server, method, path), status, code)


def test_health(server: VoyantServer) -> None:
    """Both health routes answer without a key."""
    for path in ("/healthz", "/readyz"):
        answer = call(server, "GET", path, headers={"Authorization": ""})
        assert answer.status_code == 200
        assert answer.headers["x-request-id"]


def test_idempotency_keys_give_the_first_answer_again(server: VoyantServer) -> None:
    """The same key and body publish once; another body is a conflict; another caller's key is another key."""
    headers = {"Idempotency-Key": "k1"}
    first = call(server, "POST", MESSAGES, json={"event": "e", "data": 1}, headers=headers)
    again = call(server, "POST", MESSAGES, json={"event": "e", "data": 1}, headers=headers)
    assert first.json() == again.json()
    assert len(call(server, "GET", MESSAGES).json()["data"]) == 1
    other = call(server, "POST", MESSAGES, json={"event": "e", "data": 2}, headers=headers)
    assert_refused(other, 409, "conflict", "Idempotency-Key")
    assert first.headers["x-voyant-idempotency"] == "300"


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "é".encode("latin-1")])
def test_misshapen_idempotency_keys_are_refused(server: VoyantServer, key: str | bytes) -> None:
    """A key outside its limits is named."""
    answer = call(server, "POST", MESSAGES, json={"event": "e"}, headers={"Idempotency-Key": key})
    assert_refused(answer, 400, "invalid_request", "Idempotency-Key")


def test_concurrent_publishers_leave_no_hole(server: VoyantServer) -> None:
    """Messages of several threads are all stored, each once, contiguous in one order."""
    acknowledged: list[str] = []

    def publish_some() -> None:
        acknowledged.extend(publish(server)["id"] for _ in range(25))

    threads = [threading.Thread(target=publish_some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = [message["id"] for message in call(server, "GET", MESSAGES, params={"limit": 1000}).json()["data"]]
    assert sorted(acknowledged) == history
    assert [int(message_id[-12:]) for message_id in history] == list(range(1, 201))


def test_nothing_secret_is_logged(server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """The access log names paths and ids, never a key, a token or a query."""
    with caplog.at_level("DEBUG", logger="voyant_cloud"):
        token = mint(server)
        call(server, "GET", "/realtime/v1/connect", params={"channel": "c", "token": token})
        call(server, "GET", MESSAGES, params={"sinceId": "abc"})
    assert "GET /realtime/v1/connect 400" in caplog.text
    for secret in (token, token[5:40], server.api_key, "sinceId"):
        assert secret not in caplog.text
