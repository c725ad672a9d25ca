"""Records of each format: what they hold, where they are, and what is said about broken ones."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.cli.batch import source as source_module
from voyant_cloud.cli.batch.records import BadRecordError, Record, Records, records_of
from voyant_cloud.cli.batch.source import MAX_LINE, Source
from voyant_cloud.cli.exits import CommandError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
Open = Callable[..., Records]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    handles = []

    def open_records(content: bytes | str, form: str | None = None, *, as_text: bool = False) -> Records:
        path = tmp_path / "input"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        handles.append(os.open(path, os.O_RDONLY))
        return records_of(Source(handles[-1], lambda: None), form, as_text=as_text)

    yield open_records
    for handle in handles:
        os.close(handle)


def items(records: Records) -> list[Any]:
    return [item_or_problem(records, record) for record in records]


def item_or_problem(records: Records, record: Record) -> Any:
    try:
        return records.item(record)
    except BadRecordError as error:
        return f"{record.place}: {error}"


class TestJsonLines:
    """One object a line."""

    def test_items_and_places(self, opened: Open) -> None:
        """Empty lines are no records; the place is the line."""
        records = opened('{"data": 1}\n\n  {"data": "ü"}  \r\n{"data": 3}')
        found = list(records)
        assert [(record.number, record.place) for record in found] == [(1, 1), (2, 3), (3, 4)]
        assert [records.item(record) for record in found] == [{"data": 1}, {"data": "ü"}, {"data": 3}]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("nope", "is not JSON"),
            ('{"data": NaN}', "NaN, which is not JSON"),
            ('{"data": 1e400}', "too large for a double"),
            ('{"data": 1, "data": 2}', "repeats the key 'data'"),
            ('{"data": "\\ud800"}', "lone surrogate"),
            (b'{"data": "\xff"}', "is not UTF-8"),
            ("[" * 200_000, "nested too deep"),
            ('{"data": "' + "x" * MAX_LINE + '"}', f"longer than {MAX_LINE} bytes"),
        ],
    )
    def test_a_bad_line_is_one_bad_record(self, opened: Open, line: str | bytes, problem: str) -> None:
        """It is named, and the lines around it are read."""
        text = line.encode() if isinstance(line, str) else line
        first, bad, last = items(opened(b'{"data": 1}\n' + text + b'\n{"data": 2}\n', "jsonl"))
        assert (first, last) == ({"data": 1}, {"data": 2})
        assert bad.startswith("2: ")
        assert problem in bad


class TestJsonArray:
    """One array."""

    @given(st.lists(JSON, max_size=6), st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 40))
    def test_is_what_a_parser_of_the_whole_finds(
        self, tmp_path_factory: pytest.TempPathFactory, values: list[Any], indent: Any, ascii_only: bool, chunk: int
    ) -> None:
        """However it is written, and wherever it is cut, the items are the same."""
        text = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
        path = tmp_path_factory.getbasetemp() / "array.json"
        path.write_bytes(text)
        handle = os.open(path, os.O_RDONLY)
        before, source_module._CHUNK = source_module._CHUNK, chunk  # type: ignore[misc]
        try:
            records = records_of(Source(handle, lambda: None), "json", as_text=False)
            assert items(records) == values
        finally:
            source_module._CHUNK = before  # type: ignore[misc]
            os.close(handle)

    def test_places_are_items(self, opened: Open) -> None:
        """An array has no useful lines, so its items are counted."""
        records = opened('[{"data":1},{"data":2}]')
        assert records.unit == "item"
        assert [(record.number, record.place) for record in records] == [(1, 1), (2, 2)]

    def test_an_item_that_is_bad_by_itself(self, opened: Open) -> None:
        """What has a beginning and an end is one bad record, and the others are read."""
        found = items(opened('[{"data":1}, {"data":}, {"a":1,"a":2}, nope, {"data": 1], "x", 5]'))
        assert found[0] == {"data": 1}
        assert [str(each)[:2] for each in found[1:5]] == ["2:", "3:", "4:", "5:"]
        assert found[5:] == ["x", 5]

    @pytest.mark.parametrize(
        ("text", "items_before", "problem"),
        [
            ('{"data": 1}', 0, "an array begins with ["),
            ("[1, 2", 1, "the input ends inside of item 2"),
            ('[{"data": 1', 0, "the input ends inside of item 1"),
            ("[1,, 2]", 1, "item 2 is missing"),
            ("[1,]", 1, "item 2 is missing"),
            ('[{"a": 1} {"a": 2}]', 1, "item 1 must be followed by , or ]"),
            ("[1] [2]", 1, "more behind the array's end"),
            ("[] x", 0, "more behind the array's end"),
            ('["' + "x" * (2 * MAX_LINE) + '"]', 0, f"item 1 is longer than {MAX_LINE} bytes"),
            ("[", 0, "the input ends inside of item 1"),
        ],
    )
    def test_a_broken_array_ends_there(self, opened: Open, text: str, items_before: int, problem: str) -> None:
        """Where no further item can be found it stops, after giving those before."""
        records = iter(opened(text, "json"))
        for _ in range(items_before):
            next(records)
        with pytest.raises(BadRecordError, match=re.escape(problem)):
            next(records)

    def test_memory_stays_flat(self, tmp_path: Path) -> None:
        """A long array is read in a small part of its size."""
        path = tmp_path / "long.json"
        with path.open("w") as file:
            file.write("[" + ",".join(f'{{"data":"{number:0300}"}}' for number in range(20_000)) + "]")
        handle = os.open(path, os.O_RDONLY)
        tracemalloc.start()
        try:
            count = sum(1 for _ in records_of(Source(handle, lambda: None), None, as_text=False))
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            os.close(handle)
        assert count == 20_000
        assert most < 2_500_000 < path.stat().st_size / 2


class TestCsv:
    """Columns with a heading."""

    def test_items_and_places(self, opened: Open) -> None:
        """Data is JSON, an empty cell is none; the place is the line that a row begins on."""
        text = 'event,data,channel\r\ne,"{""n"": 1}",a\r\n\r\nf,,b\r\n,"[1,\r\n2]",\r\ng,"""x""",c\r\n'
        records = opened(text, "csv")
        found = list(records)
        assert [record.place for record in found] == [2, 4, 5, 7]
        assert [records.item(record) for record in found] == [
            {"event": "e", "channel": "a", "data": {"n": 1}},
            {"event": "f", "channel": "b", "data": None},
            {"data": [1, 2]},
            {"event": "g", "channel": "c", "data": "x"},
        ]

    @given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=5))
    def test_text_is_carried_exactly(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
    ) -> None:
        """What Python's own writer writes comes back as it was."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        writer.writerow(["event", "data"])
        writer.writerows([f"e{event}", data] for event, data in rows)
        path = tmp_path_factory.getbasetemp() / "text.csv"
        path.write_bytes(buffer.getvalue().encode("utf-8"))
        handle = os.open(path, os.O_RDONLY)
        try:
            found = items(records_of(Source(handle, lambda: None), "csv", as_text=True))
        finally:
            os.close(handle)
        assert found == [{"event": f"e{event}", "data": data} for event, data in rows]

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            (b"e,nope", "is not JSON"),
            (b"e,1,2", "has 3 columns, the heading has 2"),
            (b"e", "has 1 columns, the heading has 2"),
            (b'e,"1" 2', "is not CSV"),
            (b"e,\xff", "is not UTF-8"),
        ],
    )
    def test_a_bad_row_is_one_bad_record(self, opened: Open, row: bytes, problem: str) -> None:
        """It is named, and the rows around it are read."""
        first, bad, last = items(opened(b"event,data\nx,1\n" + row + b"\ny,2\n", "csv"))
        assert (first["data"], last["data"]) == (1, 2)
        assert bad.startswith("3: ")
        assert problem in bad

    @pytest.mark.parametrize("heading", ["", "a,b", "channel,event,data,more", "data,data", '"'])
    def test_the_heading_is_checked(self, opened: Open, heading: str) -> None:
        """Other columns than those that are known are refused before anything is sent."""
        with pytest.raises(CommandError, match="channel,event,data"):
            opened(f"{heading}\n1,2\n", "csv")


class TestGuessing:
    """The format, by how an input begins."""

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ('{"data": 1}', "JsonLines"),
            ("\n\n [1]", "JsonArray"),
            ("\ufeff[1]", "JsonArray"),
            ("channel,event,data\n", "Csv"),
            ("", "JsonLines"),
        ],
    )
    def test_by_its_beginning(self, opened: Open, text: str, kind: str) -> None:
        """An array begins with a bracket, lines with a brace, the rest is CSV."""
        assert type(opened(text)).__name__ == kind

    def test_text_is_for_csv(self, opened: Open) -> None:
        """JSON says itself what is text."""
        with pytest.raises(CommandError, match="--text is for CSV"):
            opened("{}", as_text=True)


def test_the_digest_tells_records_apart() -> None:
    """It depends on the text and on the number."""
    one = Record(1, 1, b"{}", None)
    assert one.digest == Record(1, 9, b"{}", None).digest
    assert one.digest != Record(2, 1, b"{}", None).digest
    assert one.digest != Record(1, 1, b"{ }", None).digest


def test_what_is_json_as_it_stands(opened: Open) -> None:
    """Lines and items are JSON values as they are, but for those that are too long; rows are none."""
    lines = opened(b" 1 \n" + b"x" * (MAX_LINE + 1), "jsonl")
    assert [lines.json(record) for record in lines] == [b"1", None]
    array = opened('[1, {"a": 2}]')
    assert [array.json(record) for record in array] == [b"1", b'{"a": 2}']
    rows = opened("data\n1\n")
    assert [rows.json(record) for record in rows] == [None]
