"""What an answer of the service says: the data of a success, the error of a failure. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import attrs

from voyant_cloud import jsontext
from voyant_cloud.converter import structure
from voyant_cloud.errors import VoyantApiError, VoyantDecodeError, VoyantValidationError, api_error
from voyant_cloud.retry import parse_retry_after
from voyant_cloud.urls import redact

__all__ = ["Answer", "read_data", "read_error"]

T = TypeVar("T")

_MAX_MESSAGE: Final = 500
_MAX_BODY_TEXT: Final = 2000
_MAX_HOST: Final = 260
# Beside "data", these tell a message or a member that stands in the body by itself from an envelope around one.
_MODEL_KEYS: Final = frozenset({"id", "event", "clientId"})


@attrs.frozen
class Answer:
    """What the service answered.

    Attributes:
        status: the HTTP status.
        headers: the headers; looked up in lower case.
        content: the body.
        request: the method and path that it answers, for messages.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    request: str


def read_data(answer: Answer, as_type: type[T]) -> T:
    """Return the data of a success as models.

    Args:
        answer: an answer with a 2xx status.
        as_type: a generated model, or ``list[...]`` of one.

    Raises:
        VoyantDecodeError: the body is not that; it names the JSON path and the request.
    """
    path = "$"
    try:
        data = jsontext.loads(answer.content, strict=False)
        if _is_envelope(data):
            path, data = "$.data", data["data"]
        return structure(data, as_type)
    except jsontext.JsonTextError as error:
        raise _decode_error(answer, path, f"the body {error}") from None
    except VoyantValidationError as error:
        # The caller broke no limit: the service did.
        raise _decode_error(answer, path, str(error)) from None
    except VoyantDecodeError as error:
        raise _decode_error(answer, path + error.path.removeprefix("$"), error.problem) from None


def read_error(answer: Answer, *, now: dt.datetime) -> VoyantApiError:
    """Return the error that a failure stands for, whatever its body is: the contract's, other JSON, text or nothing.

    Args:
        answer: an answer with a status of 300 or above.
        now: the present time, aware, to measure a date in ``Retry-After`` from.
    """
    body = _body_of(answer.content)
    fields = body if isinstance(body, dict) else {}
    return api_error(
        status=answer.status,
        code=_text(fields.get("code")),
        message=_message(answer, body),
        request_id=answer.headers.get("x-request-id") or _text(fields.get("requestId")),
        body=body,
        retry_after=parse_retry_after(answer.headers.get("retry-after"), now=now),
    )


def _is_envelope(body: Any) -> bool:
    return isinstance(body, dict) and "data" in body and _MODEL_KEYS.isdisjoint(body)


def _decode_error(answer: Answer, path: str, problem: str) -> VoyantDecodeError:
    request_id = answer.headers.get("x-request-id")
    reference = f", request {request_id}" if request_id else ""
    return VoyantDecodeError(
        _printable(path), _printable(f"{problem} (answer {answer.status} to {answer.request}{reference})")
    )


def _body_of(content: bytes) -> Any:
    try:
        return jsontext.loads(content, strict=False)
    except jsontext.JsonTextError:
        return content.decode("utf-8", "replace")[:_MAX_BODY_TEXT]


def _message(answer: Answer, body: Any) -> str:
    location = answer.headers.get("location")
    if answer.status < 400 and location:
        return f"redirects to {_host_of(location)}, and no redirect is followed; is base_url right?"
    said = _words_in(body)
    return redact(said[:_MAX_MESSAGE]) if said else _phrase(answer.status)


def _host_of(location: str) -> str:
    """Return where *location* leads, without a user name and password."""
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "an address that is none"
    if not host:
        return "the same host"
    # The colons of an IPv6 address must not run into the port.
    shown = f"[{host}]" if ":" in host else host
    return (shown if port is None else f"{shown}:{port}")[:_MAX_HOST]


def _words_in(body: Any) -> str | None:
    if isinstance(body, dict):
        return _text(body.get("error")) or _text(body.get("message"))
    # Markup is a proxy's error page, and says no more than the status does.
    return None if not isinstance(body, str) or body.lstrip().startswith("<") else _printable(body.strip())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "the service gave no reason"


def _text(value: Any) -> str | None:
    return _printable(value) if isinstance(value, str) and value else None


def _printable(text: str) -> str:
    # JSON may hold lone surrogates, which no stream takes: the error could not be printed.
    return text.encode("utf-8", "backslashreplace").decode()
