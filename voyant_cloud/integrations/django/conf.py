"""The setting ``VOYANT_CLOUD``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.integrations.settings import KEYS, Problem, Settings

__all__ = ["SETTING", "channel_url", "client_settings", "problems"]

SETTING: Final = "VOYANT_CLOUD"
NO_DICT: Final = "E004"


def client_settings() -> dict[str, Any]:
    """Return the client's arguments.

    Raises:
        ImproperlyConfigured: the setting is missing something or wrong; it says all that is.
    """
    return _usable().client_arguments()


def channel_url(base_url: str) -> str:
    """Return the address at which browsers connect: ``CHANNEL_URL``, or *base_url*, the client's own.

    Raises:
        ImproperlyConfigured: ``CHANNEL_URL`` is no address.
    """
    try:
        return _read(getattr(settings, SETTING, {})).channel_url(base_url)
    except VoyantConfigError as error:
        raise ImproperlyConfigured(f'{SETTING}["CHANNEL_URL"]: {error}') from None


def problems() -> list[Problem]:
    """Return all that is wrong with the setting, the environment included."""
    given = getattr(settings, SETTING, {})
    if not isinstance(given, Mapping):
        text = f"{SETTING} must be a dict, got {type(given).__name__}."
        return [Problem(NO_DICT, text, f"Its keys: {', '.join(KEYS)}.")]
    return _read(given).problems()


def _usable() -> Settings:
    found = problems()
    if found:
        raise ImproperlyConfigured(" ".join(map(str, found)))
    return _read(getattr(settings, SETTING, {}))


def _read(given: Mapping[str, Any]) -> Settings:
    return Settings(given, lambda key: f'{SETTING}["{key}"]')
