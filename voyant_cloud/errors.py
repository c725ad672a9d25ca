"""Every exception this package raises, as one tree.

* ``VoyantError``: the root; ``except VoyantError`` catches all of them

  * ``VoyantConfigError``: a client or server was set up wrongly
  * ``VoyantValidationError``: an argument broke a limit of the contract; nothing was sent
  * ``VoyantTransportError``: no answer was had from the service

    * ``VoyantTimeoutError``: not within the time allowed

  * ``VoyantApiError``: the service answered with an error, one subclass a code

    * ``InvalidRequestError``, ``UnauthorizedError``, ``ForbiddenError``, ``NotFoundError``, ``ConflictError``,
      ``PayloadTooLargeError``, ``RateLimitedError``, ``ServiceUnavailableError``, ``InternalError``

  * ``VoyantDecodeError``: an answer or a frame was not what the contract says
  * ``PublishOutcomeUnknown``: a publish may or may not have been applied
  * ``PublishManyError``: ``publish_many`` stopped early; it says what was sent
  * ``RealtimeError``: what goes wrong on a channel

    * ``RealtimeNotConnectedError``, ``RealtimeClosedError``, ``RealtimeAuthError``, ``RealtimeGapError``
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConflictError",
    "ForbiddenError",
    "InternalError",
    "InvalidRequestError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PublishManyError",
    "PublishOutcomeUnknown",
    "RateLimitedError",
    "RealtimeAuthError",
    "RealtimeClosedError",
    "RealtimeError",
    "RealtimeGapError",
    "RealtimeNotConnectedError",
    "ServiceUnavailableError",
    "UnauthorizedError",
    "VoyantApiError",
    "VoyantConfigError",
    "VoyantDecodeError",
    "VoyantError",
    "VoyantTimeoutError",
    "VoyantTransportError",
    "VoyantValidationError",
    "api_error",
]


class VoyantError(Exception):
    """The root of every exception this package raises."""


class VoyantConfigError(VoyantError, ValueError):
    """A client, channel or server was set up wrongly; the message says which setting and what it needs."""


class VoyantValidationError(VoyantError, ValueError):
    """An argument broke a limit of the contract. Nothing was sent or stored.

    Attributes:
        field: the field at fault, as in ``PublishRealtimeMessageInput.event``.
        problem: what is wrong, with the limit and the value.
        code: the code with which a server refuses it, ``invalid_request`` or ``payload_too_large``.
    """

    def __init__(self, field: str, problem: str, *, code: str = "invalid_request") -> None:
        self.field = field
        self.problem = problem
        self.code = code
        super().__init__(f"{field}: {problem}")

    def within(self, place: str) -> VoyantValidationError:
        """Return the same error for a value that is part of another, as in ``messages[3].event``."""
        _, _, name = self.field.partition(".")
        return VoyantValidationError(f"{place}.{name}", self.problem, code=self.code)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_validation_error, (self.field, self.problem, self.code)


class VoyantTransportError(VoyantError):
    """No answer was had from the service: the connection failed or broke. The cause is chained."""


class VoyantTimeoutError(VoyantTransportError):
    """The service did not answer within the time allowed."""


class VoyantApiError(VoyantError):
    """The service answered with an error.

    Attributes:
        status: the HTTP status, 300 to 599.
        code: the service's code, such as ``forbidden``; an open set. ``http_<status>`` when it gave none.
        message: the service's own words.
        request_id: what to quote to support, or ``None``.
        body: the decoded body, or its text (cut to 2,000 characters) where it is not JSON.
        retry_after: seconds the service asked to wait, or ``None``.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        request_id: str | None = None,
        body: Any = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.body = body
        self.retry_after = retry_after
        reference = f" (request {request_id})" if request_id else ""
        super().__init__(f"{status} {code}: {message}{reference}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_api_error, (type(self), self.message, self.__dict__)


class InvalidRequestError(VoyantApiError):
    """400 ``invalid_request``: the request breaks a rule that the message names."""


class UnauthorizedError(VoyantApiError):
    """401 ``unauthorized``: the API key or token is missing, wrong or expired."""


class ForbiddenError(VoyantApiError):
    """403 ``forbidden``: the API key lacks the scope, or the token the capability, that the message names."""


class NotFoundError(VoyantApiError):
    """404 ``not_found``: there is no such resource or route."""


class ConflictError(VoyantApiError):
    """409 ``conflict``: an idempotency key was used again with another body."""


class PayloadTooLargeError(VoyantApiError):
    """413 ``payload_too_large``: the body is over the limit that the message names."""


class RateLimitedError(VoyantApiError):
    """429 ``rate_limited``: too many requests; ``retry_after`` says when to come back."""


class ServiceUnavailableError(VoyantApiError):
    """503 ``service_unavailable``: the service cannot store or serve now; nothing was applied."""


class InternalError(VoyantApiError):
    """500 ``internal``: the service failed; quote ``request_id`` when you report it.

    After a publish it is the cause of a ``PublishOutcomeUnknown``.
    """


class VoyantDecodeError(VoyantError, ValueError):
    """An answer or a frame was not what the contract says.

    Attributes:
        path: where, as a JSON path such as ``$.data[0].publishedAt``.
        problem: what is wrong there.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.problem)


class PublishOutcomeUnknown(VoyantError):
    """A publish was sent and no clear answer came back: it may or may not have been applied.

    The SDK does not repeat it by itself, since that could publish twice. Read the history to find out, or publish
    again if a repeat does no harm. The cause is chained.

    Attributes:
        idempotency_key: the key it was sent with. A service that honours keys, asked again with the same key and
            content, gives the first answer instead of publishing twice.
    """

    def __init__(self, message: str, *, idempotency_key: str | None = None) -> None:
        self.idempotency_key = idempotency_key
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_outcome_unknown, (str(self), self.idempotency_key)


class PublishManyError(VoyantError):
    """``publish_many`` stopped early. The cause is chained, and says why.

    Indexes count from 0 in the order of the iterable. Each message that was taken is either published, or its index
    is in *failed* or *not_sent*.

    Attributes:
        published: how many messages the service acknowledged.
        failed: the indexes in batches that failed; after ``PublishOutcomeUnknown`` they may be stored nevertheless.
        not_sent: the indexes that were taken from the iterable and not sent.
        taken: how many messages were taken; the one of this index and all after it were not.
    """

    def __init__(
        self, message: str, *, published: int, failed: tuple[int, ...], not_sent: tuple[int, ...], taken: int
    ) -> None:
        self.published = published
        self.failed = failed
        self.not_sent = not_sent
        self.taken = taken
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_publish_many_error, (str(self), self.__dict__)


class RealtimeError(VoyantError):
    """What goes wrong on a channel.

    Attributes:
        code: a short code such as ``unauthorized``, ``closed`` or the service's own.
    """

    default_code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.code = code or self.default_code
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_realtime_error, (type(self), str(self), self.code)


class RealtimeNotConnectedError(RealtimeError):
    """The channel is not connected now, so nothing was sent; wait for ``connected`` and try again."""

    default_code = "not_connected"


class RealtimeClosedError(RealtimeError):
    """The channel was closed for good, by ``close()`` or by the service; open a new one."""

    default_code = "closed"


class RealtimeAuthError(RealtimeError):
    """The service refused the token for good: expired, wrong, or without the capability this needs."""

    default_code = "unauthorized"


class RealtimeGapError(RealtimeError):
    """Messages may have been missed and the channel was told to stop at a gap (``on_gap="raise"``)."""

    default_code = "history_gap"


_CLASS_OF_CODE: dict[str, type[VoyantApiError]] = {
    "invalid_request": InvalidRequestError,
    "unauthorized": UnauthorizedError,
    "forbidden": ForbiddenError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "payload_too_large": PayloadTooLargeError,
    "rate_limited": RateLimitedError,
    "service_unavailable": ServiceUnavailableError,
    "internal": InternalError,
}

_CODE_OF_STATUS: dict[int, str] = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    429: "rate_limited",
    500: "internal",
    503: "service_unavailable",
}


def api_error(
    *,
    status: int,
    code: str | None,
    message: str,
    request_id: str | None = None,
    body: Any = None,
    retry_after: float | None = None,
) -> VoyantApiError:
    """Build the error for an answer: by its code where the code is known, else by its HTTP status.

    Codes are an open set, so an unknown code keeps its own text on the class that its status picks.
    """
    by_status = _CODE_OF_STATUS.get(status)
    cls = _CLASS_OF_CODE.get(code or "") or _CLASS_OF_CODE.get(by_status or "", VoyantApiError)
    return cls(
        message,
        status=status,
        code=code or by_status or f"http_{status}",
        request_id=request_id,
        body=body,
        retry_after=retry_after,
    )


def _rebuild_validation_error(field: str, problem: str, code: str) -> VoyantValidationError:
    return VoyantValidationError(field, problem, code=code)


def _rebuild_api_error(cls: type[VoyantApiError], message: str, state: dict[str, Any]) -> VoyantApiError:
    fields = {name: state[name] for name in ("status", "code", "request_id", "body", "retry_after")}
    return cls(message, **fields)


def _rebuild_outcome_unknown(message: str, idempotency_key: str | None) -> PublishOutcomeUnknown:
    return PublishOutcomeUnknown(message, idempotency_key=idempotency_key)


def _rebuild_publish_many_error(message: str, state: dict[str, Any]) -> PublishManyError:
    fields = {name: state[name] for name in ("published", "failed", "not_sent", "taken")}
    return PublishManyError(message, **fields)


def _rebuild_realtime_error(cls: type[RealtimeError], message: str, code: str) -> RealtimeError:
    return cls(message, code=code)
