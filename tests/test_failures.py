"""What a failed connection means, shown with the exceptions that requests and urllib3 nest."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import requests
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from voyant_cloud.errors import VoyantConfigError, VoyantError, VoyantTimeoutError, VoyantTransportError
from voyant_cloud.failures import failure_of
from voyant_cloud.retry import Outcome

POOL = HTTPConnectionPool("example.com")
NO_ROUTE = NewConnectionError(POOL, "no route")  # type: ignore[arg-type]
BAD_CERTIFICATE = ssl.SSLCertVerificationError("certificate verify failed")


def wrapped(reason: Any) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(POOL, "/path", reason))


@pytest.mark.parametrize(
    ("error", "outcome", "kind", "words"),
    [
        (wrapped(NO_ROUTE), Outcome.NOT_SENT, VoyantTransportError, "could not connect: "),
        (wrapped(ConnectTimeoutError()), Outcome.NOT_SENT, VoyantTimeoutError, "could not connect within 5 s"),
        (wrapped(ProxyError("no", NO_ROUTE)), Outcome.NOT_SENT, VoyantTransportError, "could not connect: "),
        (
            wrapped(ProxyError("no", OSError("Tunnel connection failed: 407 Proxy Authentication Required"))),
            Outcome.NOT_SENT,
            VoyantTransportError,
            "407",
        ),
        (wrapped(ProxyError("no", ConnectionResetError())), Outcome.UNSURE, VoyantTransportError, "broke"),
        (wrapped(SSLError(BAD_CERTIFICATE)), Outcome.FINAL, VoyantTransportError, "certificate verify failed"),
        (wrapped(ProxyError("no", SSLError(BAD_CERTIFICATE))), Outcome.FINAL, VoyantTransportError, "no secure"),
        (wrapped(SSLError(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"))), Outcome.FINAL, VoyantTransportError, "SSL"),
        (wrapped(SSLError(ssl.SSLEOFError(8, "EOF"))), Outcome.UNSURE, VoyantTransportError, "broke"),
        (
            requests.ReadTimeout(ReadTimeoutError(POOL, "/path", "timed out")),
            Outcome.UNSURE,
            VoyantTimeoutError,
            "no answer within 30 s",
        ),
        (
            requests.ConnectionError(ReadTimeoutError(POOL, "/path", "timed out")),
            Outcome.UNSURE,
            VoyantTimeoutError,
            "no answer within 30 s",
        ),
        (
            requests.ConnectionError(ProtocolError("aborted", ConnectionResetError(104, "reset by peer"))),
            Outcome.UNSURE,
            VoyantTransportError,
            "reset by peer",
        ),
        (requests.exceptions.ChunkedEncodingError(), Outcome.UNSURE, VoyantTransportError, "broke"),
        (HTTPError("leaked"), Outcome.UNSURE, VoyantTransportError, "leaked"),
    ],
)
def test_meaning(error: Exception, outcome: Outcome, kind: type[VoyantError], words: str) -> None:
    """Each failure says whether the request can have arrived; what is not known counts as unsure."""
    failure = failure_of(error, request="POST /path", timeout=(5.0, 30.0))
    assert failure.outcome is outcome
    assert type(failure.error) is kind
    assert str(failure.error).startswith("POST /path: ")
    assert words in str(failure.error)
    assert failure.error.__cause__ is error


def test_wrong_setting() -> None:
    """What requests refuses to use is a wrong setting; passwords in it are masked, and no cause repeats them."""
    error = requests.exceptions.InvalidProxyURL("bad proxy http://user:hunter22@proxy:port")
    failure = failure_of(error, request="GET /path", timeout=(5.0, 30.0))
    assert failure.outcome is Outcome.FINAL
    assert type(failure.error) is VoyantConfigError
    assert "hunter22" not in str(failure.error)
    assert failure.error.__cause__ is None
