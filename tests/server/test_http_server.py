"""What is answered where no route is reached, and when a route fails: over real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest

from tests.server.wire_client import call
from tests.waiting import until
from voyant_cloud.server.engine.base import EngineUnavailableError
from voyant_cloud.testing import VoyantServer


def exchange(server: VoyantServer, request: bytes) -> bytes:
    """Send raw bytes and read until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(request)
        answer = b""
        while chunk := raw.recv(65_536):
            answer += chunk
        return answer


@pytest.mark.parametrize(
    "request_line",
    [b"GARBAGE\r\n\r\n", b"GET /\xff HTTP/9.9\r\n\r\n", b"GET /realtime/v1/connect?token=rtok_secret%s HTTP/1.1\r\n"],
    ids=["no HTTP", "unknown version", "line too long"],
)
def test_what_is_no_request_gets_the_envelope(
    server: VoyantServer, request_line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes that are no request are answered like any bad one, and not written to the log."""
    if b"%s" in request_line:
        request_line = request_line % (b"x" * 9_000) + b"Host: x\r\n\r\n"
    head, _, body = exchange(server, request_line).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") or head.startswith(b"HTTP/1.0 400 ")
    answer = json.loads(body)
    assert answer["code"] == "invalid_request"
    assert f"x-request-id: {answer['requestId']}".encode() in head.lower()
    assert "rtok_secret" not in caplog.text
    assert "could not be handled" in caplog.text


def test_a_request_that_never_becomes_whole_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends half a head and then nothing is let go of."""
    monkeypatch.setattr("voyant_cloud.server.http_server.HEAD_WITHIN", 0.2)
    with VoyantServer() as server:
        assert exchange(server, b"GET /healthz HTTP/1.1\r\nHost:") == b""


def test_an_unexpected_failure_is_a_500_with_the_envelope(
    server: VoyantServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug shows the caller no more than a request id, under which the log has the rest."""
    monkeypatch.setattr("voyant_cloud.server.http.data_response", lambda _: 1 / 0)
    answer = call(server, "POST", "/realtime/v1/channels/a/messages", json={"event": "e"})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "division" not in answer.text
    assert f"{answer.json()['requestId']}: unexpected failure" in caplog.text


def test_a_store_that_fails_is_a_503_with_retry_after(server: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store cannot be used, publishing is refused and says when to come back; reading health still works."""

    async def fail(*_: object, **__: object) -> None:
        raise EngineUnavailableError("disk full")

    monkeypatch.setattr("voyant_cloud.server.engine.memory.MemoryEngine.append", fail)
    answer = call(server, "POST", "/realtime/v1/channels/a/messages", json={"event": "e"})
    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (
        503,
        "service_unavailable",
        "1",
    )
    assert "disk" not in answer.text
    assert call(server, "GET", "/healthz").status_code == 200


def test_a_second_head_that_never_becomes_whole_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """One good request buys no time for a second that never ends."""
    monkeypatch.setattr("voyant_cloud.server.http_server.HEAD_WITHIN", 0.3)
    with VoyantServer() as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert raw.recv(65_536).startswith(b"HTTP/1.1 200 ")
            raw.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
            with contextlib.suppress(ConnectionResetError):
                assert raw.recv(65_536) == b""


def test_a_body_that_never_comes_is_a_408(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that was announced has its time, then the caller is told and let go of."""
    monkeypatch.setattr("voyant_cloud.server.http.BODY_WITHIN", 0.2)
    with VoyantServer() as server:
        head = ["POST /realtime/v1/messages HTTP/1.1", "Host: x", f"Authorization: Bearer {server.api_key}"]
        answer = exchange(server, "\r\n".join([*head, "Content-Length: 50", "", "{"]).encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer


def test_compressed_bodies_are_refused(server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """What says that it is compressed is refused by name, be it so or not, with a key or without."""
    for key, status in ((server.api_key, 400), ("vck_wrong-but-long-enough", 401)):
        headers = {"Content-Encoding": "gzip"}
        answer = call(server, "POST", "/realtime/v1/messages", key=key, data=b"notgzip!!", headers=headers)
        assert answer.status_code == status
    assert "Traceback" not in caplog.text
    assert "Unhandled" not in caplog.text


def test_unknown_expectations_are_passed_over(server: VoyantServer) -> None:
    """``Expect`` with another word than 100-continue changes nothing."""
    answer = call(server, "GET", "/healthz", headers={"Expect": "foo"})
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]


def test_a_request_under_way_is_answered_before_a_stop() -> None:
    """Its body may come after the server began to stop; the next request is to go elsewhere."""
    server = VoyantServer()
    with server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as raw:
            body = b'{"event": "e"}'
            lines = ["POST /realtime/v1/channels/a/messages HTTP/1.1", f"Host: {host}", "Expect: 100-continue"]
            lines += [f"Authorization: Bearer {server.api_key}", f"Content-Length: {len(body)}"]
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
            assert raw.recv(65_536).startswith(b"HTTP/1.1 100 ")
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            until(lambda: _is_refused(host, int(port)))
            raw.sendall(body)
            head = raw.recv(65_536).lower()
            stopping.join()
    assert head.startswith(b"http/1.1 200 ")
    assert b"connection: close" in head


def _is_refused(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=20).close()
    except ConnectionError:
        return True
    return False
