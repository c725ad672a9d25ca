"""SIGTERM: readiness turns red, newcomers are sent elsewhere, those who are there are told to come back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import attrs
import websocket

from tests.server.wire_client import call, mint, publish, refused_upgrade, subscribe

KEY = "vck_0123456789abcdef"


@attrs.define
class Running:
    """A server process, as the wire client wants it."""

    url: str
    api_key: str = KEY


def test_sigterm_drains() -> None:
    """Connections stay served until their turn comes, all are closed with 1012, and the exit is clean."""
    options = ["--port", "0", "--drain-seconds", "3", "--api-key", KEY]
    command = [sys.executable, "-m", "voyant_cloud", "serve", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        server = Running(process.stdout.readline().strip())
        token = mint(server)
        with subscribe(server, token=token) as one, subscribe(server, token=token) as two:
            process.send_signal(signal.SIGTERM)
            wait_until_red(server)
            status, body = refused_upgrade(server, "orders:eu", token)
            assert (status, body["code"]) == (503, "service_unavailable")
            acknowledged = publish(server, data="still taken")
            for socket in (one, two):
                code, reason = read_to_close(socket.raw)
                assert code == 1012
                assert 0 <= float(reason.removeprefix("retry-after=")) <= 5
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors
        assert acknowledged["id"]
    finally:
        process.kill()
        process.communicate()


def wait_until_red(server: Running) -> None:
    deadline = time.monotonic() + 10
    while call(server, "GET", "/readyz").status_code != 503:
        assert time.monotonic() < deadline
    alive = call(server, "GET", "/healthz")
    # A kept connection would bring the client's next request here, too.
    assert (alive.status_code, alive.headers["connection"]) == (200, "close")


def read_to_close(raw: websocket.WebSocket) -> tuple[int, str]:
    while True:
        opcode, data = raw.recv_data(control_frame=True)
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            return int.from_bytes(data[:2], "big"), data[2:].decode()
