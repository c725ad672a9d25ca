"""The REST API over lists in memory: what the service would answer to a call of the SDK, which has checked it."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import threading
from typing import Any, Final
from urllib.parse import unquote

from voyant_cloud import jsontext
from voyant_cloud.converter import unstructure, wire_time
from voyant_cloud.errors import VoyantApiError, api_error
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember
from voyant_cloud.testing.recorded_channel import RecordedChannel
from voyant_cloud.transport import Call
from voyant_cloud.urls import MESSAGES_PATH, TOKENS_PATH

__all__ = ["IDEMPOTENCY_SECONDS", "RecordedService"]

IDEMPOTENCY_SECONDS: Final = 300.0
DEFAULT_LIMIT: Final = 100
DEFAULT_TTL: Final = 3_600
_CHANNEL_PATH: Final = re.compile(r"/realtime/v1/channels/([^/]+)/(messages|presence)")
_BATCH_BYTES: Final = 2 * 1024 * 1024
_DEPTH: Final = jsontext.MAX_DEPTH + 3
"""Data may be nested to the limit, inside a message, inside a list, inside the body."""


class RecordedService:
    """Messages, members and the answers to idempotency keys, which it keeps for ever. Any thread may call it.

    A channel's history retains as much as the server's does by default; *messages* are all.

    Attributes:
        members: who is present, by channel; for the test to fill.
    """

    def __init__(self) -> None:
        self.members: dict[str, list[RealtimePresenceMember]] = {}
        self._messages: list[RealtimeMessageSummary] = []
        self._channels: dict[str, RecordedChannel] = {}
        self._answers: dict[str, tuple[Call, bytes]] = {}
        self._failure: Exception | None = None
        self._failures_left: int | None = 0
        self._lock = threading.Lock()

    @property
    def messages(self) -> list[RealtimeMessageSummary]:
        """Every message, oldest first."""
        with self._lock:
            return list(self._messages)

    def fail_with(self, error: Exception, times: int | None) -> None:
        """Raise *error* in the next *times* calls; ``None`` for all."""
        with self._lock:
            self._failure, self._failures_left = error, times

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.members.clear()
            self._messages.clear()
            self._channels.clear()
            self._answers.clear()
            self._failure = None

    def answer(self, call: Call) -> bytes:
        """Do what a call asks for, and return the body of the answer.

        Raises:
            VoyantApiError: the service would refuse it.
            Exception: what ``fail_with`` was given.
        """
        with self._lock:
            self._fail_if_told()
            key = call.idempotency_key
            if key is not None and key in self._answers:
                return self._earlier_answer(key, call)
            body = jsontext.dumps({"data": self._data_for(call)}, max_depth=_DEPTH).encode()
            if key is not None:
                self._answers[key] = (call, body)
            return body

    def _fail_if_told(self) -> None:
        if self._failure is None or self._failures_left == 0:
            return
        if self._failures_left is not None:
            self._failures_left -= 1
        raise self._failure

    def _earlier_answer(self, key: str, call: Call) -> bytes:
        first, body = self._answers[key]
        if (first.path, first.body) != (call.path, call.body):
            raise _refusal(409, "conflict", "this Idempotency-Key was used with another body in the last minutes")
        return body

    def _data_for(self, call: Call) -> Any:
        if call.path == MESSAGES_PATH:
            _check_batch(call.body or b"")
        given = jsontext.loads(call.body) if call.body is not None else {}
        if call.path == TOKENS_PATH:
            return _token(given)
        if call.path == MESSAGES_PATH:
            return [self._store(message["channel"], message) for message in given["messages"]]
        match = _CHANNEL_PATH.fullmatch(call.path)
        assert match is not None, f"the SDK has a new path: {call.path}"
        channel = unquote(match[1])
        if match[2] == "presence":
            return [unstructure(member) for member in self.members.get(channel, [])]
        if call.method == "GET":
            return [unstructure(message) for message in self._history(channel, call.query or {})]
        return self._store(channel, given)

    def _store(self, channel: str, message: dict[str, Any]) -> dict[str, Any]:
        stored = self._channel(channel).add(message["event"], message.get("data"))
        self._messages.append(stored)
        return unstructure(stored)

    def _history(self, channel: str, query: Any) -> list[RealtimeMessageSummary]:
        limit, since_id = query.get("limit") or DEFAULT_LIMIT, query.get("sinceId")
        if since_id is None:
            return self._channel(channel).newest(limit)
        found = self._channel(channel).after(since_id, limit)
        if found is None:
            problem = f"RealtimeHistoryQuery.since_id: {since_id[:80]!r} is no message id"
            raise _refusal(400, "invalid_request", problem)
        return found

    def _channel(self, name: str) -> RecordedChannel:
        if name not in self._channels:
            self._channels[name] = RecordedChannel(name)
        return self._channels[name]


def _check_batch(body: bytes) -> None:
    if len(body) > _BATCH_BYTES:
        problem = f"the body is {len(body)} bytes, at most {_BATCH_BYTES} are allowed"
        raise _refusal(413, "payload_too_large", problem)


def _token(given: dict[str, Any]) -> dict[str, Any]:
    lifetime = dt.timedelta(seconds=given.get("ttlSeconds") or DEFAULT_TTL)
    expires_at = dt.datetime.now(dt.UTC) + lifetime
    return {"token": f"rtok_recording_{secrets.token_hex(16)}", "expiresAt": wire_time(expires_at)}


def _refusal(status: int, code: str, message: str) -> VoyantApiError:
    request_id = "req_" + secrets.token_hex(8)
    body = {"error": message, "code": code, "requestId": request_id}
    return api_error(status=status, code=code, message=message, request_id=request_id, body=body)
