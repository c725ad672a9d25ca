"""How much of an answer is waited for, and how long, on real sockets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from typing import Any

import pytest
import requests

from tests.fake_service import Act, FakeService, answer
from tests.transport_calls import MESSAGE, NOBODY, publish, read, transport
from voyant_cloud import transport as module
from voyant_cloud.errors import (
    PublishOutcomeUnknown,
    RateLimitedError,
    VoyantApiError,
    VoyantTimeoutError,
    VoyantTransportError,
)

SECRET = "hunter2pass"


def drip(status: str = "200 OK", headers: str = "") -> Act:
    """Promise a long body, and give a byte every 50 ms until the peer leaves."""

    def act(connection: socket.socket, leave: threading.Event) -> bool:
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 9999\r\n{headers}\r\n".encode())
        while not leave.wait(0.05):
            connection.sendall(b" ")
        return False

    return act


def stall(connection: socket.socket, leave: threading.Event) -> bool:
    """Give some of the body late in the time allowed, and then nothing."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    leave.wait(0.3)
    connection.sendall(b" ")
    leave.wait(30)
    return False


def chunked(connection: socket.socket, _: threading.Event) -> bool:
    """Answer in chunks."""
    body = json.dumps(NOBODY).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    return True


class TestTime:
    """The body has to come in time as well."""

    @pytest.mark.parametrize("act", [drip(), drip("302 Found", "Location: /\r\n"), drip("500 Oops"), stall])
    def test_slow_body(self, act: Act) -> None:
        """A peer that keeps sending a little does not hold a call beyond its timeout."""
        with FakeService(act) as service:
            started = time.monotonic()
            with pytest.raises(VoyantTimeoutError, match=r"no answer within 0\.4 s"):
                read(transport(service.url, timeout=0.4, retries=0))
            assert 0.4 <= time.monotonic() - started < 0.65

    def test_publish_is_unsure(self) -> None:
        """A publish whose answer does not end may have been applied."""
        with FakeService(drip()) as service:
            with pytest.raises(PublishOutcomeUnknown) as caught:
                publish(transport(service.url, timeout=0.2, retries=0))
        assert isinstance(caught.value.__cause__, VoyantTimeoutError)

    def test_connection_is_not_used_again(self) -> None:
        """What is left of a late answer is not taken for the next one."""
        with FakeService(drip(), answer(NOBODY)) as service:
            via = transport(service.url, timeout=0.2)
            assert read(via) == []
        assert [request.connection for request in service.requests] == [1, 2]

    def test_shortened_wait_is_not_kept(self) -> None:
        """The time that was left for one body is not the timeout of the next call on that connection."""

        def halting(connection: socket.socket, leave: threading.Event) -> bool:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{")
            leave.wait(0.4)
            connection.sendall(b'"data": []}')
            return True

        def late(connection: socket.socket, leave: threading.Event) -> bool:
            leave.wait(0.4)
            return answer(NOBODY)(connection, leave)

        with FakeService(halting, late) as service:
            via = transport(service.url, timeout=0.6, retries=0)
            assert read(via) == read(via) == []
        assert [request.connection for request in service.requests] == [1, 1]


class TestForms:
    """Bodies of every form arrive whole, and leave the connection in order."""

    @pytest.mark.parametrize(
        "act",
        [
            chunked,
            answer(json.dumps({**NOBODY, "more": "x" * 1_000_000}).encode()),
            answer(
                gzip.compress(json.dumps({**NOBODY, "more": "x" * 1_000_000}).encode()),
                200,
                {"Content-Encoding": "gzip"},
            ),
        ],
    )
    @pytest.mark.parametrize("urllib3_of_old", [False, True])
    def test_whole(self, monkeypatch: pytest.MonkeyPatch, act: Act, urllib3_of_old: bool) -> None:
        """Chunks, a large body and a compressed one are read to the end, with an old urllib3 too."""
        if urllib3_of_old:
            monkeypatch.delattr("urllib3.HTTPResponse.read1")
            monkeypatch.delattr("urllib3.response.BaseHTTPResponse.read1")
        with FakeService(act) as service:
            via = transport(service.url)
            assert read(via) == read(via) == []
        assert [request.connection for request in service.requests] == [1, 1]

    def test_hook_that_reads(self) -> None:
        """A hook of the caller's session may read the body first; hooks still run."""
        seen: list[bytes] = []
        with FakeService(answer(MESSAGE)) as service, requests.Session() as session:
            session.hooks["response"] = lambda response, **_: seen.append(response.content)  # type: ignore[assignment]
            assert publish(transport(service.url, session)).id == "rtm_1"
        assert json.loads(seen[0]) == MESSAGE

    @pytest.mark.parametrize("call", [read, publish])
    def test_too_large(self, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
        """A body above the limit is an error that names it; a publish is then in doubt."""
        monkeypatch.setattr(module, "_MAX_BODY", 100_000)
        with FakeService(answer(b" " * 200_000)) as service:
            kind = VoyantTransportError if call is read else PublishOutcomeUnknown
            with pytest.raises(kind, match="larger than 100000 bytes"):
                call(transport(service.url))
            assert len(service.requests) == 1


class TestOddHeaders:
    """Headers that cannot be read."""

    @pytest.mark.parametrize("location", ["http://[::1", f"http://u:{SECRET}@h:x/", f"http://u:{SECRET}@h/", "//"])
    def test_location(self, location: str) -> None:
        """A redirect to an address that is none is an error like any other, and shows no password."""
        with FakeService(answer(b"", 302, {"Location": location})) as service:
            with pytest.raises(VoyantApiError, match="redirects to") as caught:
                read(transport(service.url))
        assert SECRET not in str(caught.value)

    def test_retry_after(self) -> None:
        """A date beyond all calendars is as if it were not there."""
        headers = {"Retry-After": "Mon, 01 Jan 2026 00:00:00 +99999999999999"}
        with FakeService(answer(b"", 429, headers)) as service:
            with pytest.raises(RateLimitedError) as caught:
                read(transport(service.url, retries=0))
        assert caught.value.retry_after is None
