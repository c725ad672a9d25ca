"""System checks: ``manage.py check`` tells of missing and odd settings before a request does."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.core.checks import CheckMessage, Error, Warning

from voyant_cloud.config import DEFAULT_BASE_URL
from voyant_cloud.integrations.django import conf
from voyant_cloud.integrations.settings import MISSING_KEY

__all__ = ["check_settings", "check_transport"]

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


def check_settings(**_: Any) -> list[CheckMessage]:
    """Find what is wrong with the setting ``VOYANT_CLOUD``.

    No key is a warning here, and an error before a deployment: tests and builds have none, and need none.
    """
    return [
        Warning(problem.text, hint=problem.hint, id="voyant_cloud.W003")
        if problem.code == MISSING_KEY
        else Error(problem.text, hint=problem.hint, id=f"voyant_cloud.{problem.code}")
        for problem in conf.problems()
    ]


def check_transport(**_: Any) -> list[CheckMessage]:
    """For ``check --deploy``: find no key, and where it, or tokens, travel unencrypted between machines."""
    problems = conf.problems()
    if problems:
        missing = [problem for problem in problems if problem.code == MISSING_KEY]
        return [Error(problem.text, hint=problem.hint, id=f"voyant_cloud.{problem.code}") for problem in missing]
    found = []
    base_url = conf.client_settings().get("base_url", DEFAULT_BASE_URL)
    if _is_open(base_url):
        found.append(
            Warning(
                'VOYANT_CLOUD["API_URL"] is http: the API key crosses the network unencrypted.',
                hint="Use https, or silence this where the network is your own.",
                id="voyant_cloud.W001",
            )
        )
    if _is_open(conf.channel_url(base_url)):
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
