"""Every answer's shape: the ``{data}`` and error envelopes, ``x-request-id``, and the access log."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.server.context import CONTEXT
from voyant_cloud.server.engine.base import EngineError
from voyant_cloud.server.refusal import Refusal, refusal_of

__all__ = [
    "IDEMPOTENCY_SECONDS",
    "LOG_LEVEL",
    "REQUEST_ID",
    "answer",
    "data_response",
    "error_response",
    "expect",
    "new_request_id",
]

IDEMPOTENCY_SECONDS: Final = 300
REQUEST_ID: Final = web.RequestKey("request_id", str)
LOG_LEVEL: Final = web.RequestKey("log_level", int)
"""At which level the access log has a request, ``INFO`` where its handler says nothing."""
_access_log = logging.getLogger("voyant_cloud.server.access")
_log = logging.getLogger("voyant_cloud.server")
_OF_HTTP_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def data_response(text: str) -> web.Response:
    """Wrap JSON text in ``{"data": …}``."""
    return web.Response(text=f'{{"data":{text}}}', content_type="application/json")


def error_response(refusal: Refusal, request_id: str) -> web.Response:
    """Write a refusal as the error envelope."""
    body = {"error": refusal.message, "code": refusal.code, "requestId": request_id}
    response = web.Response(text=jsontext.dumps(body), status=refusal.status, content_type="application/json")
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if refusal.status == 408:
        # What is left of the body would be read as the next request.
        response.force_close()
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def expect(request: web.Request) -> None:
    """Answer ``Expect: 100-continue``, and pass over other expectations, which HTTP allows.

    aiohttp's own would refuse them before a request has its id and its place in the log.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def new_request_id() -> str:
    """Name a request."""
    return "req_" + secrets.token_hex(8)


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id, every failure the envelope, and write the access log.

    The log holds the path without its query, since ``token=`` stands there.
    """
    request_id = request[REQUEST_ID] = new_request_id()
    started = time.monotonic()
    response = await _answer(request, handler, request_id)
    if not response.prepared:
        if request.app[CONTEXT].draining:
            # Its next request goes to a node that stays.
            response.force_close()
        response.headers["x-request-id"] = request_id
        response.headers["x-voyant-idempotency"] = str(IDEMPOTENCY_SECONDS)
    elapsed = (time.monotonic() - started) * 1000
    _log_access(request, response.status, elapsed)
    return response


def _log_access(request: web.Request, status: int, ms: float) -> None:
    level, method, path = request.get(LOG_LEVEL, logging.INFO), request.method, request.rel_url.raw_path
    request_id = request[REQUEST_ID]
    fields = {"method": method, "path": path, "status": status, "ms": round(ms, 1), "request_id": request_id}
    _access_log.log(level, "%s %s %d %.1fms %s", method, path, status, ms, request_id, extra=fields)


async def _answer(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return _refuse(request, refusal, request_id)
    except (VoyantDecodeError, VoyantValidationError, EngineError) as error:
        if isinstance(error, EngineError):
            _log.error("%s: %s", request_id, error, extra={"request_id": request_id})
        return _refuse(request, refusal_of(error), request_id)
    except web.HTTPException as error:
        return _of_http(request, error, request_id)
    except ConnectionError:
        # The peer is gone; there is nobody to answer and nothing of ours is wrong.
        raise
    except Exception:  # noqa: BLE001 - the edge of the server: whatever it is, the caller gets the envelope
        _log.exception("%s: unexpected failure", request_id, extra={"request_id": request_id})
        return _refuse(request, Refusal("internal", "the service failed; quote the request id"), request_id)


def _refuse(request: web.Request, refusal: Refusal, request_id: str) -> web.Response:
    request.app[CONTEXT].tally.refused("http", refusal.code)
    return error_response(refusal, request_id)


def _of_http(request: web.Request, error: web.HTTPException, request_id: str) -> web.Response:
    code = _OF_HTTP_STATUS.get(error.status, "invalid_request")
    words = {
        "not_found": "there is nothing at this path",
        "method_not_allowed": f"this path does not take that method; allowed: {error.headers.get('Allow', '')}",
        "payload_too_large": "the body is over the limit",
    }
    response = _refuse(request, Refusal(code, words.get(code, error.reason)), request_id)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
