"""The embedded server in a thread: started in a ``with`` block, real sockets, a free port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.api_keys import generate_api_key
from voyant_cloud.server.app import Server
from voyant_cloud.server.config import MEMORY, load_config
from voyant_cloud.server.loop import loop_factory

__all__ = ["VoyantServer"]

T = TypeVar("T")
START_WITHIN = 30.0


class VoyantServer:
    """A live server for tests and demonstrations.

    ::

        with VoyantServer() as server:
            client = VoyantCloudClient(api_key=server.api_key, base_url=server.url)

    Its methods may be called from any thread. It can be stopped and started again, on the same port and, with a file
    for *data*, with everything it had.

    Args:
        data: the database's file; ``:memory:`` keeps nothing over a restart.
        port: the port; 0 picks a free one.
        api_key: ``KEY`` or ``KEY:scope,scope``; one is made where none is given.
        limits: the server's limits by name, see ``voyant_cloud.server.limits.Limits``.
        settings: further fields of ``voyant_cloud.server.config.ServerConfig``.
    """

    def __init__(
        self,
        *,
        data: str = MEMORY,
        port: int = 0,
        api_key: str | None = None,
        limits: dict[str, float] | None = None,
        **settings: Any,
    ) -> None:
        text = api_key or generate_api_key()
        self.api_key = text.partition(":")[0]
        self._config = load_config(data=data, port=port, api_keys=[text], limits=limits, env={}, **settings)
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._leave: asyncio.Event
        self.url = ""

    def start(self) -> VoyantServer:
        """Start serving and return once the port answers.

        Raises:
            VoyantConfigError: it cannot start; the message says why.
        """
        if self._thread is not None:
            raise VoyantConfigError("VoyantServer: is running already")
        started: Future[str] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="voyant-server", daemon=True)
        self._thread.start()
        try:
            self.url = started.result(START_WITHIN)
        except BaseException:
            self._thread.join()
            self._thread = None
            raise
        port = int(self.url.rpartition(":")[2])
        self._config = attrs.evolve(self._config, port=port)
        return self

    def stop(self) -> None:
        """Stop serving; connections are told to come back. Safe to call twice."""
        if self._thread is None:
            return
        self._require_loop().call_soon_threadsafe(self._leave.set)
        self._thread.join()
        self._thread = None

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def drop_connections(self) -> int:
        """Cut every WebSocket without a word, as a network does, and return how many there were."""
        return self._ask(lambda server: server.drop_connections())

    @property
    def connections(self) -> int:
        """How many WebSockets are open now."""
        return self._ask(lambda server: len(server.context.connections))

    def __enter__(self) -> VoyantServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, started: Future[str]) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve(started))
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._leave = asyncio.Event()
        self._server = Server(self._config)
        await self._server.start()
        started.set_result(self._server.url)
        try:
            await self._leave.wait()
        finally:
            await self._server.stop()

    def _ask(self, question: Callable[[Server], T]) -> T:
        loop = self._require_loop()

        async def on_loop() -> T:
            assert self._server is not None
            return question(self._server)

        return asyncio.run_coroutine_threadsafe(on_loop(), loop).result()

    def _require_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._thread is None:
            raise VoyantConfigError("VoyantServer: is not running; call start() or use it in a with block")
        return self._loop
