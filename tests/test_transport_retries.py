"""What is tried again, and what never is, on real sockets."""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.fake_service import FakeService, answer, cut, hang, reset
from tests.transport_calls import (
    KEY,
    KEYS_HONOURED,
    MESSAGE,
    NOBODY,
    keys_of,
    publish,
    read,
    transport,
)
from voyant_cloud.errors import (
    ConflictError,
    InternalError,
    PublishOutcomeUnknown,
    RateLimitedError,
    ServiceUnavailableError,
    VoyantApiError,
    VoyantConfigError,
    VoyantTimeoutError,
    VoyantTransportError,
)
from voyant_cloud.models import RealtimeTokenSummary
from voyant_cloud.retry import RetryPolicy


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

    def test_internal_error_is_not(self) -> None:
        """500 is not repeated."""
        with FakeService(answer(b"", 500)) as service:
            with pytest.raises(InternalError):
                read(transport(service.url))
            assert len(service.requests) == 1

    @pytest.mark.parametrize("status", [408, 500, 501, 520, 524])
    def test_what_fails_may_have_published(self, status: int) -> None:
        """After a publish these say nothing about whether it was stored, and it is not repeated."""
        with FakeService(answer(b"", status, {"x-voyant-idempotency": "300"})) as service:
            with pytest.raises(PublishOutcomeUnknown) as caught:
                publish(transport(service.url))
            assert len(service.requests) == 1
        assert isinstance(caught.value.__cause__, VoyantApiError)

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
                read(transport(service.url, timeout=30, retries=RetryPolicy(base_delay=0, deadline=2.0)))
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
