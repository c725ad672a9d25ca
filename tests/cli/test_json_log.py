"""The log as JSON: one object a line, whatever is in it, with nothing secret."""

from __future__ import annotations

import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.server.wire_client import call, mint, subscribe
from tests.waiting import until
from voyant_cloud.cli.invocation import Invocation
from voyant_cloud.cli.json_log import JsonLines, log_what_python_says
from voyant_cloud.testing import VoyantServer

SECRET = "no-pattern-knows-this-key"
LINES = JsonLines(Invocation(secrets=[SECRET]).mask)


def parse(record: logging.LogRecord) -> dict[str, Any]:
    """Lay a record out, and read it as a strict reader does."""
    line = LINES.format(record)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = orjson.loads(line)
    return found


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "n", "levelname": "INFO", "msg": message, "args": args, **fields})


def test_fields() -> None:
    """Time, level, logger and message are always there, then what was added; nothing else."""
    told = parse(record("%s is %d", "one", 1, created=1_700_000_000.1239, status=200, ms=0.5, ok=True, none=None))
    assert told == {
        "time": "2023-11-14T22:13:20.123Z",
        "level": "INFO",
        "logger": "n",
        "message": "one is 1",
        "status": 200,
        "ms": 0.5,
        "ok": True,
        "none": None,
    }
    assert list(told)[:4] == ["time", "level", "logger", "message"]
    assert parse(record("x", time="fake", level="fake", logger="fake"))["level"] == "INFO"


@pytest.mark.parametrize("text", ["a\nb\r\x00\x1b[2J", "\u2028\u2029\x85", "é😀", '"}\\', "\ud800 half", "\udcff"])
def test_odd_characters(text: str) -> None:
    """They break no line and no reader; half of a surrogate pair is written out."""
    told = parse(record("%s", text, extra_one=text))
    assert (
        told["message"] == told["extra_one"] == re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, "a"], {"b": SECRET}, object(), b"x"])
def test_values_of_any_kind(value: object) -> None:
    """What JSON has no word for is text."""
    assert isinstance(parse(record("x", extra_one=value))["extra_one"], str)


def test_values_that_do_not_fit() -> None:
    """A mistake of whoever logs costs no line."""
    assert parse(record("%d of %s", "one"))["message"] == "%d of %s ('one',)"


def test_nothing_secret() -> None:
    """Keys and tokens are masked in the message, in what was added, and in tracebacks."""
    try:
        raise ValueError(f"{SECRET} rtok_abc.def vck_0123456789abcdef redis://u:word@h")
    except ValueError:
        failure = sys.exc_info()
    told = parse(record("/x?token=rtok_abc&y=%s", SECRET, path=f"/{SECRET}/vck_0123456789abcdef", exc_info=failure))
    assert told["message"] == "/x?token=***&y=***"
    assert told["path"] == "/***/vck_***"
    assert told["traceback"].startswith("Traceback (most recent call last):\n")
    assert told["traceback"].endswith("ValueError: *** rtok_*** vck_*** redis://***@h")


def test_requests_and_connections(server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """The access log has its parts as fields, and the path without its query."""
    caplog.set_level("INFO", logger="voyant_cloud.server.access")
    token = mint(server)
    answer = call(server, "GET", "/realtime/v1/channels/a/presence", params={"limit": "5"})
    with subscribe(server, "a", token=token):
        pass
    until(lambda: len(caplog.records) == 4)
    _, asked, ended, upgraded = map(parse, caplog.records)
    assert asked["message"].startswith("GET /realtime/v1/channels/a/presence 200 ")
    assert isinstance(asked.pop("ms"), float)
    expected = {"method": "GET", "path": "/realtime/v1/channels/a/presence", "status": 200}
    assert {name: asked[name] for name in expected} == expected
    assert asked["request_id"] == answer.headers["x-request-id"]
    assert (upgraded["path"], upgraded["status"]) == ("/realtime/v1/connect", 101)
    assert ended["channel"] == "a"
    assert ended["close_code"] == 1006
    assert ended["connection"].startswith("con_")


@pytest.fixture
def python_log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.LogCaptureFixture]:
    """What Python says, while it is logged."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log_what_python_says()
        try:
            yield caplog
        finally:
            logging.captureWarnings(False)


def test_what_python_says(python_log: pytest.LogCaptureFixture) -> None:
    """Warnings, and failures that nobody catches, are lines like all others."""

    class Unkind:
        def __del__(self) -> None:
            raise ZeroDivisionError("finalizer")

    warnings.warn("beware", stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / 0, name="worker")
    thread.start()
    thread.join()
    Unkind()
    warned, failed, ignored = map(parse, python_log.records)
    assert (warned["logger"], warned["level"]) == ("py.warnings", "WARNING")
    assert "UserWarning: beware" in warned["message"]
    assert failed["message"] == "the thread worker failed"
    assert failed["traceback"].endswith("ZeroDivisionError: division by zero")
    assert "__del__" in ignored["message"]
    assert ignored["traceback"].endswith("ZeroDivisionError: finalizer")
