"""The exceptions: one tree, each with its fields, and none lost on the way to another process."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from voyant_cloud import errors
from voyant_cloud.errors import (
    ForbiddenError,
    InvalidRequestError,
    PublishManyError,
    PublishOutcomeUnknown,
    RateLimitedError,
    RealtimeAuthError,
    RealtimeClosedError,
    RealtimeError,
    RealtimeGapError,
    RealtimeNotConnectedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantDecodeError,
    VoyantError,
    VoyantTimeoutError,
    VoyantTransportError,
    VoyantValidationError,
    api_error,
)

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
SAMPLES = [
    VoyantError("words"),
    VoyantConfigError("api_key: is missing"),
    VoyantValidationError("a.b", "is wrong", code="payload_too_large"),
    VoyantTransportError("words"),
    VoyantTimeoutError("words"),
    VoyantApiError("words", status=418, code="http_418"),
    *(
        kind("words", status=400, code="c", request_id="req_1", body={"error": "words"}, retry_after=1.5)
        for kind in CLASSES
        if issubclass(kind, VoyantApiError) and kind is not VoyantApiError
    ),
    VoyantDecodeError("$.data", "is missing"),
    PublishOutcomeUnknown("words", idempotency_key="k"),
    PublishManyError("words", published=1, failed=(1,), not_sent=(2, 3), taken=4),
    RealtimeError("words", code="c"),
    RealtimeNotConnectedError("words"),
    RealtimeClosedError("words"),
    RealtimeAuthError("words", code="forbidden"),
    RealtimeGapError("words"),
]


def test_one_tree() -> None:
    """Every exception is a VoyantError, is public, and stands in the tree at the top of the file."""
    assert all(issubclass(kind, VoyantError) for kind in CLASSES)
    assert {kind.__name__ for kind in CLASSES} | {"api_error"} == set(errors.__all__)
    drawn = set(re.findall(r"``([A-Z]\w+)``", (errors.__doc__ or "").replace("``except VoyantError``", "")))
    assert drawn == {kind.__name__ for kind in CLASSES}


def test_samples_are_complete() -> None:
    """The tests below look at each class."""
    assert {type(sample) for sample in SAMPLES} == set(CLASSES)


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_pickle(error: VoyantError) -> None:
    """Class, text and fields survive pickling, as between the processes of a task queue."""
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (VoyantValidationError("a.b", "is wrong"), "a.b: is wrong"),
        (VoyantDecodeError("$.data", "is missing"), "$.data: is missing"),
        (VoyantApiError("no", status=403, code="forbidden"), "403 forbidden: no"),
        (VoyantApiError("no", status=403, code="forbidden", request_id="r1"), "403 forbidden: no (request r1)"),
        (RealtimeError("no"), "no"),
    ],
)
def test_text(error: VoyantError, text: str) -> None:
    """The text says all that is needed."""
    assert str(error) == text


@pytest.mark.parametrize("kind", [VoyantConfigError, VoyantValidationError, VoyantDecodeError])
def test_value_errors(kind: type[VoyantError]) -> None:
    """What is wrong with a value is a ValueError, too."""
    assert issubclass(kind, ValueError)


def test_within() -> None:
    """The error of a part can be told as that of the whole."""
    inner = VoyantValidationError("RealtimeBatchMessage.data.x[0]", "is too large", code="payload_too_large")
    outer = inner.within("messages[3]")
    assert (outer.field, outer.problem, outer.code) == ("messages[3].data.x[0]", "is too large", "payload_too_large")


@pytest.mark.parametrize(
    ("status", "code", "kind", "kept"),
    [
        (403, "forbidden", ForbiddenError, "forbidden"),
        (403, None, ForbiddenError, "forbidden"),
        (403, "", ForbiddenError, "forbidden"),
        (403, "quota", ForbiddenError, "quota"),
        (422, "invalid_request", InvalidRequestError, "invalid_request"),
        (503, "rate_limited", RateLimitedError, "rate_limited"),
        (418, None, VoyantApiError, "http_418"),
        (418, "teapot", VoyantApiError, "teapot"),
    ],
)
def test_api_error(status: int, code: str | None, kind: type[VoyantApiError], kept: str) -> None:
    """The code picks the class where it is known, else the status; an unknown code keeps its text."""
    error = api_error(status=status, code=code, message="no")
    assert type(error) is kind
    assert error.code == kept


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RealtimeError, "error"),
        (RealtimeNotConnectedError, "not_connected"),
        (RealtimeClosedError, "closed"),
        (RealtimeAuthError, "unauthorized"),
        (RealtimeGapError, "history_gap"),
    ],
)
def test_realtime_codes(kind: type[RealtimeError], code: str) -> None:
    """Each has its code, unless the service gave another."""
    assert kind("words").code == code
    assert kind("words", code="other").code == "other"
