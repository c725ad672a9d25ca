"""Which Redis a URL means: one server, a primary that Sentinels know, or a Cluster; with TLS, and without secrets."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

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


class Address:
    """Where the engine connects to; for one event loop, on which all of a node's connections share it.

    Args:
        shown: the URL without user name and password, for people.
        prefix: tells the deployment from others on the same Redis.
        pool: makes connections; none is kept in it.
    """

    def __init__(self, shown: str, prefix: str, pool: ConnectionPool) -> None:
        self.shown = shown
        self.prefix = prefix
        self._pool = pool
        self._given = {
            name: pool.connection_kwargs[name] for name in ("host", "port") if name in pool.connection_kwargs
        }

    @property
    def database(self) -> int:
        """The number of the database on it."""
        return int(self._pool.connection_kwargs.get("db") or 0)

    def __repr__(self) -> str:
        return f"Address({self.shown!r}, prefix={self.prefix!r})"

    def new_connection(self) -> AbstractConnection:
        """Make a connection that is not open yet. Opening it looks up which server to talk to."""
        connection: AbstractConnection = self._pool.make_connection()
        return connection

    def follow(self, host: str, port: int) -> None:
        """Have further connections go where a Cluster said that the deployment's names are.

        Args:
            host: its host; empty for the one that said so.
            port: its port.
        """
        if self._given:
            self._pool.connection_kwargs["port"] = port
            if host:
                self._pool.connection_kwargs["host"] = host

    def start_over(self) -> None:
        """Have further connections go where the URL says, since the one that was followed cannot be reached."""
        given: Any = self._pool.connection_kwargs
        given.update(self._given)

    async def close(self) -> None:
        """Let go of the connections on which Sentinels were asked."""
        if isinstance(self._pool, SentinelConnectionPool):
            for client in self._pool.sentinel_manager.sentinels:
                await client.aclose()


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
            return Address(shown, prefix, _by_sentinel(parts.scheme, parts.netloc, parts.path, options, settings))
        query = f"?{urlencode(options)}" if options else ""
        plain = f"{parts.scheme}://{parts.netloc}{parts.path}{query}"
        return Address(shown, prefix, ConnectionPool.from_url(plain, **settings))
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


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise _wrong("a Sentinel has no host")
    return parts.hostname, parts.port or 26_379


def _wrong(problem: str) -> VoyantConfigError:
    return VoyantConfigError(f"engine: {problem}")
