"""What a client's own session takes from the environment, once, and what it does not."""

from __future__ import annotations

import pytest
import requests

from tests.fake_service import FakeService, answer
from tests.transport_calls import CERTIFICATES, NOBODY, read, transport
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


def test_batches_are_prepared_alike() -> None:
    """Each batch is as it would be by itself: its own body and key, and what is the same for all."""
    url = "https://api.example/v1/realtime/v1/messages"
    session, usual = new_session(config()), requests.Session()
    usual.headers.update(session.headers)
    for body, key in ((b"one", "1"), (b"another", "2")):
        request = requests.Request("POST", url, {"Idempotency-Key": key}, data=body, auth=("a", "b"))
        ours, theirs = session.prepare_request(request), usual.prepare_request(request)
        assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
        assert (dict(ours.headers), ours.hooks) == (dict(theirs.headers), theirs.hooks)
