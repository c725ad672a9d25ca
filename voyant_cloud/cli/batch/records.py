"""The records of an input, one for each message: JSON Lines, a JSON array, or CSV."""

from __future__ import annotations

import abc
import csv
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

import attrs

from voyant_cloud import jsontext
from voyant_cloud.cli.batch.source import MAX_LINE, Source
from voyant_cloud.cli.exits import CommandError, ExitCode

__all__ = ["FORMATS", "BadRecordError", "Record", "Records", "records_of"]

COLUMNS: Final = ("channel", "event", "data")


class BadRecordError(Exception):
    """A record cannot be read; the text says why."""


@attrs.define
class Record:
    """One record, not looked into yet. Nobody changes one; it is not frozen, since those take twice as long to make.

    Attributes:
        number: counts records from 1.
        place: where it is, for people: its line, or its number in an array.
        raw: its text as it stands in the input.
        content: what ``Records.item`` reads it from.
    """

    number: int
    place: int
    raw: bytes
    content: Any

    @property
    def digest(self) -> int:
        """Tells whether another run met the same record at the same number."""
        return zlib.crc32(self.raw, self.number & 0xFFFFFFFF)


class Records(abc.ABC):
    """The records of one input. Iterated once.

    Attributes:
        unit: what ``Record.place`` counts.
    """

    unit = "line"

    @abc.abstractmethod
    def __iter__(self) -> Iterator[Record]:
        """Give the records.

        Raises:
            BadRecordError: the input is broken in a way that leaves no further record to be found.
        """

    @abc.abstractmethod
    def item(self, record: Record) -> Any:
        """Return what a record holds; a message if it is a good one.

        Raises:
            BadRecordError: it cannot be read.
        """

    def json(self, record: Record) -> bytes | None:
        """Return the text of a record that may be one JSON value; ``None`` where it is of another form, or too long."""
        return record.raw if len(record.raw) <= MAX_LINE else None


class JsonLines(Records):
    """One JSON object a line; empty lines are passed over."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __iter__(self) -> Iterator[Record]:
        """Give a record for each line that is not empty."""
        number = 0
        for line, text in enumerate(self._source.lines(), 1):
            text = text.strip()
            if text:
                number += 1
                yield Record(number, line, text, text)

    def item(self, record: Record) -> Any:
        """Return the line's value."""
        return _parse(record.raw)


class Csv(Records):
    """Columns with a heading: ``data``, and ``channel`` and ``event`` where they are not the same for all.

    Args:
        source: the input.
        as_text: whether ``data`` is text rather than JSON.

    Raises:
        CommandError: the heading is missing, or names other columns.
    """

    def __init__(self, source: Source, *, as_text: bool) -> None:
        self._as_text = as_text
        self._raw: list[bytes] = []
        self._lines = 0
        # The default would refuse data that is within its limit.
        csv.field_size_limit(MAX_LINE)
        self._rows = csv.reader(self._feed(source), strict=True)
        self._columns = self._heading()

    def __iter__(self) -> Iterator[Record]:
        """Give a record for each row; its place is the line that it begins on."""
        number = 0
        while True:
            line = self._lines + 1
            self._raw.clear()
            try:
                content: Any = next(self._rows)
            except StopIteration:
                return
            except csv.Error as error:
                content = BadRecordError(f"is not CSV: {error}")
            raw = b"\n".join(self._raw)
            if content:
                number += 1
                yield Record(number, line, raw, content)

    def item(self, record: Record) -> Any:
        """Return the row's columns by name, data as the value that it stands for."""
        if isinstance(record.content, BadRecordError):
            raise record.content
        try:
            record.raw.decode()
        except UnicodeDecodeError:
            raise BadRecordError("is not UTF-8") from None
        if len(record.content) != len(self._columns):
            raise BadRecordError(f"has {len(record.content)} columns, the heading has {len(self._columns)}")
        item: dict[str, Any] = dict(zip(self._columns, record.content, strict=True))
        data = item.pop("data", "")
        given = {name: value for name, value in item.items() if value}
        return {**given, "data": data if self._as_text else _parse(data.encode()) if data else None}

    def json(self, _: Record) -> None:
        """Return nothing: a row is no JSON."""
        return

    def _feed(self, source: Source) -> Iterator[str]:
        for line in source.lines():
            self._lines += 1
            self._raw.append(line)
            # What is no UTF-8 is found by the row that it is in, so that the next rows are still read.
            yield line.decode("utf-8", "surrogateescape") + "\n"

    def _heading(self) -> list[str]:
        try:
            names = next(self._rows, [])
        except csv.Error:
            names = []
        columns = [name.strip() for name in names]
        if not columns or set(columns) - set(COLUMNS) or len(columns) != len(set(columns)):
            found = ",".join(columns)[:80]
            raise CommandError(
                f"line 1: a CSV begins with its columns, {','.join(COLUMNS)}, got {found!r}", ExitCode.USAGE
            )
        return columns


class JsonArray(Records):
    """One JSON array of objects, read item by item."""

    unit = "item"

    def __init__(self, source: Source) -> None:
        self._chunks = source.chunks()
        self._text = b""
        self._place = 0
        self._at_end = False

    def __iter__(self) -> Iterator[Record]:
        """Give a record for each item."""
        self._expect(b"[", "an array begins with [")
        number = 0
        if self._next() == b"]":
            self._finish()
            return
        while True:
            number += 1
            raw = self._value(number)
            yield Record(number, number, raw, raw)
            if self._next() == b"]":
                self._finish()
                return
            self._expect(b",", f"item {number} must be followed by , or ]")

    def item(self, record: Record) -> Any:
        """Return the item."""
        return _parse(record.raw)

    def _finish(self) -> None:
        self._place += 1
        if self._next():
            raise BadRecordError("there is more behind the array's end")

    def _expect(self, sign: bytes, rule: str) -> None:
        found = self._next()
        if found != sign:
            raise BadRecordError(f"{rule}, got {found.decode('utf-8', 'replace') or 'the end of the input'!r}")
        self._place += 1

    def _next(self) -> bytes:
        """Go to the next byte that is no white space, and return it; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._place)
            assert match is not None, "it matches nothing, too"
            self._place = match.end()
            if self._place < len(self._text):
                return self._text[self._place : self._place + 1]
            if not self._refill():
                return b""

    def _value(self, number: int) -> bytes:
        """Take the value that begins here. Only its extent is looked for."""
        self._next()
        scan = _Extent()
        while (end := scan.find(self._text, self._place)) is None:
            if len(self._text) - self._place > MAX_LINE:
                raise BadRecordError(f"item {number} is longer than {MAX_LINE} bytes")
            # What was looked at stays where it is relative to the value's beginning.
            if not self._refill():
                raise BadRecordError(f"the input ends inside of item {number}")
        raw = self._text[self._place : end].rstrip()
        if not raw:
            raise BadRecordError(f"item {number} is missing")
        self._place = end
        return raw

    def _refill(self) -> bool:
        chunk = b"" if self._at_end else next(self._chunks, b"")
        self._at_end = not chunk
        if chunk and self._place:
            self._text, self._place = self._text[self._place :], 0
        self._text += chunk
        return bool(chunk)


class _Extent:
    """Finds where a JSON value ends by its brackets and strings alone, going on where it stopped when more is there."""

    def __init__(self) -> None:
        self._done = 0
        self._depth = 0

    def find(self, text: bytes, start: int) -> int | None:
        """Return where the value that begins at *start* ends; ``None`` if that is not to be seen yet."""
        place = start + self._done
        while True:
            skipped = (_WITHIN if self._depth else _WITHOUT).match(text, place)
            assert skipped is not None, "it matches nothing, too"
            place = skipped.end()
            sign = text[place : place + 1]
            if sign in _UNFINISHED:
                self._done = place - start
                return None
            if sign in _OPENING:
                self._depth += 1
            elif self._depth == 0:
                # What ends a number or a word is no part of it.
                return place
            else:
                self._depth -= 1
            place += 1
            if self._depth == 0:
                return place


def records_of(source: Source, form: str | None, *, as_text: bool) -> Records:
    """Return the records of an input.

    Args:
        source: the input.
        form: one of ``FORMATS``; ``None`` looks at how it begins.
        as_text: whether ``data`` is text rather than JSON, which only a CSV can have.

    Raises:
        CommandError: it is a CSV without a heading of the right columns, or *as_text* goes with another format.
    """
    form = form or _guess(source.peek())
    if form == "csv":
        return Csv(source, as_text=as_text)
    if as_text:
        raise CommandError(f"--text is for CSV, where data has no type; this is {form}", ExitCode.USAGE)
    return JsonArray(source) if form == "json" else JsonLines(source)


def _guess(beginning: bytes) -> str:
    if beginning.startswith(b"["):
        return "json"
    return "jsonl" if beginning.startswith(b"{") or not beginning else "csv"


def _parse(text: bytes) -> Any:
    if len(text) > MAX_LINE:
        raise BadRecordError(f"is longer than {MAX_LINE} bytes")
    try:
        return jsontext.loads(text)
    except jsontext.JsonTextError as error:
        raise BadRecordError(str(error)) from None


FORMATS: Final = ("jsonl", "json", "csv")
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_WITHIN: Final = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+", re.DOTALL)
_WITHOUT: Final = re.compile(rb'(?:[^"\[\]{},]++|' + _STRING + rb")*+", re.DOTALL)
_UNFINISHED: Final = (b"", b'"')
"""The end of what is there: behind whole strings, or before one whose end has not come."""
_OPENING: Final = (b"[", b"{")
