"""What the server's tests speak with: plain HTTP and plain WebSocket, no SDK in between."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlencode

import requests
import websocket

__all__ = ["Reachable", "Socket", "call", "members", "mint", "publish", "refused_upgrade", "subscribe"]

ALL = ["subscribe", "publish", "presence"]


class Reachable(Protocol):
    """A server, in this process or another."""

    url: str
    api_key: str


def call(server: Reachable, method: str, path: str, *, key: str | None = None, **options: Any) -> requests.Response:
    """Send one request with an API key; *path* goes out as it is."""
    headers = {"Authorization": f"Bearer {key or server.api_key}", **options.pop("headers", {})}
    with requests.Session() as session:
        session.trust_env = False
        request = requests.Request(method, server.url, headers=headers, **options).prepare()
        # Past requests' own normalising of the path.
        query = request.url.partition("?")[2] if request.url else ""
        request.url = server.url + path + (f"?{query}" if query else "")
        return session.send(request, timeout=20)


def publish(server: Reachable, channel: str = "orders:eu", event: str = "e", data: Any = None) -> dict[str, Any]:
    """Publish over REST and return the summary."""
    answer = call(server, "POST", f"/realtime/v1/channels/{channel}/messages", json={"event": event, "data": data})
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()["data"]
    return summary


def members(server: Reachable, channel: str = "orders:eu") -> list[dict[str, Any]]:
    """Read over REST who is present."""
    found: list[dict[str, Any]] = call(server, "GET", f"/realtime/v1/channels/{channel}/presence").json()["data"]
    return found


def mint(server: Reachable, capabilities: dict[str, list[str]] | None = None, **body: Any) -> str:
    """Mint a token, by default with every capability everywhere."""
    body = {"clientId": "user_42", "capabilities": capabilities or {"*": ALL}, **body}
    token: str = call(server, "POST", "/realtime/v1/tokens", json=body).json()["data"]["token"]
    return token


class Socket:
    """A raw WebSocket that reads and writes JSON frames."""

    def __init__(self, raw: websocket.WebSocket) -> None:
        self.raw = raw
        self.connected: dict[str, Any] = {}

    def send(self, **frame: Any) -> None:
        self.raw.send(json.dumps(frame))

    def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next frame, which must be of that type."""
        frame: dict[str, Any] = json.loads(self.raw.recv())
        assert kind is None or frame["type"] == kind, frame
        return frame

    def close_code(self) -> int:
        """Read on to the close frame and return its code. It is not answered, since the server may be gone by then."""
        while True:
            frame = self.raw.recv_frame()
            if frame.opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(frame.data[:2], "big")


def _url(server: Reachable, channel: str, token: str, since_id: str | None) -> str:
    query = {"channel": channel, "token": token} | ({"sinceId": since_id} if since_id else {})
    return f"ws{server.url.removeprefix('http')}/realtime/v1/connect?{urlencode(query)}"


@contextlib.contextmanager
def subscribe(
    server: Reachable,
    channel: str = "orders:eu",
    *,
    token: str | None = None,
    since_id: str | None = None,
    origin: str | None = None,
) -> Iterator[Socket]:
    """Connect and read the ``connected`` frame."""
    url = _url(server, channel, token or mint(server), since_id)
    raw = websocket.create_connection(url, timeout=20, origin=origin, suppress_origin=origin is None)
    try:
        socket = Socket(raw)
        socket.connected = socket.next("connected")
        yield socket
    finally:
        raw.shutdown()


def refused_upgrade(server: Reachable, channel: str, token: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Try to connect; return the status and body of the refusal."""
    origin = options.pop("origin", None)
    url = _url(server, channel, token, options.pop("since_id", None))
    try:
        raw = websocket.create_connection(url, timeout=20, origin=origin, suppress_origin=origin is None)
    except websocket.WebSocketBadStatusException as error:
        return error.status_code, json.loads(error.resp_body or b"null")
    raw.shutdown()
    raise AssertionError("the upgrade was not refused")
