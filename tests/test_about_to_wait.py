"""Whoever wants to know is told that an answer is about to be waited for, and nobody else."""

from __future__ import annotations

import ssl
import threading
from typing import Any

import pytest
import requests

from tests.fake_service import FakeService, answer
from tests.transport_calls import CERTIFICATES, NOBODY, read, transport
from voyant_cloud.about_to_wait import about_to_wait, telling


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
    with telling(lambda: told.append("waits")):
        assert read(calls) == []
        told.append("answered")
    assert told == ["waits", "answered"]


def test_a_session_of_the_callers(service: FakeService) -> None:
    """It tells nothing, and works."""
    told: list[str] = []
    with telling(lambda: told.append("waits")), requests.Session() as session:
        session.verify = str(CERTIFICATES / "ca.pem")
        assert read(transport(service.url, session)) == []
    assert told == []


def test_only_in_the_block_and_on_its_thread() -> None:
    """What comes later, or from another thread, is not its concern."""
    told: list[str] = []
    with telling(lambda: told.append("waits")):
        other = threading.Thread(target=about_to_wait)
        other.start()
        other.join()
    about_to_wait()
    assert told == []
