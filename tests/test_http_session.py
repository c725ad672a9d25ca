"""What a client's own session takes from the environment, once, and what it does not."""

from __future__ import annotations

import http.client

import pytest
import requests

from tests.fake_service import FakeService, answer
from tests.transport_calls import CERTIFICATES, NOBODY, read, transport
from voyant_cloud import http_session
from voyant_cloud.config import ClientConfig
from voyant_cloud.http_session import new_session

PROXY = "http://proxy.example:3128"
OTHER = "http://other.example:3128"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", PROXY)


def config(**settings: object) -> ClientConfig:
    return ClientConfig(**{"api_key": "key_0123456789abcdef", "base_url": "https://api.example", **settings})


def test_proxies_of_the_environment() -> None:
    """They are taken, and those that were given go before them."""
    assert new_session(config()).proxies["https"] == PROXY
    assert new_session(config(proxies={"https": OTHER})).proxies["https"] == OTHER


def test_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that the environment, or the caller, wants reached directly is."""
    assert "https" not in new_session(config(proxies={"no_proxy": "api.example"})).proxies
    monkeypatch.setenv("no_proxy", "api.example")
    assert "https" not in new_session(config()).proxies


def test_ca_bundle_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used unless the caller says otherwise; without one the service's certificate is checked."""
    assert new_session(config()).verify is True
    monkeypatch.setenv("CURL_CA_BUNDLE", "/curl.pem")
    assert new_session(config()).verify == "/curl.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/requests.pem")
    assert new_session(config(verify=True)).verify == "/requests.pem"
    assert new_session(config(verify=False)).verify is False
    own = str(CERTIFICATES / "ca.pem")
    assert new_session(config(verify=own)).verify == own


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that is named later is the next client's."""
    with FakeService(answer(NOBODY)) as service:
        calls = transport(service.url)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert read(calls) == []


def test_posts_are_prepared_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is as it would be by itself: its own address, body and key, and what is the same for all."""
    monkeypatch.setattr(http_session, "_REMEMBERED", 2)
    session, usual = new_session(config()), requests.Session()
    usual.headers.update(session.headers)
    for channel, body, key in [("a", b"one", "1"), ("a", b"another", "2"), *((name, b"x", name) for name in "bcab")]:
        url = f"https://api.example/v1/realtime/v1/channels/{channel}/messages"
        request = requests.Request("POST", url, {"Idempotency-Key": key}, data=body, auth=("a", "b"))
        ours, theirs = session.prepare_request(request), usual.prepare_request(request)
        assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
        assert (dict(ours.headers), ours.hooks) == (dict(theirs.headers), theirs.hooks)
    bare = session.prepare_request(requests.Request("POST", url, data=b"", auth=("a", "b")))
    assert "Idempotency-Key" not in bare.headers
    assert bare.headers["Content-Length"] == "0"


def test_a_request_is_sent_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """Head and body go together, so that the service is woken once; with no body there is a head."""
    sent: list[bytes] = []
    plain = http.client.HTTPConnection.send

    def send(connection: http.client.HTTPConnection, data: bytes) -> None:
        sent.append(data)
        plain(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", send)
    bodies = [b"one", b"", b"three" * 100_000]
    with FakeService(answer({})) as service:
        session = new_session(config(base_url=service.url))
        for body in bodies:
            assert session.post(f"{service.url}/a", data=body, timeout=20).ok
        assert session.get(f"{service.url}/a", timeout=20).ok
    assert [request.body for request in service.requests] == [*bodies, b""]
    assert [piece.partition(b"\r\n\r\n")[2] for piece in sent] == [*bodies, b""]
