"""A request or frame that the server refuses: one exception, with its code, status and words."""

from __future__ import annotations

from typing import Final

from voyant_cloud.errors import VoyantDecodeError, VoyantValidationError
from voyant_cloud.server.engine.base import (
    EngineError,
    EngineOutcomeUnknownError,
    EngineUnavailableError,
    IdempotencyConflictError,
)

__all__ = ["STATUS_OF_CODE", "Refusal", "refusal_of"]

STATUS_OF_CODE: Final = {
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "payload_too_large": 413,
    "rate_limited": 429,
    "internal": 500,
    "service_unavailable": 503,
}


class Refusal(Exception):
    """What the caller asked for is refused.

    Attributes:
        code: one of ``STATUS_OF_CODE``.
        message: what is wrong and what to do, without secrets.
        retry_after: seconds to wait, with 429 and 503.
    """

    def __init__(self, code: str, message: str, *, retry_after: int | None = None) -> None:
        self.code = code
        self.message = message
        self.retry_after = retry_after
        super().__init__(message)

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return STATUS_OF_CODE[self.code]


def refusal_of(error: VoyantDecodeError | VoyantValidationError | EngineError) -> Refusal:
    """Turn what validation or the engine raised into what the caller is told."""
    if isinstance(error, VoyantValidationError):
        return Refusal(error.code, str(error))
    if isinstance(error, VoyantDecodeError):
        return Refusal("invalid_request", str(error))
    if isinstance(error, IdempotencyConflictError):
        return Refusal("conflict", "this Idempotency-Key was used with another body in the last minutes")
    if isinstance(error, EngineUnavailableError):
        return Refusal("service_unavailable", "the message store is not available, nothing was stored", retry_after=1)
    if isinstance(error, EngineOutcomeUnknownError):
        return Refusal("internal", "the message store did not answer; whether anything was stored is not known")
    raise TypeError(f"{type(error).__name__} is not for callers") from error
