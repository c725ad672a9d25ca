"""What of a difference is shown, and that it costs little however large the data is."""

from __future__ import annotations

import time

import pytest

from tests.testing.test_wanted import message
from voyant_cloud.testing import Published
from voyant_cloud.testing.difference import differing_lines, json_lines, one_line


def difference(wanted: object, published: object) -> list[str]:
    return differing_lines(json_lines(wanted), json_lines(published))


def test_alike_lines_stand_together() -> None:
    """Each line that was changed is above what it became."""
    assert difference({"a": 1, "lines": [10, 20], "z": 1}, {"a": 2, "lines": [11, 20], "z": 1}) == [
        "  {",
        '-   "a": 1',
        '+   "a": 2',
        '    "lines": [',
        "-     10",
        "+     11",
        "      20",
        "    ]",
        '    "z": 1',
        "  }",
    ]


def test_long_data_is_cut() -> None:
    """A failure stays readable."""
    lines = difference(list(range(1000)), "x" * 1000)
    assert len(lines) == 61
    assert lines[-1] == "… 943 more lines"
    assert max(map(len, lines)) <= 200
    assert one_line("x" * 500) == '"' + "x" * 198 + "…"


def test_a_difference_in_long_data_is_seen() -> None:
    """However much that is alike stands before it and after."""
    lines = difference(list(range(1000)), [n if n != 700 else "here" for n in range(1000)])
    assert lines[0] == "… 691 lines alike"
    assert [line for line in lines if line[0] in "+-"] == ["-   700", '+   "here"']
    assert lines[-1] == "… 252 more lines"
    near_the_end = difference(list(range(1000)), [*range(999), "here"])
    assert near_the_end[-3:] == ["-   999", '+   "here"', "  ]"]


def test_large_blocks_stand_one_after_the_other() -> None:
    """To look which of their lines are alike would take long."""
    wanted, published = ([f"{letter}{number}" + "x" * 100 for number in range(20)] for letter in "ab")
    lines = difference(wanted, published)
    assert "".join(line[0] for line in lines) == " " + "-" * 20 + "+" * 20 + " "


class Large:
    """Messages as large as they may be, each unlike the others and in nothing wholly unlike."""

    def __init__(self) -> None:
        self.messages = [
            message([{"id": f"ord_{n * 1000 + i}", "status": "open" * (n % 3), "n": i % 7} for i in range(600)])
            for n in range(20)
        ]


def test_it_costs_little() -> None:
    """Twenty messages of six hundred objects are compared in a moment, where it took half a minute."""
    published = Published(Large())
    wanted = [{"id": f"ord_{i}", "status": "paid", "n": i % 5} for i in range(600)]
    started = time.process_time()
    with pytest.raises(AssertionError) as caught:
        published("orders:eu", data=wanted)
    assert time.process_time() - started < 5
    assert len(str(caught.value).splitlines()) < 210
