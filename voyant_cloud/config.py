"""A client's settings: arguments, environment and defaults, resolved and checked in one place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from voyant_cloud._version import __version__
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.retry import RetryPolicy
from voyant_cloud.urls import redact

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_TIMEOUT",
    "DEFAULT_USER_AGENT",
    "ENVIRONMENT",
    "ClientConfig",
    "Timeout",
    "base_url_from",
    "check_close_timeout",
    "read_base_url",
    "read_proxies",
    "read_timeout",
    "read_verify",
    "settings_from",
]

Timeout = float | tuple[float, float]
"""Seconds to connect and to wait for an answer: one number for both, or a pair.

The second counts twice: once until the headers come, anew for the whole body after them. It is looked at whenever some
of the body came; a silence ends after that time in any case.
"""

DEFAULT_BASE_URL: Final = "https://api.voyant.travel"
DEFAULT_USER_AGENT: Final = f"voyant-cloud-python/{__version__}"
DEFAULT_TIMEOUT: Final = (5.0, 30.0)
ENVIRONMENT: Final = {
    "api_key": "VOYANT_CLOUD_API_KEY",
    "base_url": "VOYANT_CLOUD_API_URL",
    "user_agent": "VOYANT_CLOUD_USER_AGENT",
}
"""The settings that the environment can give, by the variable that gives each."""

_LONGEST_TIMEOUT: Final = 86_400
_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")
_PRINTABLE_ASCII: Final = re.compile(r"[!-~]([ -~]*[!-~])?")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def read_base_url(value: str) -> str:
    """Return the service's address without a slash at its end.

    Args:
        value: ``http`` or ``https`` and a host, perhaps with a port and a path.

    Raises:
        VoyantConfigError: it is something else, or has a user name, a query or a fragment.
    """
    problem = _problem_of_url(value)
    if problem:
        raise VoyantConfigError(f"base_url: {problem}, got {_shown(value)}")
    return value.rstrip("/")


def base_url_from(value: str | None, env: Mapping[str, str]) -> str:
    """Return *value*, or where it is ``None`` the address that *env* gives, or the hosted service's; checked.

    Raises:
        VoyantConfigError: as ``read_base_url``.
    """
    return read_base_url(value if value is not None else env.get(ENVIRONMENT["base_url"]) or DEFAULT_BASE_URL)


def read_timeout(value: Timeout) -> tuple[float, float]:
    """Return the seconds allowed to connect and to wait for an answer.

    Args:
        value: one number for both, or a pair; each above 0 and at most 86,400, a day.

    Raises:
        VoyantConfigError: it is neither.
    """
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2 or not all(_is_duration(seconds) for seconds in pair):
        # A number of thousands of digits has no text.
        got = "more" if isinstance(value, int) and value > _LONGEST_TIMEOUT else repr(value)[:80]
        raise VoyantConfigError(
            f"timeout: must be seconds above 0 and at most {_LONGEST_TIMEOUT}, or (connect, read) seconds, got {got}"
        )
    return float(pair[0]), float(pair[1])


def check_close_timeout(value: Any) -> None:
    """Refuse what a ``close`` cannot take.

    Raises:
        VoyantConfigError: *value* is no number of seconds from 0 to 86,400.
    """
    if not isinstance(value, (int, float)) or not 0 <= value <= _LONGEST_TIMEOUT:
        raise VoyantConfigError(f"close: timeout must be seconds, 0 to {_LONGEST_TIMEOUT}, got {value!r}")


def read_proxies(value: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return a copy of *value*, a proxy's URL by scheme, or ``None`` for the environment's.

    Raises:
        VoyantConfigError: it is something else. The message does not show it, since the URL may hold a password.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(key, str) and _is_proxy(url) for key, url in value.items()):
        raise VoyantConfigError('proxies: must map schemes to URLs, as in {"https": "http://proxy.example.com:3128"}')
    return dict(value)


def read_verify(value: bool | str | os.PathLike[str] | None) -> bool | str | None:
    """Return whether to check the service's certificate, or the path of a CA bundle; ``None`` stays ``None``.

    Raises:
        VoyantConfigError: it is something else, or there is nothing at that path.
    """
    if value is None or isinstance(value, bool):
        return value
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(path, str):
        raise VoyantConfigError(f"verify: must be True, False or the path of a CA bundle, got {type(value).__name__}")
    if not os.path.exists(path):
        raise VoyantConfigError(f"verify: must be True, False or the path of a CA bundle; there is no {path!r}")
    return path


def settings_from(env: Mapping[str, str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a client's settings: what *overrides* gives, and from *env* what it does not.

    For what the environment can give, an empty string or ``None`` counts as not given, in both.

    Args:
        env: the environment.
        overrides: settings by name.
    """
    settings = {name: env.get(variable) for name, variable in ENVIRONMENT.items()}
    settings |= {name: value for name, value in overrides.items() if value or name not in ENVIRONMENT}
    return {name: value for name, value in settings.items() if value or name not in ENVIRONMENT}


def _problem_of_url(url: object) -> str | None:
    if not isinstance(url, str) or not _VISIBLE_ASCII.fullmatch(url):
        return "must be a URL without spaces"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "must have a valid host and port"
    if parts.scheme not in ("http", "https") or not host:
        return "must begin with http:// or https:// and a host"
    if "@" in parts.netloc:
        return "must have no user name or password; pass the API key as api_key"
    if "?" in url or "#" in url:
        return "must have no query and no fragment"
    return None


def _is_duration(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _LONGEST_TIMEOUT


def _shown(url: object) -> str:
    # What has no scheme may be a key that was put into the wrong setting, and a message ends up in logs.
    if isinstance(url, str) and "://" in url:
        return repr(redact(url[:200]))
    return f"{len(url)} characters without one" if isinstance(url, str) else type(url).__name__


def _is_proxy(url: object) -> bool:
    # requests takes "" for none, and hosts under the key "no_proxy", which read as a host here.
    try:
        return isinstance(url, str) and (not url or bool(urlsplit(url if "://" in url else f"//{url}").hostname))
    except ValueError:
        return False


def _read_retries(value: int | RetryPolicy) -> RetryPolicy:
    return value if isinstance(value, RetryPolicy) else RetryPolicy(retries=value)


def _read_auth_scheme(value: str | None) -> str | None:
    if value and not _VISIBLE_ASCII.fullmatch(value):
        # The value is not shown: a whole header, key and all, is what is mistakenly given here.
        raise VoyantConfigError("auth_scheme: must be one word of ASCII, such as Bearer")
    return value or None


def _check_api_key(_: object, __: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise VoyantConfigError(f"api_key: must be a str, got {type(value).__name__}")
    if not value:
        raise VoyantConfigError(f"api_key: is missing; pass api_key=… or set {ENVIRONMENT['api_key']}")
    if not _VISIBLE_ASCII.fullmatch(value):
        raise VoyantConfigError("api_key: must be ASCII without spaces and line breaks; was it copied completely?")


def _check_text(pattern: re.Pattern[str], what: str) -> Callable[[object, attrs.Attribute[Any], Any], None]:
    def check(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise VoyantConfigError(f"{attribute.name}: must be {what}")

    return check


@attrs.frozen(kw_only=True)
class ClientConfig:
    """A client's settings, checked.

    Attributes:
        api_key: the secret that authenticates every call; never shown.
        base_url: the service's address, without a slash at its end.
        user_agent: what the client calls itself to the service.
        auth_header: the name of the header that carries the key.
        auth_scheme: the word before the key in that header; ``None`` sends the key alone.
        timeout: seconds to connect, and to wait for an answer: for its headers, then anew for its whole body.
        retries: when to try again.
        proxies: a proxy's URL by scheme, as in requests; ``None`` takes them from the environment.
        verify: whether to check the service's certificate, or the path of a CA bundle to check it with; ``None``
            leaves it to the session, which checks.

    Raises:
        VoyantConfigError: a setting is missing or wrong; the message names it.
    """

    api_key: str = attrs.field(validator=_check_api_key, repr=False)
    base_url: str = attrs.field(default=DEFAULT_BASE_URL, converter=read_base_url)
    user_agent: str = attrs.field(
        default=DEFAULT_USER_AGENT, validator=_check_text(_PRINTABLE_ASCII, "printable ASCII")
    )
    auth_header: str = attrs.field(
        default="Authorization", validator=_check_text(_HEADER_NAME, "the name of an HTTP header")
    )
    auth_scheme: str | None = attrs.field(default="Bearer", converter=_read_auth_scheme)
    timeout: tuple[float, float] = attrs.field(default=DEFAULT_TIMEOUT, converter=read_timeout)
    retries: RetryPolicy = attrs.field(factory=RetryPolicy, converter=_read_retries)
    # A proxy's URL may hold a password.
    proxies: Mapping[str, str] | None = attrs.field(default=None, converter=read_proxies, repr=False)
    verify: bool | str | None = attrs.field(default=None, converter=read_verify)
