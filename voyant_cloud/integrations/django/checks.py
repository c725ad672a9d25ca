"""System checks: ``manage.py check`` tells of missing and odd settings before a request does."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning

from voyant_cloud.integrations.django import conf

__all__ = ["check_settings", "check_transport"]

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def check_settings(**_: Any) -> list[CheckMessage]:
    """Find what is wrong with the setting ``VOYANT_CLOUD``."""
    return [Error(problem.text, hint=problem.hint, id=f"voyant_cloud.{problem.code}") for problem in conf.problems()]


def check_transport(**_: Any) -> list[CheckMessage]:
    """For ``check --deploy``: find where the API key, or tokens, travel unencrypted between machines."""
    if conf.problems():
        return []
    found = []
    if _is_open(conf.client_settings().get("base_url", "https://")):
        found.append(
            Warning(
                'VOYANT_CLOUD["API_URL"] is http: the API key crosses the network unencrypted.',
                hint="Use https, or silence this where the network is your own.",
                id="voyant_cloud.W001",
            )
        )
    if _is_open(conf.channel_url()):
        found.append(
            Warning(
                "Browsers are sent to an http address, so their tokens travel unencrypted.",
                hint='Set VOYANT_CLOUD["CHANNEL_URL"] to the https address under which browsers reach the service.',
                id="voyant_cloud.W002",
            )
        )
    return found


def _is_open(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOCAL
