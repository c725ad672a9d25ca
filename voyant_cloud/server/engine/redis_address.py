"""Which Redis a URL means: one server, a primary that Sentinels know, or a Cluster; with TLS, and without secrets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import attrs
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.engine.redis_names import DEFAULT_PREFIX

__all__ = ["Address", "parse_address"]

CONNECT_WITHIN: Final = 2.0
"""Seconds to reach one server."""
SILENT_FOR: Final = 4.0
"""Seconds without an answer after which a connection is given up."""
_PLAIN: Final = ("redis", "rediss", "unix")
_SENTINEL: Final = ("redis+sentinel", "rediss+sentinel")
_OPTIONS: Final = ("db", "prefix", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")


async def _nothing_to_close() -> None:
    """Let go of nothing: only Sentinels are asked on connections of their own."""


@attrs.frozen
class Address:
    """Where the engine connects to.

    Attributes:
        shown: the URL without user name and password, for people.
        prefix: tells the deployment from others on the same Redis.
        new_connection: makes a connection that is not open yet. Opening it looks up which server to talk to.
        close: lets go of the connections on which that was looked up.
    """

    shown: str
    prefix: str
    new_connection: Callable[[], AbstractConnection] = attrs.field(repr=False)
    close: Callable[[], Awaitable[None]] = attrs.field(default=_nothing_to_close, repr=False)


def parse_address(url: str, *, password: str | None = None) -> Address:
    """Read the URL of an engine.

    Args:
        url: ``redis://[user:password@]host[:port][/db]``, ``rediss://…`` for TLS, ``unix://path``, or
            ``redis+sentinel://host[:port],…/service[/db]`` (``rediss+sentinel://…``). Options behind a ``?`` are
            ``prefix``, ``db``, ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile`` and ``ssl_check_hostname``.
        password: the password of Redis, so that the URL needs none.

    Raises:
        VoyantConfigError: it is no such URL; the message shows no secret.
    """
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        raise _wrong("it cannot be read as a URL") from None
    if parts.scheme not in (*_PLAIN, *_SENTINEL):
        raise _wrong(f"the scheme is {parts.scheme[:40]!r}, must be one of {', '.join((*_PLAIN, *_SENTINEL))}")
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise _wrong(f"there is no option {unknown[0][:40]!r}; known are {', '.join(_OPTIONS)}")
    prefix = options.pop("prefix", DEFAULT_PREFIX)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    settings: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_WITHIN,
        "socket_timeout": SILENT_FOR,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "client_name": "voyant-cloud",
    }
    if password:
        settings["password"] = password
    try:
        if parts.scheme in _SENTINEL:
            pool = _by_sentinel(parts.scheme, parts.netloc, parts.path, options, settings)
            return Address(shown, prefix, pool.make_connection, partial(_close_all, pool.sentinel_manager))
        query = f"?{urlencode(options)}" if options else ""
        plain = f"{parts.scheme}://{parts.netloc}{parts.path}{query}"
        return Address(shown, prefix, ConnectionPool.from_url(plain, **settings).make_connection)
    except VoyantConfigError:
        raise
    except ValueError:
        raise _wrong("a host, a port from 1 to 65535 and a database number are expected") from None


def _by_sentinel(
    scheme: str, netloc: str, path: str, options: dict[str, str], settings: dict[str, Any]
) -> SentinelConnectionPool:
    credentials, _, listed = netloc.rpartition("@")
    service, _, db = path.strip("/").partition("/")
    if not service:
        raise _wrong("a Sentinel URL ends with the name of its service: redis+sentinel://host:26379/mymaster")
    settings.update({name: value for name, value in options.items() if name.startswith("ssl_")})
    if scheme.startswith("rediss"):
        settings["ssl"] = True
    user, _, secret = credentials.partition(":")
    if secret and "password" not in settings:
        settings["password"] = unquote(secret)
    if user:
        settings["username"] = unquote(user)
    settings["db"] = int(options.get("db", db or 0))
    hosts = [_host_and_port(each) for each in listed.split(",")]
    found_by = {name: settings[name] for name in ("socket_connect_timeout", "socket_timeout", "retry", "protocol")}
    sentinel = Sentinel(hosts, sentinel_kwargs=found_by)
    return SentinelConnectionPool(service, sentinel, **settings)


async def _close_all(sentinel: Sentinel) -> None:
    for client in sentinel.sentinels:
        await client.aclose()


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise _wrong("a Sentinel has no host")
    return parts.hostname, parts.port or 26_379


def _wrong(problem: str) -> VoyantConfigError:
    return VoyantConfigError(f"engine: {problem}")
