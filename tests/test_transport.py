"""HTTP to the service: what is sent, what is tried again, and what never is. Real sockets."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fake_service import FakeService, answer, answer_and_close, cut, hang, reset
from voyant_cloud.config import ClientConfig
from voyant_cloud.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    PublishOutcomeUnknown,
    RateLimitedError,
    ServiceUnavailableError,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantDecodeError,
    VoyantError,
    VoyantTimeoutError,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember, RealtimeTokenSummary
from voyant_cloud.retry import RetryPolicy
from voyant_cloud.transport import Transport

KEY = "vk_a0b1c2d3e4"
PATH = "/realtime/v1/channels/a/messages"
MESSAGE = {
    "data": {"id": "rtm_1", "channel": "a", "event": "b", "data": None, "publishedAt": "2026-11-24T09:30:00.000Z"}
}
NOBODY: dict[str, Any] = {"data": []}
QUICK = RetryPolicy(retries=2, base_delay=0.01)
KEYS_HONOURED = {"x-voyant-idempotency": "300"}
CERTIFICATES = Path(__file__).parent / "certificates"


def transport(url: str, session: requests.Session | None = None, **settings: Any) -> Transport:
    settings = {"retries": QUICK, "timeout": 5, **settings}
    return Transport(ClientConfig(api_key=KEY, base_url=url, **settings), session)


def read(via: Transport, **options: Any) -> list[RealtimePresenceMember]:
    return via.get("/presence", list[RealtimePresenceMember], **options)


def publish(via: Transport, **options: Any) -> RealtimeMessageSummary:
    return via.publish(PATH, RealtimeMessageSummary, body={"event": "b"}, **options)


def keys_of(service: FakeService) -> set[str]:
    return {request.headers["idempotency-key"] for request in service.requests}


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


class TestRetries:
    """Calls that may be repeated."""

    @pytest.mark.parametrize("trouble", [answer(b"", 429), answer(b"", 502), answer(b"", 503), answer(b"", 504)])
    def test_read_is_tried_again(self, trouble: Any) -> None:
        """A read is repeated after 429, 502, 503 and 504."""
        with FakeService(trouble, trouble, answer(NOBODY)) as service:
            assert read(transport(service.url)) == []
            assert len(service.requests) == 3

    @pytest.mark.parametrize("trouble", [reset, cut()])
    def test_read_survives_a_broken_connection(self, trouble: Any) -> None:
        """A read is repeated when the connection breaks before or in the answer."""
        with FakeService(trouble, answer(NOBODY)) as service:
            assert read(transport(service.url)) == []
            assert len(service.requests) == 2

    def test_read_timeout(self) -> None:
        """A read that is not answered in time is repeated, and ends as a timeout."""
        with FakeService(hang) as service:
            with pytest.raises(VoyantTimeoutError, match=r"no answer within 0\.05 s") as caught:
                read(transport(service.url), timeout=(5, 0.05))
            assert len(service.requests) == 3
        assert isinstance(caught.value.__cause__, requests.ReadTimeout)

    def test_minting_is_tried_again(self) -> None:
        """To mint a token twice does no harm."""
        token = {"data": {"token": "rtok_x", "expiresAt": "2026-11-24T10:30:00.000Z"}}
        with FakeService(reset, answer(b"", 502), answer(token)) as service:
            assert transport(service.url).post("/tokens", RealtimeTokenSummary, body={}).token == "rtok_x"
            assert len(service.requests) == 3

    @pytest.mark.parametrize("call", [read, publish])
    def test_internal_error_is_not(self, call: Any) -> None:
        """500 is not repeated."""
        with FakeService(answer(b"", 500)) as service:
            with pytest.raises(InternalError):
                call(transport(service.url))
            assert len(service.requests) == 1

    def test_retries_off(self) -> None:
        """With retries=0 there is one attempt."""
        with FakeService(answer(b"", 503)) as service:
            with pytest.raises(ServiceUnavailableError):
                read(transport(service.url, retries=0))
            assert len(service.requests) == 1

    def test_retry_after_too_long(self) -> None:
        """What does not fit into the deadline is raised at once, with the time to come back."""
        with FakeService(answer(b"", 429, {"Retry-After": "61"})) as service:
            with pytest.raises(RateLimitedError) as caught:
                read(transport(service.url))
            assert len(service.requests) == 1
        assert caught.value.retry_after == 61.0

    def test_repeats_end_by_the_deadline(self) -> None:
        """A repeat gets no more time than is left, however long the timeout is."""
        with FakeService(answer(b"", 503), hang) as service:
            with pytest.raises(VoyantTimeoutError):
                read(transport(service.url, timeout=30, retries=RetryPolicy(base_delay=0, deadline=0.2)))
            assert len(service.requests) == 2

    def test_log(self, caplog: pytest.LogCaptureFixture) -> None:
        """Each repeat is logged, without a secret."""
        with caplog.at_level(logging.INFO, "voyant_cloud"), FakeService(answer(b"", 503), answer(NOBODY)) as service:
            read(transport(service.url))
        [record] = caplog.records
        assert "503 service_unavailable" in record.getMessage()
        assert "trying again in 0.0 s (1 of 2)" in record.getMessage()
        assert KEY not in caplog.text


class TestPublish:
    """What must not be applied twice."""

    @pytest.mark.parametrize("status", [429, 503])
    def test_refused_is_tried_again(self, status: int) -> None:
        """429 and 503 applied nothing; the repeat carries the same idempotency key."""
        with FakeService(answer(b"", status), answer(MESSAGE)) as service:
            publish(transport(service.url))
            assert len(service.requests) == 2
            assert len(keys_of(service)) == 1

    def test_never_sent_is_tried_again(self, caplog: pytest.LogCaptureFixture) -> None:
        """A refused connection sent nothing: once the service is up, the publish goes through."""
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            with caplog.at_level(logging.INFO, "voyant_cloud"), pytest.raises(VoyantTransportError) as caught:
                publish(transport(f"http://127.0.0.1:{reserved.getsockname()[1]}"))
        assert "could not connect" in str(caught.value)
        assert len(caplog.records) == 2, "both retries were used"

    def test_unknown_host_is_never_sent(self) -> None:
        """A name that does not resolve leaves no doubt."""
        with pytest.raises(VoyantTransportError, match="could not connect"):
            publish(transport("http://voyant.invalid", retries=0))

    def test_proxy_that_refuses_is_never_sent(self) -> None:
        """A proxy that cannot be reached, or does not connect on, leaves no doubt."""
        with FakeService(answer(b"", 407)) as proxy:
            with pytest.raises(VoyantTransportError, match="407"):
                publish(transport("https://voyant.invalid", proxies={"https": proxy.url}, retries=0))

    @pytest.mark.parametrize("trouble", [answer(b"", 502), answer(b"", 504), reset, cut()])
    def test_unsure_is_raised(self, trouble: Any) -> None:
        """Where it may have been applied, it is sent once and the error says so, with its cause and its key."""
        with FakeService(trouble, answer(MESSAGE)) as service:
            with pytest.raises(PublishOutcomeUnknown, match="whether this was published is not known") as caught:
                publish(transport(service.url))
            assert len(service.requests) == 1
            assert {caught.value.idempotency_key} == keys_of(service)
        assert isinstance(caught.value.__cause__, (VoyantApiError, VoyantTransportError))

    def test_timeout_is_unsure(self) -> None:
        """A publish that is not answered in time may have been applied."""
        with FakeService(hang) as service:
            with pytest.raises(PublishOutcomeUnknown) as caught:
                publish(transport(service.url), timeout=(5, 0.05))
            assert len(service.requests) == 1
        assert isinstance(caught.value.__cause__, VoyantTimeoutError)

    @pytest.mark.parametrize("trouble", [answer(b"", 502), answer(b"", 504), reset, cut()])
    def test_unsure_is_tried_again_where_keys_are_honoured(self, trouble: Any) -> None:
        """Once any answer showed that keys are remembered, the repeat is safe, under the same key."""
        with FakeService(answer(NOBODY, headers=KEYS_HONOURED), trouble, answer(MESSAGE)) as service:
            via = transport(service.url)
            read(via)
            assert publish(via).id == "rtm_1"
            first, second = service.requests[1:]
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert first.body == second.body

    def test_headers_of_a_broken_answer_count(self) -> None:
        """The very answer that breaks off can show that keys are honoured."""
        with FakeService(cut(KEYS_HONOURED), answer(MESSAGE)) as service:
            assert publish(transport(service.url)).id == "rtm_1"

    @pytest.mark.parametrize("said", ["", "0", "-1", "yes", "1e3", "9999999999"])
    def test_odd_header_shows_nothing(self, said: str) -> None:
        """Anything but a number of seconds is no promise."""
        with FakeService(answer(b"", 502, {"x-voyant-idempotency": said}), answer(MESSAGE)) as service:
            with pytest.raises(PublishOutcomeUnknown):
                publish(transport(service.url))

    def test_unsure_stays_unsure(self) -> None:
        """A refusal of the repeat does not say that the first attempt was not applied."""
        with FakeService(answer(b"", 504, KEYS_HONOURED), answer(b"", 409)) as service:
            with pytest.raises(PublishOutcomeUnknown) as caught:
                publish(transport(service.url))
        assert isinstance(caught.value.__cause__, ConflictError)

    def test_keys_are_remembered_for_a_time(self) -> None:
        """No repeat runs past the time for which the service remembers the key."""
        honoured = {"x-voyant-idempotency": "1"}
        with FakeService(answer(b"", 504, {**honoured, "Retry-After": "1"}), answer(MESSAGE)) as service:
            with pytest.raises(PublishOutcomeUnknown):
                publish(transport(service.url))
            assert len(service.requests) == 1


class TestConnections:
    """Pools, threads, processes and sessions."""

    def test_connection_is_used_again(self) -> None:
        """Calls one after another share a connection."""
        with FakeService(answer(MESSAGE)) as service:
            via = transport(service.url)
            for _ in range(3):
                publish(via)
        assert [request.connection for request in service.requests] == [1, 1, 1]

    def test_stale_connection(self) -> None:
        """A connection that the service closed while it was idle is not used again, so a publish is not in doubt."""
        with FakeService(answer_and_close(MESSAGE), answer(MESSAGE)) as service:
            via = transport(service.url)
            publish(via)
            service.wait_for_ended(1)
            publish(via)
        assert [request.connection for request in service.requests] == [1, 2]

    def test_threads(self) -> None:
        """Threads share a client; each call has a key of its own."""
        with FakeService(answer(MESSAGE)) as service, ThreadPoolExecutor(8) as pool:
            via = transport(service.url)
            answers = list(pool.map(lambda _: publish(via).id, range(200)))
        assert answers == ["rtm_1"] * 200
        assert len(keys_of(service)) == 200
        assert {request.connection for request in service.requests} <= set(range(1, 9))

    def test_cookies_are_not_kept(self) -> None:
        """A cookie that a proxy sets is not sent back."""
        with FakeService(answer(NOBODY, headers={"Set-Cookie": "route=1; Path=/"})) as service:
            via = transport(service.url)
            read(via)
            read(via)
        assert "cookie" not in service.requests[1].headers

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    @pytest.mark.parametrize("own_session", [False, True])
    def test_fork(self, own_session: bool) -> None:
        """A child uses a connection of its own, and the parent goes on with the one it had."""
        with FakeService(answer(MESSAGE)) as service:
            via = transport(service.url, requests.Session() if own_session else None)
            publish(via)
            child = os.fork()
            if child == 0:
                os._exit(publish_in_child(via))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            publish(via)
        assert [request.connection for request in service.requests] == [1, 2, 2, 1]

    def test_own_session(self) -> None:
        """A session of the caller's keeps its headers, is not given the key, and is not closed."""
        with FakeService(answer(NOBODY)) as service, requests.Session() as session:
            session.headers["X-Tenant"] = "eu"
            session.headers["User-Agent"] = "shop/1"
            via = transport(service.url, session)
            read(via)
            via.close()
            assert session.get(service.url, timeout=5).ok
        ours, theirs = service.requests
        assert (ours.headers["x-tenant"], ours.headers["user-agent"]) == ("eu", "shop/1")
        assert "authorization" not in theirs.headers
        assert (ours.connection, theirs.connection) == (1, 1)

    def test_own_session_that_raises(self) -> None:
        """A hook that raises for the status does not hide what the service said."""
        with FakeService(answer({"error": "no", "code": "forbidden"}, 403)) as service, requests.Session() as session:
            session.hooks["response"].append(lambda response, **_: response.raise_for_status())
            with pytest.raises(ForbiddenError, match="403 forbidden: no"):
                publish(transport(service.url, session))

    def test_own_session_decides_on_certificates(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without verify= the session's own setting holds, whatever the environment says."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        with FakeService(answer(NOBODY), tls=context) as service, requests.Session() as session:
            session.verify = str(CERTIFICATES / "ca.pem")
            assert read(transport(service.url, session)) == []


class TestClose:
    """The end of a transport."""

    def test_wakes_a_waiting_call(self) -> None:
        """A call that waits for its next attempt ends with the error it had, at once."""
        with FakeService(answer(b"", 503, {"Retry-After": "50"})) as service, ThreadPoolExecutor(1) as pool:
            via = transport(service.url)
            waits = threading.Event()
            handler = logging.Handler()
            handler.emit = lambda _: waits.set()  # type: ignore[method-assign]
            logger = logging.getLogger("voyant_cloud")
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            try:
                call = pool.submit(read, via)
                assert waits.wait(5)
                via.close()
                assert isinstance(call.exception(timeout=5), ServiceUnavailableError)
            finally:
                logger.removeHandler(handler)
                logger.setLevel(logging.NOTSET)

    def test_refuses_calls(self) -> None:
        """After close() nothing is sent; closing again is harmless."""
        with FakeService(answer(MESSAGE)) as service:
            via = transport(service.url)
            via.close()
            via.close()
            with pytest.raises(VoyantConfigError, match="is closed"):
                publish(via)
        assert service.requests == []


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

    def test_repr(self) -> None:
        """Neither the transport nor what it is made of shows the key."""
        via = transport("http://127.0.0.1:1")
        assert KEY not in repr(via) + repr(via.config) + "".join(repr(value) for value in vars(via).values())


def publish_in_child(via: Transport) -> int:
    """Publish twice, and return what the child exits with."""
    try:
        return 0 if publish(via).id == publish(via).id == "rtm_1" else 1
    except VoyantError:
        traceback.print_exc()
        return 2
