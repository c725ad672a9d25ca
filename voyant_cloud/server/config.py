"""How a server is set up: arguments and ``VOYANT_SERVER_…`` environment, checked in one place."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.api_keys import ApiKey, generate_api_key, parse_api_key
from voyant_cloud.server.limits import Limits

__all__ = ["MEMORY", "ServerConfig", "load_config"]

MEMORY: Final = ":memory:"
LONGEST_DRAIN: Final = 25.0
"""Seconds. A supervisor commonly kills after 30, and what was accepted still has to be flushed."""
_ENV_PREFIX: Final = "VOYANT_SERVER_"
_ENV_NAMES: Final = (
    "host",
    "port",
    "data",
    "engine",
    "engine_password",
    "secret_file",
    "api_keys",
    "allowed_origins",
    "console",
    "drain_seconds",
)
_FLAGS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or f"{parts.scheme}://{parts.netloc}" != text:
        raise VoyantConfigError(
            f"allowed_origins: {text!r} must be a scheme, host and port, such as https://example.com"
        )
    return text


def _origins(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(_origin(value) for value in values)


def _check_port(_: ServerConfig, __: attrs.Attribute[int], value: int) -> None:
    if not 0 <= value <= 65_535:
        raise VoyantConfigError(f"port: is {value}, must be 0 (any free one) to 65535")


def _check_drain(_: ServerConfig, __: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= LONGEST_DRAIN:
        raise VoyantConfigError(f"drain_seconds: is {value}, must be 0 to {LONGEST_DRAIN:g}")


@attrs.frozen(kw_only=True)
class ServerConfig:
    """A server's settings.

    Attributes:
        host: the address to listen on.
        port: the port, 0 for any free one.
        data: the database's file, or ``:memory:`` to keep nothing.
        engine: the URL of the Redis that several nodes share, instead of *data*; see ``redis_address``.
        engine_password: its password, so that the URL needs none.
        secret_file: the signing keys' file, which all nodes need the same of; ``None`` for beside the data.
        api_keys: the keys that are taken.
        made_up_key: a key that was made because none was given, to be shown once; ``None`` otherwise.
        allowed_origins: browser origins that may connect, compared exactly.
        console: whether ``/console`` is served; ``None`` for on the loopback alone.
        drain_seconds: how long a stop spreads the goodbyes to its connections, 0 to 25.
        limits: what is taken and kept.
        presence_grace: seconds that a dropped member is held.
        clock: seconds since 1970; tests pass their own.
    """

    host: str = "127.0.0.1"
    port: int = attrs.field(default=8787, validator=_check_port)
    data: str = MEMORY
    engine: str | None = attrs.field(default=None, repr=False)
    engine_password: str | None = attrs.field(default=None, repr=False)
    secret_file: str | None = None
    api_keys: tuple[ApiKey, ...]
    made_up_key: str | None = attrs.field(default=None, repr=False)
    allowed_origins: tuple[str, ...] = attrs.field(default=(), converter=_origins)
    console: bool | None = None
    drain_seconds: float = attrs.field(default=20.0, validator=_check_drain)
    limits: Limits = attrs.field(factory=Limits)
    presence_grace: float = 15.0
    clock: Callable[[], float] = attrs.field(default=time.time, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.engine is None:
            return
        if self.data != MEMORY:
            raise VoyantConfigError("data, engine: messages are kept in a file or in Redis; give one of both")
        if self.secret_file is None:
            raise VoyantConfigError(
                "secret_file: nodes that share an engine need the same signing keys; make them once with"
                " voyant-cloud new-secret PATH, and give each node a copy with --secret-file PATH"
            )

    @property
    def serves_console(self) -> bool:
        """Whether ``/console`` is served."""
        return _is_loopback(self.host) if self.console is None else self.console

    @property
    def kept_in(self) -> str:
        """Where messages are kept, for people: the file, or the URL of Redis without user name and password."""
        if self.engine is None:
            return self.data
        scheme, _, rest = self.engine.partition("://")
        return f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}"

    @property
    def secret_path(self) -> Path | None:
        """The signing keys' file; ``None`` where nothing is kept."""
        if self.secret_file is not None:
            return Path(self.secret_file)
        # By the real path, as the database's lock: another name of the same file must find the same keys.
        return None if self.data == MEMORY else Path(os.path.realpath(self.data) + ".secret")


def load_config(
    *,
    host: str | None = None,
    port: int | None = None,
    data: str | None = None,
    engine: str | None = None,
    secret_file: str | None = None,
    api_keys: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    console: bool | None = None,
    drain_seconds: float | None = None,
    limits: Mapping[str, float] | None = None,
    env: Mapping[str, str],
    **others: Any,
) -> ServerConfig:
    """Put a configuration together: arguments first, then the environment, then defaults.

    Args:
        host: the address to listen on; ``VOYANT_SERVER_HOST``.
        port: the port; ``VOYANT_SERVER_PORT``.
        data: the database's file; ``VOYANT_SERVER_DATA``.
        engine: the URL of a Redis; ``VOYANT_SERVER_ENGINE``. Its password may be in ``VOYANT_SERVER_ENGINE_PASSWORD``.
        secret_file: the signing keys' file; ``VOYANT_SERVER_SECRET_FILE``.
        api_keys: keys as ``KEY`` or ``KEY:scope,scope``; ``VOYANT_SERVER_API_KEYS``, separated by spaces.
        allowed_origins: browser origins; ``VOYANT_SERVER_ALLOWED_ORIGINS``, separated by spaces.
        console: see ``ServerConfig``; ``VOYANT_SERVER_CONSOLE``, one of true, 1, yes, on, false, 0, no and off.
        drain_seconds: see ``ServerConfig``; ``VOYANT_SERVER_DRAIN_SECONDS``.
        limits: limits by name; ``VOYANT_SERVER_LIMIT_<NAME>`` each.
        env: the environment; an empty value counts as unset.
        others: further fields of ``ServerConfig``.

    Raises:
        VoyantConfigError: a value is out of range, or there is no API key and the host is not the loopback, where a
            made-up key would lock everybody out or let a reader of the log in.
    """
    given = {
        name.removeprefix(_ENV_PREFIX).lower(): value
        for name, value in env.items()
        if name.startswith(_ENV_PREFIX) and value
    }
    _refuse_unknown(given)
    settings: dict[str, Any] = {
        "host": host or given.get("host"),
        "port": port if port is not None else _number("port", given.get("port"), int),
        "data": data or given.get("data"),
        "engine": engine or given.get("engine"),
        "engine_password": given.get("engine_password"),
        "secret_file": secret_file or given.get("secret_file"),
        "console": console if console is not None else _flag("console", given.get("console")),
        "drain_seconds": drain_seconds
        if drain_seconds is not None
        else _number("drain_seconds", given.get("drain_seconds"), float),
        "allowed_origins": tuple(allowed_origins) or tuple(given.get("allowed_origins", "").split()) or None,
        "limits": _limits(given, limits or {}),
        **others,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    texts = tuple(api_keys) or tuple(given.get("api_keys", "").split())
    if texts:
        return ServerConfig(api_keys=tuple(parse_api_key(text) for text in texts), **settings)
    _require_loopback(settings.get("host", "127.0.0.1"))
    key = generate_api_key()
    return ServerConfig(api_keys=(parse_api_key(key),), made_up_key=key, **settings)


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = {*_ENV_NAMES, *(f"limit_{field.name}" for field in attrs.fields(Limits))}
    unknown = sorted(set(given) - known)
    if unknown:
        names = ", ".join(_ENV_PREFIX + name.upper() for name in (*_ENV_NAMES, "limit_<name>"))
        raise VoyantConfigError(f"{_ENV_PREFIX}{unknown[0].upper()}: there is no such setting; known are {names}")


def _limits(given: Mapping[str, str], arguments: Mapping[str, float]) -> Limits:
    values: dict[str, float] = {}
    for field in attrs.fields(Limits):
        kind = float if isinstance(field.default, float) else int
        value = arguments.get(field.name, _number(f"limit_{field.name}", given.get(f"limit_{field.name}"), kind))
        if value is not None:
            values[field.name] = value
    unknown = sorted(set(arguments) - set(attrs.fields_dict(Limits)))
    if unknown:
        known = ", ".join(attrs.fields_dict(Limits))
        raise VoyantConfigError(f"limit {unknown[0]}: there is no such limit; known are {known}")
    return Limits(**values)  # type: ignore[arg-type]


def _number(name: str, text: str | None, kind: type[int] | type[float]) -> Any:
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        raise VoyantConfigError(f"{_ENV_PREFIX}{name.upper()}: must be a number, got {text[:80]!r}") from None


def _flag(name: str, text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in _FLAGS:
        raise VoyantConfigError(f"{_ENV_PREFIX}{name.upper()}: must be one of {', '.join(_FLAGS)}, got {text[:80]!r}")
    return _FLAGS[text.lower()]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_loopback(host: str) -> None:
    if not _is_loopback(host):
        raise VoyantConfigError(
            f"api_keys: listening on {host} needs a key of your own; give --api-key or set VOYANT_SERVER_API_KEYS"
        )
