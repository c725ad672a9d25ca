"""The setting ``VOYANT_CLOUD``: read, completed from the environment, and every problem in it found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import attrs
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from voyant_cloud.config import ENVIRONMENT, ClientConfig, read_base_url, settings_from
from voyant_cloud.errors import VoyantConfigError

__all__ = ["KEYS", "SETTING", "Problem", "channel_url", "client_settings", "problems"]

SETTING: Final = "VOYANT_CLOUD"
_CHANNEL_URL: Final = "CHANNEL_URL"
_CLIENT_KEYS: Final = {
    "API_KEY": "api_key",
    "API_URL": "base_url",
    "TIMEOUT": "timeout",
    "RETRIES": "retries",
    "PROXIES": "proxies",
    "VERIFY": "verify",
    "USER_AGENT": "user_agent",
    "AUTH_HEADER": "auth_header",
    "AUTH_SCHEME": "auth_scheme",
}
KEYS: Final = (*_CLIENT_KEYS, _CHANNEL_URL)
"""All that the setting takes: the client's arguments, and what a browser is told."""

MISSING_KEY: Final = "E001"
UNKNOWN_KEY: Final = "E002"
BAD_VALUE: Final = "E003"
NO_DICT: Final = "E004"


@attrs.frozen
class Problem:
    """Something that is wrong with the setting. No part of it shows a secret.

    Attributes:
        code: what kind, as in the id of a system check.
        text: what is wrong, in words.
        hint: what to do.
    """

    code: str
    text: str
    hint: str


def client_settings() -> dict[str, Any]:
    """Return the client's arguments.

    Raises:
        ImproperlyConfigured: the setting is missing something or wrong; it says all that is.
    """
    return _resolved(_usable())


def channel_url() -> str:
    """Return the address at which browsers connect: ``CHANNEL_URL``, or the service's own.

    Raises:
        ImproperlyConfigured: as ``client_settings``.
    """
    given = _usable()
    if given.get(_CHANNEL_URL):
        return read_base_url(given[_CHANNEL_URL])
    return ClientConfig(**_resolved(given)).base_url


def problems() -> list[Problem]:
    """Return all that is wrong with the setting, the environment included."""
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        return [
            Problem(NO_DICT, f"{SETTING} must be a dict, got {type(given).__name__}.", f"Its keys: {', '.join(KEYS)}.")
        ]
    unknown = [key for key in given if key not in KEYS]
    found = [
        Problem(UNKNOWN_KEY, f"{SETTING} has the unknown key {str(key)[:80]!r}.", f"It takes {', '.join(KEYS)}.")
        for key in unknown
    ]
    return [*_problems_of_key(given), *found, *_problems_of_values(given)]


def _usable() -> Mapping[str, Any]:
    found = problems()
    if found:
        raise ImproperlyConfigured(" ".join(f"{problem.text} {problem.hint}" for problem in found))
    given: Mapping[str, Any] = getattr(settings, SETTING, {})
    return given


def _resolved(given: Mapping[str, Any]) -> dict[str, Any]:
    overrides = {_CLIENT_KEYS[key]: value for key, value in given.items() if key in _CLIENT_KEYS}
    return settings_from(os.environ, overrides)


def _problems_of_key(given: Mapping[str, Any]) -> list[Problem]:
    if "api_key" in _resolved(given):
        return []
    return [
        Problem(
            MISSING_KEY,
            f'{SETTING} has no "API_KEY", and the environment has no {ENVIRONMENT["api_key"]}.',
            "Set one of them to an API key of the service.",
        )
    ]


def _problems_of_values(given: Mapping[str, Any]) -> list[Problem]:
    found = [_problem_of_value(key, name, _resolved(given)) for key, name in _CLIENT_KEYS.items()]
    public = given.get(_CHANNEL_URL)
    if public:
        found.append(_problem_of_value(_CHANNEL_URL, "base_url", {"base_url": public}))
    return [problem for problem in found if problem is not None]


def _problem_of_value(key: str, name: str, resolved: Mapping[str, Any]) -> Problem | None:
    if name not in resolved:
        return None
    try:
        # One at a time, so that all that are wrong are told together.
        ClientConfig(**{"api_key": "checked", name: resolved[name]})
    except VoyantConfigError as error:
        _, _, text = str(error).partition(": ")
        variable = f", or {ENVIRONMENT[name]} in the environment" if name in ENVIRONMENT else ""
        return Problem(BAD_VALUE, f'{SETTING}["{key}"]{variable}: {text}.', "Correct it.")
    return None
