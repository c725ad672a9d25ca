"""One running server: its parts put together, started, looked after, drained and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import random
from collections.abc import Sequence
from typing import Any, Final

import attrs
from aiohttp import web
from aiohttp.typedefs import Middleware

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.server import http, metrics, ws
from voyant_cloud.server.answers import IDEMPOTENCY_SECONDS, answer, expect
from voyant_cloud.server.api_keys import ApiKeys
from voyant_cloud.server.config import MEMORY, ServerConfig
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.console.routes import console_routes
from voyant_cloud.server.context import CONTEXT, Context
from voyant_cloud.server.engine.base import Engine, EngineSetupError
from voyant_cloud.server.engine.memory import MemoryEngine
from voyant_cloud.server.engine.sqlite import SqliteEngine
from voyant_cloud.server.engine.timed import TimedEngine
from voyant_cloud.server.http_server import IDLE_FOR, Runner
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.secret_file import load_key_ring, load_or_create_key_ring
from voyant_cloud.server.tally import Tally
from voyant_cloud.server.tokens import KeyRing, Tokens, new_signing_key

__all__ = ["Server", "new_engine"]

TICK: Final = 1.0
KEEP_CHANNELS: Final = 30.0
"""Seconds that a channel without subscribers stays in memory: longer than most drops of a connection last."""
LINGER: Final = 2.0
"""Seconds that a refused body is still received, so that its sender gets to read the refusal."""
COME_BACK_WITHIN: Final = 5.0
"""Seconds over which clients that a drain sends away are told to return."""
_log = logging.getLogger("voyant_cloud.server")


class Server:
    """A server that is started, serves, and is stopped once, all on one event loop.

    Args:
        config: how it serves.
        engine: where messages and presence are kept; ``None`` takes what *config* asks for.
        middlewares: what each request passes on its way to its route, inside the one that names requests and answers
            failures: a ``Refusal`` that they raise becomes the error envelope.
    """

    def __init__(
        self, config: ServerConfig, *, engine: Engine | None = None, middlewares: Sequence[Middleware] = ()
    ) -> None:
        self._config = config
        self._tally = Tally(config.clock)
        self._engine = TimedEngine(engine or new_engine(config), self._tally)
        self._middlewares = middlewares
        keep = config.limits.history_messages
        self._hub = Hub(self._engine, keep_messages=keep, keep_for=KEEP_CHANNELS, tally=self._tally)
        self._runner: Runner | None = None
        self._ticking: asyncio.Task[None] | None = None
        self.context: Context

    @property
    def url(self) -> str:
        """The base URL that clients use, with the port that was picked."""
        assert self._runner is not None, "the server is not started"
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Open the engine and listen.

        Raises:
            VoyantConfigError: the store cannot be opened, or the address cannot be listened on.
        """
        try:
            await self._engine.open(self._hub)
        except EngineSetupError as error:
            field = "data" if self._config.engine is None else "engine"
            raise VoyantConfigError(f"{field}: {error}") from None
        try:
            # After the engine, which keeps a second server away from the files of the first.
            self.context = self._new_context(_key_ring(self._config))
            await self._listen()
        except BaseException:
            await self._close()
            raise
        self._ticking = asyncio.ensure_future(self._tick())

    async def drain(self) -> None:
        """Send every connection away, spread over ``drain_seconds``, while others are told that the server stops."""
        self.context.draining = True
        spread = self.context.config.drain_seconds
        leaving = [asyncio.ensure_future(self._send_away(each, spread)) for each in self.context.connections]
        if leaving:
            await asyncio.wait(leaving)

    async def stop(self) -> None:
        """Close what is still open, finish what was accepted, and let go of the store. Safe to call twice."""
        self.context.draining = True
        if self._ticking is not None:
            self._ticking.cancel()
        for connection in tuple(self.context.connections):
            connection.close(CloseCode.SERVICE_RESTART, "retry-after=0.5")
        await self._close()

    def adopt(self, config: ServerConfig, ring: KeyRing) -> None:
        """Take other API keys, origins and signing keys for all that is asked from now on; open connections stay.

        Args:
            config: where the keys and origins are; nothing else of it is taken.
            ring: the signing keys.
        """
        running = self.context.config
        keys, tokens = ApiKeys(config.api_keys), Tokens(ring, running.clock)
        taken = attrs.evolve(
            running,
            api_keys=config.api_keys,
            made_up_key=config.made_up_key,
            allowed_origins=config.allowed_origins,
        )
        self.context.config, self.context.keys, self.context.tokens = taken, keys, tokens

    def drop_connections(self) -> int:
        """Cut every WebSocket without a word, as a network does, and return how many there were."""
        connections = tuple(self.context.connections)
        for connection in connections:
            connection.abort()
        return len(connections)

    def _new_context(self, ring: KeyRing) -> Context:
        return Context(
            config=self._config,
            engine=self._engine,
            hub=self._hub,
            keys=ApiKeys(self._config.api_keys),
            tokens=Tokens(ring, self._config.clock),
            tally=self._tally,
        )

    async def _listen(self) -> None:
        host, port = self._config.host, self._config.port
        self._runner = Runner(
            self._app(),
            access_log=None,
            shutdown_timeout=1.0,
            handle_signals=False,
            keepalive_timeout=IDLE_FOR,
            lingering_time=LINGER,
            # No client of this service compresses what it sends, and a body that unpacks to anything is a trap.
            auto_decompress=False,
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port, backlog=1024).start()
        except OSError as error:
            problem = f"cannot listen on {host}:{port}: {error.strerror or error}"
            raise VoyantConfigError(f"host, port: {problem}") from None

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        await self._engine.close()

    def _app(self) -> web.Application:
        app = web.Application(
            middlewares=[answer, *self._middlewares], client_max_size=self.context.config.limits.batch_bytes
        )
        app[CONTEXT] = self.context
        app[metrics.METRICS] = metrics.Metrics(self.context)
        console = console_routes() if self._config.serves_console else []
        for route in (*http.routes, *metrics.routes, *ws.routes, *console):
            assert isinstance(route, web.RouteDef)
            app.add_routes([attrs.evolve(route, kwargs={**route.kwargs, "expect_handler": expect})])
        return app

    async def _send_away(self, connection: Connection, spread: float) -> None:
        await asyncio.sleep(random.uniform(0, spread))  # noqa: S311 - spreads load, guards nothing
        back_in = random.uniform(0, COME_BACK_WITHIN)  # noqa: S311
        connection.close(CloseCode.SERVICE_RESTART, f"retry-after={back_in:.1f}")

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK
            await asyncio.sleep(TICK)
            now, clock = loop.time(), self.context.config.clock()
            self._tally.loop_lag.observe(now - due)
            for connection in tuple(self.context.connections):
                with contextlib.suppress(ConnectionError):
                    connection.tick(now, clock)


def _key_ring(config: ServerConfig) -> KeyRing:
    if config.secret_path is None:
        return KeyRing((new_signing_key(),))
    if config.engine is not None:
        # One that is made here would be another one on each machine.
        return load_key_ring(config.secret_path)
    return load_or_create_key_ring(config.secret_path)


def new_engine(config: ServerConfig) -> Engine:
    """Make the engine that a configuration asks for; the server opens it.

    Raises:
        VoyantConfigError: its URL is wrong, or its extra is not installed.
    """
    limits = config.limits
    kept: dict[str, Any] = {
        "history_messages": limits.history_messages,
        "history_seconds": limits.history_seconds,
        "idempotency_seconds": IDEMPOTENCY_SECONDS,
        "clock": config.clock,
    }
    if config.engine is None:
        return MemoryEngine(**kept) if config.data == MEMORY else SqliteEngine(config.data, **kept)
    try:
        # Only where it is asked for: the server runs without the extra.
        redis, address = (
            importlib.import_module(f"voyant_cloud.server.engine.{name}") for name in ("redis", "redis_address")
        )
    except ImportError:
        raise VoyantConfigError('engine: this needs Redis\'s client; run: pip install "voyant-cloud[redis]"') from None
    engine: Engine = redis.RedisEngine(address.parse_address(config.engine, password=config.engine_password), **kept)
    return engine
