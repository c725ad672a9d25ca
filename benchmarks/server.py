"""The embedded server in a process of its own, as people run it: it shares no interpreter with what is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

__all__ = ["ServerProcess"]


class ServerProcess:
    """``voyant-cloud serve``. A context manager.

    Args:
        options: further options of the command.

    Attributes:
        url: its address.
        key: its API key.
        pid: its process.
    """

    def __init__(self, *options: str) -> None:
        self._command = [sys.executable, "-m", "voyant_cloud", "serve", "--json", "--no-access-log", "--port", "0"]
        self._command += options or ("--data", ":memory:")
        self.url = ""
        self.key = ""
        self.pid = 0

    def __enter__(self) -> ServerProcess:
        self._process: subprocess.Popen[str] = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        greeting: dict[str, Any] = json.loads(self._process.stdout.readline())
        self.url, self.key, self.pid = greeting["url"], greeting["apiKey"], self._process.pid
        return self

    def end(self, number: int) -> None:
        """Send it a signal, and wait until it has ended."""
        self._process.send_signal(number)
        self._process.wait()

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
