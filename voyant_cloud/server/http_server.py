"""aiohttp's HTTP server with this project's manners where no route is reached yet.

aiohttp answers what it cannot parse by itself, in plain text, and logs the exception, which holds the request line and
so a token. It also waits long for a request that never becomes whole.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest

from voyant_cloud.server.answers import error_response, new_request_id
from voyant_cloud.server.refusal import Refusal

__all__ = ["Runner"]

FIRST_REQUEST_WITHIN: Final = 10.0
_log = logging.getLogger("voyant_cloud.server")


class _Protocol(RequestHandler):
    """One HTTP connection."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; one that sends no whole request in time is dropped."""
        super().connection_made(transport)
        asyncio.get_running_loop().call_later(FIRST_REQUEST_WITHIN, self._drop_if_silent)

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
        _log.warning("%s: a request could not be handled: %d %s", request_id, status, kind)
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

    def _drop_if_silent(self) -> None:
        if self._request_count == 0 and self.transport is not None:
            self.transport.abort()


class _HttpServer(web.Server):
    """Makes the protocol for each connection."""

    def __call__(self) -> RequestHandler:
        """Make one."""
        return _Protocol(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's runner, with the server above."""

    __slots__ = ()

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _HttpServer(
            made.request_handler, request_factory=made.request_factory, loop=asyncio.get_running_loop(), **made._kwargs
        )
