"""What is safe to show, and what a closed pipe does."""

from __future__ import annotations

import os
import threading

import pytest

from voyant_cloud.cli.exits import PipeClosedError
from voyant_cloud.cli.output import _write, as_json
from voyant_cloud.cli.visible import visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 日本 🎉", "plain ü 日本 🎉"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("a\tb\nc\rd", r"a\tb\nc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("back\\slash", "back\\slash"),
        ("half a pair \ud800", r"half a pair \ud800"),
    ],
)
def test_nothing_that_is_shown_acts(text: str, shown: str) -> None:
    """Control characters and those that change the direction become escapes, all else stays."""
    assert visible(text) == shown


def test_all_of_a_long_line_is_written() -> None:
    """A pipe that takes a part at a time gets all parts."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    received = bytearray()

    def read() -> None:
        while chunk := os.read(reader, 50_000):
            received.extend(chunk)

    thread = threading.Thread(target=read)
    thread.start()
    _write(writer, b"x" * 1_000_000)
    os.close(writer)
    thread.join()
    os.close(reader)
    assert len(received) == 1_000_000


def test_a_closed_pipe() -> None:
    """Nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(PipeClosedError):
        _write(writer, b"x")
    os.close(writer)


def test_lines_stay_lines() -> None:
    """A traceback keeps its shape."""
    assert visible_lines("one\n\ttwo\x1b") == "one\n\\ttwo\\x1b"


def test_what_no_text_can_hold_is_escaped() -> None:
    """A service that sends half a surrogate pair does not end a command."""
    assert as_json({"data": "\ud800"}) == '{"data":"\\ud800"}'
