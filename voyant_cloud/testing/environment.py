"""What the application under test finds its service by, led to a server: variables, and the setting of Django."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["in_environment", "variables_for"]

_SETTING: Final = "VOYANT_CLOUD"
_WAYS_TO_THE_SERVICE: Final = ("CHANNEL_URL", "PROXIES", "AUTH_HEADER", "AUTH_SCHEME")
"""What a project has set for the service that it uses, and that does not hold for another."""
_NO_PROXY: Final = ("no_proxy", "NO_PROXY")


def variables_for(api_key: str, url: str) -> dict[str, str]:
    """Return the variables by which a client finds a server, past any proxy."""
    unproxied = _unproxied(urlsplit(url).hostname or "")
    return {"VOYANT_CLOUD_API_KEY": api_key, "VOYANT_CLOUD_API_URL": url, **dict.fromkeys(_NO_PROXY, unproxied)}


@contextlib.contextmanager
def in_environment(api_key: str, url: str) -> Iterator[None]:
    """Have everything lead to a server: the environment, and where Django is set up, its setting ``VOYANT_CLOUD``."""
    variables = variables_for(api_key, url)
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        with _django_setting({"API_KEY": api_key, "API_URL": url}):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _unproxied(host: str) -> str:
    given = next((os.environ[name] for name in _NO_PROXY if os.environ.get(name)), "")
    # A lone star stands for every host, and means nothing as a part of a list.
    if given == "*" or host in given.split(","):
        return given
    return f"{given},{host}" if given else host


def _django_setting(server: Mapping[str, str]) -> contextlib.AbstractContextManager[Any]:
    """Return Django's own override of the setting, at which ``get_client()`` drops the client that it holds."""
    conf = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return contextlib.nullcontext()
    given = getattr(conf.settings, _SETTING, {})
    if not isinstance(given, Mapping):
        # No client comes of it, but an error that names it.
        return contextlib.nullcontext()
    from django.test.utils import override_settings  # noqa: TID251 - the project under test uses it

    kept = {key: value for key, value in given.items() if key not in _WAYS_TO_THE_SERVICE}
    override: contextlib.AbstractContextManager[Any] = override_settings(**{_SETTING: {**kept, **server}})
    return override
