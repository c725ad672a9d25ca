"""The stream below a connection, where the two threads that use it meet."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import closing
from typing import Any

import pytest

from voyant_cloud.realtime import wire as wire_module
from voyant_cloud.realtime.wire import Wire


def test_a_write_while_the_reader_closes_is_an_aborted_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that is gone before it can be waited for is no ``ValueError`` of the selector."""

    class Selector(selectors.DefaultSelector):
        def register(self, *arguments: Any) -> Any:
            wire.close()
            return super().register(*arguments)

    with socket.create_server(("127.0.0.1", 0)) as listener, closing(Wire()) as wire:
        address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname())
        wire.connect([address], time.monotonic() + 10)
        monkeypatch.setattr(wire_module, "_Selector", Selector)
        wire.send_timeout = 10.0
        with pytest.raises(ConnectionAbortedError, match="given up"):
            wire.send(bytes(64 * 1024 * 1024))
