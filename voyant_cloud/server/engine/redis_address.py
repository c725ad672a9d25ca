"""Which Redis a URL means: one server, a primary that Sentinels know, or a Cluster; with TLS, and without secrets."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from voyant_cloud.server.engine.redis_url import FILES, RedisUrl, read_url, wrong

__all__ = ["Address", "parse_address"]

CONNECT_WITHIN: Final = 2.0
"""Seconds to reach one server."""
SILENT_FOR: Final = 4.0
"""Seconds without an answer after which a connection is given up."""


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
    """Read the URL of an engine. Files that it names are looked into; nothing is connected to.

    Args:
        url: ``redis://[user:password@]host[:port][/db]``, ``rediss://…`` for TLS, ``unix:///path``, or
            ``redis+sentinel://host[:port],…/service[/db]`` (``rediss+sentinel://…``). Options behind a ``?`` are
            ``prefix``, ``db``, ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile`` and ``ssl_check_hostname``.
        password: the password of Redis, so that the URL needs none; it counts before the URL's.

    Raises:
        VoyantConfigError: it is no such URL, or a file cannot be used; the message names the part, and shows no secret.
    """
    said = read_url(url)
    _require_files(said)
    try:
        address = Address(said.shown, said.prefix, _pool(said, password or said.password))
        # It makes the objects only, and finds out now what the client refuses.
        address.new_connection()
    except Exception as error:  # noqa: BLE001 - whatever a version of the client does not take
        # Of which kind, but not its words: they may hold what was given.
        raise wrong(f"Redis's client cannot use {said.shown} ({type(error).__name__})") from None
    return address


def _pool(said: RedisUrl, password: str | None) -> ConnectionPool:
    found_by: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_WITHIN,
        "socket_timeout": SILENT_FOR,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    settings = {**found_by, "client_name": "voyant-cloud", "db": said.db, "username": said.user, "password": password}
    if said.tls:
        settings |= {**said.files, "ssl_check_hostname": said.check_hostname}
    if said.service is not None:
        sentinel = Sentinel(said.hosts, sentinel_kwargs=found_by)
        return SentinelConnectionPool(said.service, sentinel, ssl=said.tls, **settings)
    if said.socket is not None:
        return ConnectionPool(UnixDomainSocketConnection, path=said.socket, **settings)
    [(host, port)] = said.hosts
    return ConnectionPool(SSLConnection if said.tls else Connection, host=host, port=port, **settings)


def _require_files(said: RedisUrl) -> None:
    for name, path in said.files.items():
        with _problem_with(f"{name}: {path!r} cannot be read"), Path(path).open("rb") as file:
            file.read(1)
    authorities, certificate, key = (said.files.get(each) for each in FILES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is not None:
        with _problem_with(f"ssl_ca_certs: {authorities!r} holds no certificates as PEM"):
            context.load_verify_locations(authorities)
    if certificate is not None:
        pair = f"{certificate!r} and ssl_keyfile: {key!r} are" if key else f"{certificate!r} is"
        with _problem_with(f"ssl_certfile: {pair} no certificate and its key as PEM, without a password"):
            # With a password of no letters nobody is asked for one.
            context.load_cert_chain(certificate, key, password="")


@contextlib.contextmanager
def _problem_with(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError:
        # All that TLS adds is a place in its own source.
        raise wrong(what) from None
    # A path may hold a NUL, which is a ValueError.
    except (OSError, ValueError) as error:
        raise wrong(f"{what}: {getattr(error, 'strerror', None) or error}") from None
