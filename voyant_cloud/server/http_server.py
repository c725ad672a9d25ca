"""aiohttp's HTTP server with this project's manners where no route is reached yet.

aiohttp answers what it cannot parse by itself, in plain text, and logs the exception, which holds the request line and
so a token. It also waits for ever for a request that never becomes whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web
from aiohttp.http import WebSocketReader
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from voyant_cloud.server.answers import error_response, new_request_id
from voyant_cloud.server.refusal import Refusal

__all__ = ["IDLE_FOR", "Runner"]

HEAD_WITHIN: Final = 10.0
"""Seconds in which a request's head must be whole, from the connection or from its first byte on."""
IDLE_FOR: Final = 75.0
"""Seconds that a connection may wait for its next request."""
FLUSH_WITHIN: Final = 1.0
"""Seconds that a peer has, when the server stops, to take what was written to it."""
FINISH_WITHIN: Final = 1.0
"""Seconds that requests under way have, when the server stops, to become whole and be answered."""
_LOOK_EVERY: Final = 0.01
_log = logging.getLogger("voyant_cloud.server")


class _Protocol(RequestHandler):
    """One HTTP connection."""

    __slots__ = ("_lost", "_reader", "_requests_before", "_watch")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, and begin to wait for the first head."""
        super().connection_made(transport)
        self._lost: asyncio.Future[None] | None = None
        self._reader: WebSocketReader | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes. Those that complete no request and belong to none are part of another head."""
        if self._reader is not None:
            # Past what aiohttp looks at first: on a busy WebSocket this is called for every frame.
            self._reader.feed_data(data)
            return
        before = self._request_count
        super().data_received(data)
        if self._request_count == before and self._current_request is None and not self._is_watched():
            self._watch_head()

    def set_parser(self, parser: WebSocketReader, data_received_cb: Callable[[], None] | None = None) -> None:
        """Have all that comes read by what reads an upgraded socket, with what came before."""
        super().set_parser(parser, data_received_cb)
        self._reader = parser

    @property
    def is_answering(self) -> bool:
        """Whether a request is under way, or waits for the rest of its body; a WebSocket is none."""
        return self._request_in_progress and not self._upgraded

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let go of the connection."""
        if self._watch is not None:
            self._watch.cancel()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        self._reader = None
        super().connection_lost(exc)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """End the connection. A peer that does not take what was written gets a moment for it, and no more."""
        transport = self.transport
        # Only now: it would take its part of every connection's memory.
        lost = self._lost = self._lost or asyncio.get_running_loop().create_future()
        await super().shutdown(timeout)
        # aiohttp leaves it at close(), which waits for such a peer for ever, and the loop would end before it.
        if transport is not None and not (await asyncio.wait([lost], timeout=FLUSH_WITHIN))[0]:
            transport.abort()
            await asyncio.wait([lost])

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer with the envelope, and log what kind of failure it was without its text."""
        request_id = new_request_id()
        kind = type(exc).__name__ if exc is not None else "unknown"
        fields = {"status": status, "request_id": request_id}
        _log.warning("%s: a request could not be handled: %d %s", request_id, status, kind, extra=fields)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was under way already")
        refusal = (
            Refusal("internal", "the service failed; quote the request id")
            if status >= 500
            else Refusal("invalid_request", "the request is not HTTP that this server reads, or its head is too long")
        )
        response = error_response(refusal, request_id)
        response.headers["x-request-id"] = request_id
        response.force_close()
        return response

    def _is_watched(self) -> bool:
        return self._watch is not None and self._requests_before == self._request_count

    def _watch_head(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._requests_before = self._request_count
        self._watch = asyncio.get_running_loop().call_later(HEAD_WITHIN, self._drop_if_incomplete)

    def _drop_if_incomplete(self) -> None:
        incomplete = self._is_watched() and self._current_request is None
        self._watch = None
        if incomplete and self.transport is not None:
            self.transport.abort()


class _HttpServer(web.Server):
    """Makes the protocol for each connection."""

    def __call__(self) -> RequestHandler:
        """Make one."""
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's runner, with the server above."""

    __slots__ = ()

    async def cleanup(self) -> None:
        """Take no more connections, have requests answered that are under way, and close everything.

        aiohttp throws away what comes of a body after it began to close, and its request then waits for nothing.
        """
        for site in self.sites:
            await site.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_WITHIN):
                while self._is_answering():
                    await asyncio.sleep(_LOOK_EVERY)
        await super().cleanup()

    def _is_answering(self) -> bool:
        connections = self.server.connections if self.server is not None else ()
        return any(isinstance(each, _Protocol) and each.is_answering for each in connections)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _HttpServer(
            made.request_handler, request_factory=made.request_factory, loop=asyncio.get_running_loop(), **made._kwargs
        )
