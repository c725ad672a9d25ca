"""How a server is set up: its settings, checked, and where each of them comes from."""

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
from voyant_cloud.server.config_sources import CONFIG, Given, Source, secrets_of, sources
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.settings import LIMIT, SETTINGS

__all__ = ["LOG_FORMATS", "MEMORY", "ServerConfig", "is_loopback", "load_config"]

MEMORY: Final = ":memory:"
LONGEST_DRAIN: Final = 25.0
"""Seconds. A supervisor commonly kills after 30, and what was accepted still has to be flushed."""
LOG_FORMATS: Final = ("text", "json")


def _origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and f"{parts.scheme}://{parts.netloc}" == text
    except ValueError:
        sound = False
    if not sound:
        problem = "must be a scheme, host and port, such as https://example.com"
        raise VoyantConfigError(f"allowed_origins: {text[:200]!r} {problem}")
    return text


def _origins(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(_origin(value) for value in values)


def _check_port(_: ServerConfig, __: attrs.Attribute[int], value: int) -> None:
    if not 0 <= value <= 65_535:
        raise VoyantConfigError(f"port: is {value}, must be 0 (any free one) to 65535")


def _check_drain(_: ServerConfig, __: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value <= LONGEST_DRAIN:
        raise VoyantConfigError(f"drain_seconds: is {value}, must be 0 to {LONGEST_DRAIN:g}")


def _check_log_format(_: ServerConfig, __: attrs.Attribute[str], value: str) -> None:
    if value not in LOG_FORMATS:
        raise VoyantConfigError(f"log_format: is {value[:80]!r}, must be one of {', '.join(LOG_FORMATS)}")


@attrs.frozen(kw_only=True)
class ServerConfig:
    """A server's settings.

    Attributes:
        host: the address to listen on.
        port: the port, 0 for any free one.
        data: the database's file, or ``:memory:`` to keep nothing.
        engine: the URL of the Redis that several nodes share, instead of *data*; see ``redis_address``.
        engine_password: its password, so that the URL needs none; it counts before the URL's.
        secret_file: the signing keys' file, which all nodes need the same of; ``None`` for beside the data.
        api_keys: the keys that are taken.
        made_up_key: a key that was made because none was given, to be shown once; ``None`` otherwise.
        allowed_origins: browser origins that may connect, compared exactly.
        console: whether ``/console`` is served; ``None`` for on the loopback alone.
        drain_seconds: how long a stop spreads the goodbyes to its connections, 0 to 25.
        log_format: how the log looks, ``text`` or ``json``; for whoever sets up logging.
        limits: what is taken and kept.
        presence_grace: seconds that a dropped member is held.
        clock: seconds since 1970; tests pass their own.
        config_file: the TOML file that was read.
        origins: where each setting comes from that is not at its default, by its name in ``settings.SETTINGS``.
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
    log_format: str = attrs.field(default="text", validator=_check_log_format)
    limits: Limits = attrs.field(factory=Limits)
    presence_grace: float = 15.0
    clock: Callable[[], float] = attrs.field(default=time.time, repr=False)
    config_file: str | None = None
    origins: Mapping[str, str] = attrs.field(factory=dict, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.engine is None:
            if self.engine_password is not None:
                raise VoyantConfigError("engine_password: is set, and there is no engine; give engine or leave it out")
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
        return is_loopback(self.host) if self.console is None else self.console

    @property
    def kept_in(self) -> str:
        """Where messages are kept, for people: the file, or the URL of Redis without user name and password."""
        if self.engine is None:
            return self.data
        scheme, _, rest = self.engine.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"

    @property
    def secret_path(self) -> Path | None:
        """The signing keys' file; ``None`` where nothing is kept."""
        if self.secret_file is not None:
            return Path(self.secret_file)
        # By the real path, as the database's lock: another name of the same file must find the same keys.
        return None if self.data == MEMORY else Path(os.path.realpath(self.data) + ".secret")


def load_config(
    *,
    env: Mapping[str, str],
    config_file: str | None = None,
    limits: Mapping[str, float] | None = None,
    on_secret: Callable[[str], object] = lambda _: None,
    **settings: Any,
) -> ServerConfig:
    """Put a configuration together: arguments first, then the environment, then the TOML file, then defaults.

    Args:
        env: the environment: ``VOYANT_SERVER_HOST`` and so on, lists with spaces between their members, limits as
            ``VOYANT_SERVER_LIMIT_<NAME>``; an empty value counts as unset.
        config_file: the TOML file, see ``read_config_file``; ``VOYANT_SERVER_CONFIG``.
        limits: limits by name.
        on_secret: is told each API key and password that is given, so that it can be masked, before it is checked.
        settings: by the names of ``SETTINGS``, API keys as ``KEY`` or ``KEY:scope,scope``, where ``None`` and what is
            empty count as unset; and further fields of ``ServerConfig``.

    Raises:
        VoyantConfigError: the file cannot be read; a value is out of range, whether it counts or not; or there is no
            API key and the host is not the loopback, where a made-up key would lock everybody out, or let a reader of
            the log in.
    """
    flags = {name: value for name, value in settings.items() if name in SETTINGS}
    others = {name: value for name, value in settings.items() if name not in SETTINGS}
    given: Source = {}
    for source in sources({CONFIG: config_file, **flags}, limits or {}, env):
        for secret in secrets_of(source):
            on_secret(secret)
        given |= {name: _checked(name, each) for name, each in source.items()}
    return _put_together(given, others)


def _put_together(given: Source, others: Mapping[str, Any]) -> ServerConfig:
    values = {name: each.value for name, each in given.items()}
    limits = {name.removeprefix(LIMIT): values.pop(name) for name in given if name.startswith(LIMIT)}
    settings: dict[str, Any] = {
        "config_file": values.pop(CONFIG, None),
        **values,
        "limits": Limits(**limits),
        "origins": {name: each.origin for name, each in given.items()},
        **others,
    }
    if not settings.get("api_keys"):
        _require_loopback(settings.get("host", "127.0.0.1"))
        key = generate_api_key()
        settings |= {"api_keys": (parse_api_key(key),), "made_up_key": key}
    return ServerConfig(**settings)


def _checked(name: str, given: Given) -> Given:
    try:
        return attrs.evolve(given, value=_in_range(name, given.value))
    except VoyantConfigError as error:
        raise given.wrong(error) from None


def _in_range(name: str, value: Any) -> Any:
    if name == "api_keys":
        return tuple(parse_api_key(text, number) for number, text in enumerate(value, 1))
    if name.startswith(LIMIT):
        Limits(**{name.removeprefix(LIMIT): value})
        return value
    if name == "allowed_origins":
        return _origins(value)
    # The range of a number is said once, at its field.
    field = attrs.fields_dict(ServerConfig).get(name)
    if field is not None and field.validator is not None:
        field.validator(None, field, value)
    return value


def is_loopback(host: str) -> bool:
    """Tell whether nobody but this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_loopback(host: str) -> None:
    if not is_loopback(host):
        raise VoyantConfigError(
            f"api_keys: listening on {host} needs a key of your own; give --api-key, set VOYANT_SERVER_API_KEYS, or"
            " list api_keys in the file of --config"
        )
