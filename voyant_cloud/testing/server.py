"""The embedded server in a thread: started in a ``with`` block, real sockets, a free port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, TypeVar

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.server.api_keys import generate_api_key
from voyant_cloud.server.app import Server, new_engine
from voyant_cloud.server.config import MEMORY, load_config
from voyant_cloud.server.loop import loop_factory
from voyant_cloud.testing import environment
from voyant_cloud.testing.arguments import read_retry_after, read_seconds, read_status, read_times
from voyant_cloud.testing.faults import Delay, DroppedAnswer, Fault, FaultKind, Faults, RefusedRequest
from voyant_cloud.testing.recorder import Record, RecordingEngine

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

    Faults are in force from the call that begins them to the end of its ``with`` block, or until ``recover()``,
    ``stop()`` or ``reset()``::

        with server.refuse(503, retry_after=1):
            ...

    They concern every request, the one for a channel's token included, and may be combined: what is refused is late or
    loses its answer like what is done. Of two refusals a request meets the one that began first, and only that counts
    it; so it is with lost answers. Delays add up.

    Args:
        data: the database's file; ``:memory:`` keeps nothing over a restart.
        port: the port; 0 picks a free one.
        api_key: ``KEY`` or ``KEY:scope,scope``; one is made where none is given.
        limits: the server's limits by name, see ``voyant_cloud.server.limits.Limits``.
        settings: further fields of ``voyant_cloud.server.config.ServerConfig``.

    Attributes:
        url: the base URL for clients, once it runs.
        api_key: a key for it.
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
        self._record = Record()
        self._faults = Faults()
        self._resumed = threading.Event()
        self._resumed.set()
        # Held by whoever starts, stops, pauses or asks: nothing that is asked may wait behind a pause, or for a loop
        # that has ended. The end of a pause needs no lock.
        self._lock = threading.RLock()
        self.url = ""

    def start(self) -> VoyantServer:
        """Start serving and return once the port answers.

        Raises:
            VoyantConfigError: it cannot start; the message says why.
        """
        with self._lock:
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
        """Stop serving; connections are told to come back. Ends every fault. Safe to call twice."""
        with self._lock:
            if self._thread is None:
                return
            self.recover()
            self._require_loop().call_soon_threadsafe(self._leave.set)
            self._thread.join()
            self._thread = None

    def restart(self) -> None:
        """Stop and start again on the same port."""
        with self._lock:
            self.stop()
            self.start()

    def reset(self) -> None:
        """Forget everything, as a server that was just started on this port: messages, presence, connections, faults.

        It takes some milliseconds, or none where nothing has come to the server. Channels that are open connect again,
        and are told of a gap.

        Raises:
            VoyantConfigError: the server keeps its data in a file.
        """
        if self._config.data != MEMORY:
            raise VoyantConfigError(f"reset: is for a server in memory, this one keeps its data in {self._config.data}")
        with self._lock:
            if self._is_untouched():
                return
            self.stop()
            self._record.clear()
            self._faults.has_met = False
            self.start()

    # What goes on

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which another process finds this server, past any proxy; for this one: ``in_environment``.

        Raises:
            VoyantConfigError: the server was not started yet, so it has no address.
        """
        return environment.variables_for(self.api_key, self._require_url())

    def in_environment(self) -> AbstractContextManager[None]:
        """Have the application under test find this server, to the end of the ``with`` block.

        ``get_voyant_cloud_client()`` finds it by the environment. Where Django is set up, its setting ``VOYANT_CLOUD``
        is overridden, so that ``get_client()`` and all that publishes by it do, too. A restart changes nothing of it.

        Raises:
            VoyantConfigError: the server was not started yet, so it has no address.
        """
        return environment.in_environment(self.api_key, self._require_url())

    @property
    def messages(self) -> list[RealtimeMessageSummary]:
        """Every message that was stored, oldest first, also what history no longer holds.

        They are known over restarts, while the server is paused, and after its end; only ``reset()`` forgets them.
        """
        return self._record.summaries()

    @property
    def connections(self) -> int:
        """How many WebSockets are open now."""
        return self._ask(lambda server: len(server.context.connections))

    # Faults

    def drop_connections(self) -> int:
        """Cut every WebSocket without a word, as a network does, and return how many there were."""
        return self._ask(lambda server: server.drop_connections())

    def refuse(self, status: int, *, retry_after: int | None = None, times: int | None = None) -> Fault:
        """Answer every REST call and every WebSocket upgrade with an error, before anything is stored.

        Args:
            status: the HTTP status, 400 to 599.
            retry_after: whole seconds for the ``Retry-After`` header, 0 or more; ``None`` leaves it out.
            times: how many of them to refuse, 1 or more; ``None`` for all until the fault is ended.

        Raises:
            VoyantConfigError: an argument is out of range, or the server is not running or paused.
        """
        status = read_status("refuse", status)
        retry_after, times = read_retry_after("refuse", retry_after), read_times("refuse", times)
        return self._begin(lambda: RefusedRequest(status, retry_after, times))

    def delay(self, seconds: float, *, times: int | None = None) -> Fault:
        """Have every REST answer, a refusal too, and every WebSocket upgrade wait.

        What a REST call asks for is done at once: a publish whose client has given up by then is stored. Open
        WebSockets are not concerned. The end of the fault lets go of what still waits.

        Args:
            seconds: how long, above 0 and up to 86,400.
            times: how many of them to delay, 1 or more; ``None`` for all until the fault is ended.

        Raises:
            VoyantConfigError: an argument is out of range, or the server is not running or paused.
        """
        seconds, times = read_seconds("delay", seconds), read_times("delay", times)
        return self._begin(lambda: Delay(seconds, times))

    def drop_answers(self, *, times: int | None = None) -> Fault:
        """Break the connection of every REST call once it is done or refused: its client cannot know which.

        Args:
            times: how many answers to drop, 1 or more; ``None`` for all until the fault is ended.

        Raises:
            VoyantConfigError: *times* is out of range, or the server is not running or paused.
        """
        times = read_times("drop_answers", times)
        return self._begin(lambda: DroppedAnswer(times))

    def pause(self) -> Fault:
        """Stop as a process that hangs: connections stay open, are taken even, and nothing is read or answered.

        Of this object only ``messages``, ``recover()``, ``stop()``, ``restart()`` and ``reset()`` work meanwhile.

        Raises:
            VoyantConfigError: the server is not running, or paused already.
        """
        resumed, held = threading.Event(), threading.Event()

        def hold() -> None:
            held.set()
            # The event loop itself waits here: there is no better likeness of a process that hangs.
            resumed.wait()

        with self._lock:
            loop = self._require_loop()
            self._resumed = resumed
            loop.call_soon_threadsafe(hold)
            held.wait()
        return Fault(resumed.set)

    def recover(self) -> None:
        """End every fault."""
        with self._lock:
            self._resumed.set()
            if self._thread is not None:
                self._ask(lambda _: self._faults.end_all())

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
        engine = RecordingEngine(new_engine(self._config), self._record)
        self._server = Server(self._config, engine=engine, middlewares=[self._faults.middleware])
        await self._server.start()
        started.set_result(self._server.url)
        try:
            await self._leave.wait()
        finally:
            await self._server.stop()

    def _begin(self, make: Callable[[], FaultKind]) -> Fault:
        def begin(_: Server) -> FaultKind:
            kind = make()
            self._faults.begin(kind)
            return kind

        kind = self._ask(begin)
        return Fault(lambda: self._end(kind))

    def _end(self, kind: FaultKind) -> None:
        with self._lock:
            # A server that was stopped meanwhile has ended it.
            if self._loop is None or self._thread is None:
                return
            if self._resumed.is_set():
                self._ask(lambda _: self._faults.end(kind))
            else:
                # Done first of all once the pause ends.
                self._loop.call_soon_threadsafe(self._faults.end, kind)

    def _ask(self, question: Callable[[Server], T]) -> T:
        async def on_loop() -> T:
            assert self._server is not None
            return question(self._server)

        with self._lock:
            loop = self._require_loop()
            return asyncio.run_coroutine_threadsafe(on_loop(), loop).result()

    def _is_untouched(self) -> bool:
        runs = self._thread is not None and self._resumed.is_set()
        return runs and not (self._faults.has_met or self._faults.are_any)

    def _require_url(self) -> str:
        # Without an address a client would take the hosted service.
        if not self.url:
            raise VoyantConfigError("VoyantServer: has no address yet; call start() or use it in a with block")
        return self.url

    def _require_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._thread is None:
            raise VoyantConfigError("VoyantServer: is not running; call start() or use it in a with block")
        if not self._resumed.is_set():
            raise VoyantConfigError("VoyantServer: is paused; end the pause first")
        return self._loop
