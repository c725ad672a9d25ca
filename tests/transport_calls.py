"""A transport with short retries, and the two calls that the tests of it make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests

from tests.fake_service import FakeService
from voyant_cloud.config import ClientConfig
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember
from voyant_cloud.retry import RetryPolicy
from voyant_cloud.transport import Transport

KEY = "vk_a0b1c2d3e4"
PATH = "/realtime/v1/channels/a/messages"
MESSAGE = {
    "data": {"id": "rtm_1", "channel": "a", "event": "b", "data": None, "publishedAt": "2026-11-24T09:30:00.000Z"}
}
NOBODY: dict[str, Any] = {"data": []}
QUICK = RetryPolicy(retries=2, base_delay=0.01)
KEYS_HONOURED = {"x-voyant-idempotency": "300"}
CERTIFICATES = Path(__file__).parent / "certificates"


def transport(url: str, session: requests.Session | None = None, **settings: Any) -> Transport:
    settings = {"retries": QUICK, "timeout": 5, **settings}
    return Transport(ClientConfig(api_key=KEY, base_url=url, **settings), session)


def read(via: Transport, **options: Any) -> list[RealtimePresenceMember]:
    return via.get("/presence", list[RealtimePresenceMember], **options)


def publish(via: Transport, **options: Any) -> RealtimeMessageSummary:
    return via.publish(PATH, RealtimeMessageSummary, body={"event": "b"}, **options)


def keys_of(service: FakeService) -> set[str]:
    return {request.headers["idempotency-key"] for request in service.requests}
