"""A framework's settings for the client: completed from the environment, and every problem in them found."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

import attrs

from voyant_cloud.config import ENVIRONMENT, ClientConfig, read_base_url, settings_from
from voyant_cloud.errors import VoyantConfigError

__all__ = ["KEYS", "Problem", "Settings"]

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
"""All that can be set: the client's arguments, and what a browser is told."""

_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")

MISSING_KEY: Final = "E001"
UNKNOWN_KEY: Final = "E002"
BAD_VALUE: Final = "E003"


@attrs.frozen
class Problem:
    """Something that is wrong with the settings. No part of it shows a secret.

    Attributes:
        code: what kind: ``E001`` no API key, ``E002`` an unknown name, ``E003`` a wrong value.
        text: what is wrong, in words.
        hint: what to do.
    """

    code: str
    text: str
    hint: str

    def __str__(self) -> str:
        return f"{self.text} {self.hint}"


@attrs.frozen
class Settings:
    """What an application has set.

    Attributes:
        given: the values by their names in ``KEYS``; it may have others, which are problems.
        name_of: how the framework's users write the name of a key, as in ``VOYANT_CLOUD["API_KEY"]``.
    """

    given: Mapping[str, Any] = attrs.field(repr=False)
    name_of: Callable[[str], str]

    def problems(self) -> list[Problem]:
        """Return all that is wrong, the environment included."""
        return [*self._problems_of_key(), *self._problems_of_names(), *self._problems_of_values()]

    def client_arguments(self) -> dict[str, Any]:
        """Return arguments of ``VoyantCloudClient``; what neither the settings nor the environment give is left out."""
        overrides = {_CLIENT_KEYS[key]: value for key, value in self.given.items() if key in _CLIENT_KEYS}
        return settings_from(os.environ, overrides)

    def channel_url(self, base_url: str) -> str:
        """Return the address at which browsers connect: ``CHANNEL_URL``, or else *base_url*, the client's own.

        Raises:
            VoyantConfigError: ``CHANNEL_URL`` is no address.
        """
        public = self.given.get(_CHANNEL_URL)
        return read_base_url(public) if public else base_url

    def _problems_of_key(self) -> list[Problem]:
        if "api_key" in self.client_arguments():
            return []
        return [
            Problem(
                MISSING_KEY,
                f"{self.name_of('API_KEY')} is not set, and neither is {ENVIRONMENT['api_key']} in the environment.",
                "Set one of them to an API key of the service.",
            )
        ]

    def _problems_of_names(self) -> list[Problem]:
        unknown = [str(key) for key in self.given if key not in KEYS]
        return [Problem(UNKNOWN_KEY, f"{self._shown(key)} is unknown.", self._nearest(key)) for key in unknown]

    def _shown(self, key: str) -> str:
        # Something else may be a secret in the wrong place.
        return self.name_of(key) if _NAME.fullmatch(key) else f"A name of {len(key)} characters"

    def _nearest(self, key: str) -> str:
        near = get_close_matches(key, KEYS, 1)
        if near:
            return f"Did you mean {self.name_of(near[0])}?"
        return f"There are {', '.join(map(self.name_of, KEYS))}."

    def _problems_of_values(self) -> list[Problem]:
        arguments = self.client_arguments()
        found = [self._problem_of_value(key, name, arguments) for key, name in _CLIENT_KEYS.items()]
        public = self.given.get(_CHANNEL_URL)
        if public:
            found.append(self._problem_of_value(_CHANNEL_URL, "base_url", {"base_url": public}))
        return [problem for problem in found if problem is not None]

    def _problem_of_value(self, key: str, name: str, arguments: Mapping[str, Any]) -> Problem | None:
        if name not in arguments:
            return None
        try:
            # One at a time, so that all that are wrong are told together.
            ClientConfig(**{"api_key": "checked", name: arguments[name]})
        except VoyantConfigError as error:
            _, _, text = str(error).partition(": ")
            is_from_environment = name in ENVIRONMENT and not self.given.get(key)
            place = f"{ENVIRONMENT[name]} in the environment" if is_from_environment else self.name_of(key)
            return Problem(BAD_VALUE, f"{place}: {text}.", "Correct it.")
        return None
