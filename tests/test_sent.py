"""Whoever sends a request is told when it is on its way, and nobody else."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import pytest
import requests

from tests.fake_service import FakeService, answer
from tests.transport_calls import CERTIFICATES, NOBODY, read, transport
from voyant_cloud.sent import request_is_sent, telling


@pytest.fixture(params=["http", "https"], name="service")
def _service(request: pytest.FixtureRequest) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with FakeService(answer(NOBODY), tls=context if request.param == "https" else None) as service:
        yield service


def test_a_request(service: FakeService) -> None:
    """It is told before the answer is there, with TLS or without."""
    told: list[str] = []
    calls = transport(service.url, verify=str(CERTIFICATES / "ca.pem"))
    with telling(lambda: told.append("sent")):
        assert read(calls) == []
        told.append("answered")
    assert told == ["sent", "answered"]


def test_a_session_of_the_callers(service: FakeService) -> None:
    """It tells nothing, and works."""
    told: list[str] = []
    with telling(lambda: told.append("sent")), requests.Session() as session:
        session.verify = str(CERTIFICATES / "ca.pem")
        assert read(transport(service.url, session)) == []
    assert told == []


def test_only_in_the_block_and_on_its_thread() -> None:
    """What comes later, or from another thread, is not its concern."""
    told: list[str] = []
    with telling(lambda: told.append("sent")):
        other = threading.Thread(target=request_is_sent)
        other.start()
        other.join()
    request_is_sent()
    assert told == []
