"""What an answer says: data, or an error, whatever the body is."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from voyant_cloud.envelope import Answer, read_data, read_error
from voyant_cloud.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    RateLimitedError,
    ServiceUnavailableError,
    UnauthorizedError,
    VoyantApiError,
    VoyantDecodeError,
)
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember

NOW = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)
MESSAGE = {
    "id": "rtm_1",
    "channel": "orders:eu",
    "event": "order.updated",
    "data": {"data": 1},
    "publishedAt": "2026-11-24T09:30:00.000Z",
}
MEMBER = {"clientId": "user_42", "data": None, "joinedAt": "2026-11-24T09:30:00.000Z"}


def made(body: Any, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CaseInsensitiveDict(named), content, "GET /path")


def test_envelope_is_unwrapped() -> None:
    """The data of an envelope is what is returned, further keys beside it do no harm."""
    [message] = read_data(made({"data": [MESSAGE], "meta": {"page": 1}}), list[RealtimeMessageSummary])
    assert message.id == "rtm_1"
    assert message.data == {"data": 1}


def test_bare_message_is_no_envelope() -> None:
    """A message that comes without an envelope is not mistaken for one because it has data."""
    assert read_data(made(MESSAGE), RealtimeMessageSummary).data == {"data": 1}


def test_bare_member_is_no_envelope() -> None:
    """The same for a member of presence."""
    assert read_data(made(MEMBER), RealtimePresenceMember).client_id == "user_42"


def test_bare_list() -> None:
    """A body without data is returned as it is."""
    assert read_data(made([MEMBER]), list[RealtimePresenceMember])[0].client_id == "user_42"


@pytest.mark.parametrize(
    ("body", "path", "problem"),
    [
        (b"", "$", "not JSON"),
        (b"<html>", "$", "not JSON"),
        (b'{"data": ', "$", "not JSON"),
        (b"\xff", "$", "not UTF-8"),
        ({"data": None}, "$.data", "array"),
        ({"data": [MESSAGE, {**MESSAGE, "publishedAt": 5}]}, "$.data[1].publishedAt", "ISO 8601"),
        ({"data": [{name: MESSAGE[name] for name in MESSAGE if name != "id"}]}, "$.data[0].id", "missing"),
        ([{**MESSAGE, "event": None}], "$[0].event", "string"),
        ({"data": [{**MESSAGE, "event": "\ud800"}]}, "$.data", "lone surrogate"),
    ],
)
def test_undecodable(body: Any, path: str, problem: str) -> None:
    """The error names the place in the body, the status, the request and its id."""
    with pytest.raises(VoyantDecodeError) as caught:
        read_data(made(body, x_request_id="req_1"), list[RealtimeMessageSummary])
    assert caught.value.path == path
    assert problem in caught.value.problem
    assert "answer 200 to GET /path, request req_1" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", InvalidRequestError),
        (401, "unauthorized", UnauthorizedError),
        (403, "forbidden", ForbiddenError),
        (404, "not_found", NotFoundError),
        (409, "conflict", ConflictError),
        (413, "payload_too_large", PayloadTooLargeError),
        (429, "rate_limited", RateLimitedError),
        (500, "internal", InternalError),
        (503, "service_unavailable", ServiceUnavailableError),
    ],
)
@pytest.mark.parametrize("with_body", [True, False])
def test_class_of_error(status: int, code: str, kind: type[VoyantApiError], with_body: bool) -> None:
    """Each code has its class, and the status says it where the body does not."""
    error = read_error(made({"error": "no", "code": code} if with_body else b"", status), now=NOW)
    assert type(error) is kind
    assert (error.status, error.code) == (status, code)


def test_unknown_code_keeps_its_text() -> None:
    """Codes are an open set."""
    error = read_error(made({"error": "no", "code": "quota_exceeded"}, 403), now=NOW)
    assert type(error) is ForbiddenError
    assert error.code == "quota_exceeded"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "the words", "message": "others"}, "the words"),
        ({"message": "the words"}, "the words"),
        ({"error": {"nested": 1}, "message": "the words"}, "the words"),
        (b"the words\n", "the words"),
        ("the words", "the words"),
        (b"", "Bad Gateway"),
        (b"<html>long</html>", "Bad Gateway"),
        ({}, "Bad Gateway"),
        ([1], "Bad Gateway"),
        (b'{"error": ', '{"error":'),
        ({"error": "x" * 1000}, "x" * 500),
        ({"error": "bad token=rtok_abc"}, "bad token=***"),
    ],
)
def test_message(body: Any, message: str) -> None:
    """The service's own words, wherever they stand; the status where there are none."""
    assert read_error(made(body, 502), now=NOW).message == message


@pytest.mark.parametrize("body", [b'{"error":"\\ud800","code":"\\ud800"}', b'"\\ud800"', b'{"message":"a\\udfff"}'])
def test_lone_surrogate(body: bytes) -> None:
    """An error can be printed whatever the service says."""
    text = str(read_error(made(body, 400), now=NOW))
    assert "\\ud" in text
    assert text.encode()


def test_undecodable_can_be_printed() -> None:
    """So can the error for an answer that is none."""
    with pytest.raises(VoyantDecodeError) as caught:
        read_data(made({"data": [{**MESSAGE, "publishedAt": "\ud800"}]}), list[RealtimeMessageSummary])
    assert str(caught.value).encode()


def test_unassigned_status() -> None:
    """A status without a name is no obstacle."""
    error = read_error(made(b"", 599), now=NOW)
    assert (error.code, error.message) == ("http_599", "the service gave no reason")


@pytest.mark.parametrize(
    ("headers", "body", "request_id"),
    [
        ({"X_Request_Id": "req_h"}, {"requestId": "req_b"}, "req_h"),
        ({}, {"requestId": "req_b"}, "req_b"),
        ({}, {"requestId": 5}, None),
        ({}, b"", None),
    ],
)
def test_request_id(headers: dict[str, str], body: Any, request_id: str | None) -> None:
    """The request id is taken from the header, else from the body."""
    error = read_error(made(body, 500, **headers), now=NOW)
    assert error.request_id == request_id
    assert request_id is None or request_id in str(error)


def test_retry_after() -> None:
    """The error carries the seconds to wait."""
    assert read_error(made(b"", 429, Retry_After="7"), now=NOW).retry_after == 7.0
    assert read_error(made(b"", 429), now=NOW).retry_after is None


def test_body_of_error() -> None:
    """JSON is kept decoded, text is cut."""
    assert read_error(made({"error": "no", "extra": 1}, 400), now=NOW).body == {"error": "no", "extra": 1}
    assert read_error(made(b"y" * 5000, 400), now=NOW).body == "y" * 2000


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://other.example/x?token=abc", "other.example"),
        ("/elsewhere", "the same host"),
        ("http://u:abc@other.example:8080/", "other.example:8080"),
        ("http://u:abc@[::1]:8080/", "[::1]:8080"),
        ("http://[::1", "an address that is none"),
        ("http://other.example:abc/", "an address that is none"),
    ],
)
def test_redirect(location: str, named: str) -> None:
    """A redirect is an error that says where it leads, and no more of the address than the host."""
    error = read_error(made(b"", 307, Location=location), now=NOW)
    assert (type(error), error.status, error.code) == (VoyantApiError, 307, "http_307")
    assert f"redirects to {named}," in error.message
    assert "abc" not in str(error)
