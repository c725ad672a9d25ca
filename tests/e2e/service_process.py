"""The service in a process that a test can kill, and start again on the same port and data."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.executable import Running, environment
from tests.processes import free_port
from tests.waiting import until

__all__ = ["KEY", "ServiceProcess"]

KEY = "vck_0123456789abcdef"


class ServiceProcess:
    """``voyant-cloud serve`` with a database in a file. A context manager.

    Args:
        data: the database.
        origin: whose pages may connect.

    Attributes:
        url: its address, the same after each start.
    """

    def __init__(self, data: Path, origin: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = ["--port", str(port), "--data", str(data), "--allow-origin", origin]
        self._command = ["serve", "--quiet", "--api-key", KEY, *options]
        self._running: Running | None = None

    def __enter__(self) -> ServiceProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._running = started = Running(*self._command, env=environment(self.url, KEY))
        until(lambda: started.out)

    def kill(self) -> None:
        """Kill it as ``kill -9`` does."""
        if self._running is not None:
            self._running.__exit__()
            self._running = None
