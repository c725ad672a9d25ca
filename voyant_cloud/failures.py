"""What a failed connection means: which error to raise, and whether the request can have reached the service. Pure."""

from __future__ import annotations

import ssl
from typing import NamedTuple

from urllib3 import exceptions as urllib3

from voyant_cloud.errors import VoyantConfigError, VoyantError, VoyantTimeoutError, VoyantTransportError
from voyant_cloud.retry import Outcome
from voyant_cloud.urls import redact

__all__ = ["Failure", "failure_of"]


class Failure(NamedTuple):
    """An attempt that did not succeed.

    Attributes:
        outcome: what it says about trying again.
        error: what to raise if it is not tried again.
        retry_after: seconds that the service asked to wait, or ``None``.
    """

    outcome: Outcome
    error: VoyantError
    retry_after: float | None = None


def failure_of(error: Exception, *, request: str, timeout: tuple[float, float]) -> Failure:
    """Return what *error* means.

    Args:
        error: what requests, or urllib3 under it, raised.
        request: the method and path, for messages.
        timeout: the seconds that were allowed to connect and to wait for an answer.
    """
    if isinstance(error, ValueError):
        # Such as a proxy's URL without a host. No cause is chained: its text may hold the proxy's password.
        return Failure(Outcome.FINAL, VoyantConfigError(f"{request}: {redact(str(error))}"))
    outcome, translated = _translate(_reason_of(error), request, timeout)
    _forget_frames(error)
    translated.__cause__ = error
    return Failure(outcome, translated)


def _forget_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error and of those behind it: their frames hold the headers, and the key in them.

    Pages for developers, mails to administrators and reporters of errors show the values of frames.
    """
    waiting, seen = [error], {id(error)}
    while waiting:
        each = waiting.pop()
        each.__traceback__ = None
        behind = [each.__cause__, each.__context__, *each.args, *vars(each).values()]
        found = [one for one in behind if isinstance(one, BaseException) and id(one) not in seen]
        seen.update(map(id, found))
        waiting += found


def _translate(
    reason: BaseException, request: str, timeout: tuple[float, float]
) -> tuple[Outcome, VoyantTransportError]:
    origin = getattr(reason, "original_error", reason)
    details = redact(str(origin.__cause__ or origin))
    if _is_wrong_tls(reason):
        return Outcome.FINAL, VoyantTransportError(f"{request}: no secure connection: {details}")
    if isinstance(reason, urllib3.ConnectTimeoutError) and not isinstance(reason, urllib3.NewConnectionError):
        return Outcome.NOT_SENT, VoyantTimeoutError(f"{request}: could not connect within {timeout[0]:g} s")
    if _never_connected(reason):
        return Outcome.NOT_SENT, VoyantTransportError(f"{request}: could not connect: {details}")
    if isinstance(reason, urllib3.TimeoutError):
        return Outcome.UNSURE, VoyantTimeoutError(f"{request}: no answer within {timeout[1]:g} s")
    return Outcome.UNSURE, VoyantTransportError(f"{request}: the connection broke before the answer: {details}")


def _reason_of(error: BaseException) -> BaseException:
    """Unwrap what requests and urllib3 put around the exception that says what happened."""
    inner = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    return inner if isinstance(inner, BaseException) else error


def _never_connected(reason: BaseException) -> bool:
    if isinstance(reason, urllib3.ProxyError):
        # urllib3 1.26 says ProxyError of a connection through a proxy that breaks later, too.
        origin = reason.original_error
        return _never_connected(origin) or str(origin).startswith("Tunnel connection failed")
    return isinstance(reason, (urllib3.NewConnectionError, urllib3.ConnectTimeoutError))


def _is_wrong_tls(reason: BaseException) -> bool:
    """Tell whether the handshake failed for a reason that stays: the certificate, or no TLS on that port."""
    if isinstance(reason, urllib3.ProxyError):
        return _is_wrong_tls(reason.original_error)
    inner = reason.args[0] if isinstance(reason, urllib3.SSLError) and reason.args else None
    return isinstance(inner, ssl.SSLCertVerificationError) or "WRONG_VERSION_NUMBER" in str(inner)
