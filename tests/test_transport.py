"""What goes over the wire and what comes back, on real sockets."""

from __future__ import annotations

import ssl
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fake_service import FakeService, answer, cut, reset
from tests.transport_calls import (
    CERTIFICATES,
    KEY,
    MESSAGE,
    NOBODY,
    PATH,
    keys_of,
    publish,
    read,
    transport,
)
from voyant_cloud.config import ClientConfig
from voyant_cloud.errors import (
    ForbiddenError,
    PublishOutcomeUnknown,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantDecodeError,
    VoyantError,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.transport import Transport


class TestRequests:
    """What goes over the wire."""

    def test_publish(self) -> None:
        """A publish carries the key, the marker, JSON and an idempotency key of its own."""
        with FakeService(answer(MESSAGE)) as service:
            assert publish(transport(service.url, user_agent="shop/1")).id == "rtm_1"
        [request] = service.requests
        assert (request.method, request.target, request.body) == ("POST", PATH, b'{"event":"b"}')
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["content-type"] == "application/json"
        assert request.headers["x-voyant-sdk"] == request.headers["user-agent"] == "shop/1"
        assert len(request.headers["idempotency-key"]) == 32

    def test_read(self) -> None:
        """A read has its query, without what is None, and neither body nor idempotency key."""
        with FakeService(answer(NOBODY)) as service:
            assert read(transport(service.url), query={"limit": 5, "sinceId": "a&b", "other": None}) == []
        [request] = service.requests
        assert (request.method, request.target) == ("GET", "/presence?limit=5&sinceId=a%26b")
        assert not {"content-type", "idempotency-key"} & set(request.headers)

    def test_prefix(self) -> None:
        """The path of the base URL stays before that of the call."""
        with FakeService(answer(NOBODY)) as service:
            read(transport(f"{service.url}/voyant/"))
        assert service.requests[0].target == "/voyant/presence"

    @pytest.mark.parametrize(("scheme", "value"), [("Token", f"Token {KEY}"), ("", KEY), (None, KEY)])
    def test_other_authentication(self, scheme: str | None, value: str) -> None:
        """The header and the word before the key can be others."""
        with FakeService(answer(NOBODY)) as service:
            read(transport(service.url, auth_header="X-Api-Key", auth_scheme=scheme))
        assert service.requests[0].headers["x-api-key"] == value
        assert "authorization" not in service.requests[0].headers

    def test_netrc_does_not_replace_the_key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A .netrc file with an entry for the host changes nothing."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password hunter22\n")
        monkeypatch.setenv("NETRC", str(netrc))
        with FakeService(answer(NOBODY)) as service:
            read(transport(service.url))
            assert requests.get(service.url, timeout=5).ok
        ours, plain = service.requests
        assert ours.headers["authorization"] == f"Bearer {KEY}"
        assert plain.headers["authorization"].startswith("Basic ")

    def test_given_idempotency_key(self) -> None:
        """The caller's idempotency key is used."""
        with FakeService(answer(MESSAGE)) as service:
            publish(transport(service.url), idempotency_key="order-7")
        assert keys_of(service) == {"order-7"}

    @pytest.mark.parametrize("key", ["", "with space", "x" * 201, "ü", "a\nb", 5])
    def test_bad_idempotency_key(self, key: Any) -> None:
        """An idempotency key that cannot stand in a header is refused before anything is sent."""
        with FakeService(answer(MESSAGE)) as service, pytest.raises(VoyantValidationError, match="idempotency_key"):
            publish(transport(service.url), idempotency_key=key)
        assert service.requests == []

    def test_proxy(self) -> None:
        """A call goes through the proxy it is given."""
        with FakeService(answer(NOBODY)) as proxy:
            read(transport("http://voyant.invalid", proxies={"http": proxy.url}))
        assert proxy.requests[0].target == "http://voyant.invalid/presence"

    def test_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without one, it takes the environment's."""
        with FakeService(answer(NOBODY)) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            read(transport("http://voyant.invalid"))
        assert proxy.requests[0].target == "http://voyant.invalid/presence"


class TestTls:
    """Certificates are checked."""

    @pytest.fixture
    def service(self) -> Iterator[FakeService]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        with FakeService(answer(NOBODY), tls=context) as service:
            yield service

    def test_own_ca(self, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
        """A CA bundle of one's own is used, whatever the environment says."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        assert read(transport(service.url, verify=CERTIFICATES / "ca.pem")) == []

    def test_unknown_ca(self, service: FakeService) -> None:
        """A certificate of an unknown CA ends the call at once: it was not sent, and trying again would not help."""
        with pytest.raises(VoyantTransportError, match="certificate verify failed"):
            publish(transport(service.url))
        service.wait_for_ended(1)
        assert (service.requests, service.ended) == ([], 1)

    def test_missing_bundle(self, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bundle that the environment names and that is not there is a wrong setting."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        with pytest.raises(VoyantConfigError, match=r"/nowhere/ca\.pem"):
            publish(transport(service.url))


class TestAnswers:
    """What comes back."""

    def test_failure(self) -> None:
        """A refusal is the error of its code, with the request id; it is not tried again."""
        body = {"error": "the key is not valid", "code": "unauthorized", "requestId": "req_1"}
        with FakeService(answer(body, 401)) as service:
            with pytest.raises(UnauthorizedError, match="the key is not valid") as caught:
                read(transport(service.url))
            assert len(service.requests) == 1
        assert caught.value.request_id == "req_1"

    def test_echoed_key_is_masked(self) -> None:
        """A service that repeats the key in its refusal does not make the error show it."""
        with FakeService(answer({"error": f"no such key {KEY}"}, 401)) as service:
            with pytest.raises(UnauthorizedError) as caught:
                read(transport(service.url))
        assert caught.value.message == "no such key ***"
        assert KEY not in repr(caught.value.body)

    def test_short_key_masks_nothing(self) -> None:
        """A key that is a mere word, as in tests, does not mangle the answer."""
        with FakeService(answer({"error": "an error", "code": "forbidden"}, 403)) as service:
            via = Transport(ClientConfig(api_key="error", base_url=service.url))
            with pytest.raises(ForbiddenError, match="403 forbidden: an error"):
                read(via)

    def test_undecodable(self) -> None:
        """A success that is no JSON says so, and is not tried again."""
        with FakeService(answer(b"<html>")) as service:
            with pytest.raises(VoyantDecodeError, match=f"answer 200 to POST {PATH}"):
                publish(transport(service.url))
            assert len(service.requests) == 1

    @pytest.mark.parametrize("call", [read, publish])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_is_not_followed(self, call: Any, status: int) -> None:
        """A redirect could take the key elsewhere: it is an error that names the host."""
        with (
            FakeService(answer(NOBODY)) as elsewhere,
            FakeService(answer(b"", status, {"Location": f"{elsewhere.url}/presence"})) as service,
        ):
            with pytest.raises(VoyantApiError, match=f"redirects to {elsewhere.url.removeprefix('http://')}"):
                call(transport(service.url))
            assert (len(service.requests), elsewhere.requests) == (1, [])


class TestSecrets:
    """The key is shown nowhere."""

    @pytest.mark.parametrize("trouble", [reset, cut(), answer(b"", 502), answer(b"", 401), answer(b"<html>")])
    def test_traceback(self, trouble: Any) -> None:
        """No traceback holds the key, not even through the exceptions of requests that are chained."""
        with FakeService(trouble) as service:
            with pytest.raises((VoyantApiError, VoyantDecodeError, PublishOutcomeUnknown)) as caught:
                publish(transport(service.url))
        assert KEY not in "".join(traceback.format_exception(caught.value))
        error: BaseException | None = caught.value
        while error is not None:
            assert KEY not in repr(vars(error))
            assert getattr(error, "request", None) is None
            error = error.__cause__

    @pytest.mark.parametrize("status", [200, 302, 401])
    def test_headers(self, status: int) -> None:
        """A key that a proxy repeats in the headers is not shown."""
        headers = {"x-request-id": f"req_{KEY}", "Location": f"http://{KEY}.example/"}
        with FakeService(answer(b"", status, headers)) as service:
            with pytest.raises((VoyantApiError, VoyantDecodeError)) as caught:
                read(transport(service.url))
        assert "req_***" in str(caught.value)
        assert KEY not in str(caught.value) + repr(vars(caught.value))

    @pytest.mark.parametrize("broken", [cut(), reset, answer({}, status=503), answer({}), None])
    def test_values_of_frames(self, broken: Any) -> None:
        """Reporters of errors that show the values of all frames do not find the key in any."""
        with FakeService(broken or reset) as service:
            via = transport(service.url if broken else "http://127.0.0.1:9")
            for call in (read, publish):
                with pytest.raises(VoyantError) as caught:
                    call(via)
                shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
                assert KEY not in "".join(shown.format(chain=True))

    def test_repr(self) -> None:
        """Neither the transport nor what it is made of shows the key."""
        via = transport("http://127.0.0.1:1")
        assert KEY not in repr(via) + repr(via.config) + "".join(repr(value) for value in vars(via).values())
