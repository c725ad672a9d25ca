"""A program that forks while it has a channel, and what the service sees of its two processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.fake_realtime import FakeRealtime

__all__ = ["check_forking"]


def check_forking(program: str) -> None:
    """Run a program, given the service's address, and see the parent's stream go on.

    Args:
        program: forks once it is connected. The child says ``child True`` if all is well there; the parent then
            publishes ``alive``, says ``parent`` and the id of the next message, and closes.
    """
    with FakeRealtime() as service:
        command = [sys.executable, "-c", textwrap.dedent(program), service.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            peer = service.accept()
            peer.go_live()
            assert process.stdout.readline() == "child True\n"
            assert peer.receive_json() == {"type": "publish", "event": "alive"}
            peer.message("m1")
            assert process.stdout.readline() == "parent m1\n"
            assert peer.wait_for_end() == (1000, "client closed")
            peer.drop()
        assert process.returncode == 0
