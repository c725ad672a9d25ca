"""What a start tells systemd, and what SIGHUP does to a start, over real sockets and in a real process."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.notified import listening
from voyant_cloud.server.systemd import tell_ready

# The signal comes when the server's packages have been found and nothing of the settings is read.
EARLY_HANG_UP = """
import signal, sys
from voyant_cloud.cli import serve
from voyant_cloud.cli.main import run_command
find = serve.require_server_extra
serve.require_server_extra = lambda: (signal.raise_signal(signal.SIGHUP), find())
sys.exit(run_command(["serve", "--check-config"]))
"""


@pytest.mark.parametrize("sign", ["", "@"])
def test_ready(sign: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one datagram, to a socket in a folder or in none."""
    name = f"{tmp_path}/notify"
    monkeypatch.setenv("NOTIFY_SOCKET", sign + name)
    with listening("\0" + name if sign else name) as systemd:
        tell_ready()
        assert systemd.recv(100) == b"READY=1"


def test_nobody_to_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without the variable nothing is done; a socket that is not there, or that nobody reads, is a warning."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    tell_ready()
    assert caplog.messages == []
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell_ready()
    with listening(address), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"x", address)
        tell_ready()
    told = [message.partition(" could not be told at ")[2] for message in caplog.messages]
    words = ("No such file or directory", "Resource temporarily unavailable")
    assert [word in message for word, message in zip(words, told, strict=True)] == [True, True]


def test_hang_up_while_it_starts() -> None:
    """SIGHUP before the server can read anything again does not end it."""
    done = subprocess.run(
        [sys.executable, "-c", EARLY_HANG_UP], capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "port\t8787\tdefault" in done.stdout
