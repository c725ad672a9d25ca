"""Lines from files and pipes: whole, bounded, and with word of a pause."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.cli.batch import source as source_module
from voyant_cloud.cli.batch.source import MAX_LINE, Source


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def written(writer: int, *pieces: bytes) -> threading.Thread:
    def write() -> None:
        for piece in pieces:
            os.write(writer, piece)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def never() -> None:
    raise AssertionError("there is no pause in a file")


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_lines_do_not_depend_on_how_they_come(pieces: list[bytes]) -> None:
    """Wherever the bytes are cut, the lines are those of the whole."""
    reader, writer = os.pipe()
    thread = written(writer, *pieces)
    try:
        source = Source(reader, lambda: None)
        whole = b"".join(pieces)
        lines = list(source.lines())
        assert b"\n".join(lines) == whole.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n")
        assert source.bytes_taken == len(whole.removeprefix(b"\xef\xbb\xbf"))
    finally:
        thread.join()
        os.close(reader)


def test_a_file_knows_its_size(tmp_path: Path) -> None:
    """A file says how long it is, and never pauses."""
    path = tmp_path / "input"
    path.write_bytes(b"one\r\ntwo\n\nthree")
    handle = os.open(path, os.O_RDONLY)
    source = Source(handle, never)
    assert source.size == 15
    assert source.peek() == b"one\r\ntwo\n\nthree"
    assert list(source.lines()) == [b"one\r", b"two", b"", b"three"]
    os.close(handle)


def test_a_pause_is_told(pipe: tuple[int, int]) -> None:
    """When nothing comes for a moment, whoever reads is told, and goes on when more comes."""
    reader, writer = pipe
    paused = threading.Event()
    lines = Source(reader, paused.set).lines()
    os.write(writer, b"one\nhal")
    assert next(lines) == b"one"

    def go_on() -> None:
        paused.wait(10)
        os.write(writer, b"f\n")
        os.close(writer)

    thread = threading.Thread(target=go_on)
    thread.start()
    assert list(lines) == [b"half"]
    assert paused.is_set()
    thread.join()


def test_a_mark_at_the_beginning_is_no_text(pipe: tuple[int, int]) -> None:
    """The byte order mark that some programs write is passed over, at the beginning alone."""
    reader, writer = pipe
    written(writer, b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}").join()
    assert list(Source(reader, lambda: None).lines()) == [b"{}", b"\xef\xbb\xbf{}"]


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    """A line over the limit is given once, cut, and what follows it is whole."""
    path = tmp_path / "input"
    path.write_bytes(b"a\n" + b"x" * (3 * MAX_LINE) + b"\nb\n" + b"y" * (MAX_LINE + 5))
    handle = os.open(path, os.O_RDONLY)
    lines = list(Source(handle, never).lines())
    assert [line[:1] for line in lines] == [b"a", b"x", b"b", b"y"]
    assert [len(line) for line in lines] == [1, MAX_LINE + 1, 1, MAX_LINE + 1]
    os.close(handle)


def test_nothing(pipe: tuple[int, int]) -> None:
    """An empty input has no lines."""
    reader, writer = pipe
    os.close(writer)
    source = Source(reader, lambda: None)
    assert source.peek() == b""
    assert list(source.lines()) == []


def test_a_steady_stream_is_told_of_a_pause_too(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no silence, whoever reads is told all the same, so that nothing waits for ever."""
    monkeypatch.setattr(source_module, "KEPT_FOR", 0.0)
    reader, writer = pipe
    pauses: list[bool] = []
    thread = written(writer, *[b"x\n"] * 20)
    assert len(list(Source(reader, lambda: pauses.append(True)).lines())) == 20
    thread.join()
    assert pauses


def test_blank_beginnings_are_not_kept(tmp_path: Path) -> None:
    """However much white space comes first, little of it is held."""
    path = tmp_path / "input"
    path.write_bytes((b" " * 1023 + b"\n") * (8 * MAX_LINE // 1024) + b"{}\n")
    handle = os.open(path, os.O_RDONLY)
    source = Source(handle, never)
    assert source.peek() == b""
    assert len(source._peeked) < 2 * MAX_LINE
    assert deque(source.lines(), maxlen=1) == deque([b"{}"])
    os.close(handle)
