"""The Node process that runs the official client: lines of JSON to it and from it."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.waiting import PATIENCE

__all__ = ["FOLDER", "PACKAGES", "NodeProcess", "OfficialError"]

FOLDER = Path(__file__).parent
PACKAGES = ("@voyant-travel/cloud-sdk", "ws")


class OfficialError(Exception):
    """What the official client threw.

    Attributes:
        is_api_error: whether it is the client's own ``VoyantApiError``.
        status, code, request_id, body: as that has them, ``None`` in any other.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['name']}: {error['message']}")
        self.message: str = error["message"]
        self.is_api_error: bool = error["isApiError"]
        self.status: int | None = error.get("status")
        self.code: str | None = error.get("code")
        self.request_id: str | None = error.get("requestId")
        self.body: Any = error.get("body")


class NodeProcess:
    """``driver.mjs``, which says what it may be told. A context manager that leaves nothing behind.

    Attributes:
        listeners: what takes a channel's events, as (event, payload), by the channel's name. They are called on a
            thread of this object's own.
    """

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[str, Any], None]] = {}
        # Two locks, so that the reader goes on while a long command is written: each end would wait for the other.
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._answers: dict[int, dict[str, Any]] = {}
        self._asked = 0
        self._ended = False
        # Its stderr is pytest's, which shows it where a test fails.
        self._process = subprocess.Popen(
            ["node", str(FOLDER / "driver.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
        )
        self._thread = threading.Thread(target=self._read, name="official-client", daemon=True)
        self._thread.start()

    def ask(self, do: str, **what: Any) -> Any:
        """Have something done and return its value.

        Raises:
            OfficialError: the client threw.
        """
        with self._writing:
            self._asked += 1
            number = self._asked
            self._write({"id": number, "do": do, **what})
        with self._changed:
            done = self._changed.wait_for(lambda: number in self._answers or self._ended, PATIENCE)
            assert done, f"{do} was not answered in time"
            assert number in self._answers, f"the Node process ended before it answered {do}"
            answer = self._answers.pop(number)
        if "error" in answer:
            raise OfficialError(answer["error"])
        return answer["value"]

    def __enter__(self) -> NodeProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A client that hangs must not keep the tests from their end, so it is not asked to go.
        self._process.kill()
        self._process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _write(self, command: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "id" in said:
                with self._changed:
                    self._answers[said["id"]] = said
                    self._changed.notify_all()
            else:
                self.listeners[said["channel"]](said["event"], said["payload"])
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _environment() -> dict[str, str]:
    # What a developer has set for Node of their own is not to change what the tests see.
    return {name: value for name, value in os.environ.items() if not name.startswith("NODE_")}
