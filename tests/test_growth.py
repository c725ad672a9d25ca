"""How the growth of costs is measured and told: what is marked, and what is a disturbed turn and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from benchmarks import growth
from benchmarks.process import cpu_seconds, cpu_seconds_at_rest
from benchmarks.series import Series, Turn


def test_the_steepest_step_tells_the_growth() -> None:
    """A cost that is fixed in part, or grows in one place alone, is judged where it grows most."""
    assert growth.steepness([1, 10, 100], [3, 3, 3]) == 0
    assert growth.steepness([1, 10, 100], [1, 10, 10]) == pytest.approx(1)
    assert growth.steepness([2, 4, 8], [16, 4, 16]) == pytest.approx(2)
    assert growth.steepness([1, 10, 100], [2, 20, 2]) == 0


def test_what_grows_faster_than_its_work_is_marked() -> None:
    """Against the exponent that is allowed, and not by the clock, which runs for others, too."""
    curves = {"flat": [5.0, 5.0], "steep": [1.0, 4.0], "steep, by the clock": [1.0, 4.0]}
    series = {
        name: {"grows": "things", "exponent": most, "points": [1, 4], "curves": curves, "beside": {}}
        for most, name in ((0, "a"), (1, "b"))
    }
    marked = [line for line in growth.table(series).splitlines() if "faster" in line]
    assert marked == ["| things, 1 to 4 | steep | 1 | 4 | 1.00 |  | 0 | grows faster than its work |"]


def test_what_grows_with_the_machine_is_not_marked() -> None:
    """What has a bare one beside it is judged by its ratio to that, and the bare one not at all."""
    curves = {"steep": [2.0, 8.0], "steeper": [1.0, 16.0], "bare": [1.0, 4.0]}
    beside = {"steep": "bare", "steeper": "bare"}
    series = {"a": {"grows": "things", "exponent": 0, "points": [1, 4], "curves": curves, "beside": beside}}
    assert growth.table(series).splitlines()[2:] == [
        "| things, 1 to 4 | steep | 2 | 8 | 0.00 | bare | 0 |  |",
        "| things, 1 to 4 | steeper | 1 | 16 | 1.00 | bare | 0 | grows faster than its work |",
        "| things, 1 to 4 | bare | 1 | 4 | 1.00 |  |  |  |",
    ]


def series_of(disturbed: Sequence[float], steep: Sequence[float], taken: list[int] | None = None) -> Series:
    """A series at 1 and at 10: a turn of it costs 1 at 1, and at 10 what comes next of each of the two."""
    order: list[int] = [] if taken is None else taken

    @contextmanager
    def prepare(point: int) -> Iterator[Turn]:
        costs = iter([(1.0, 1.0)] * 100 if point == 1 else zip(disturbed, steep, strict=True))

        def turn() -> dict[str, float]:
            order.append(point)
            return dict(zip(("disturbed", "steep"), next(costs), strict=True))

        yield turn

    return Series(name="a", grows="things", points=(1, 10), exponent=0, prepare=prepare)


def test_what_seems_to_grow_is_measured_on(capsys: pytest.CaptureFixture[str]) -> None:
    """One disturbed turn of few marks nothing; after the warm-up, turns are taken as long as something is marked."""
    grown = growth.measure(series_of([1, 1, 4, 1, 1, 1, 1], [1] * 7), turns=3)
    assert grown["curves"] == {"disturbed": [1, 1], "steep": [1, 1]}
    assert capsys.readouterr().err.count("turn") == 3
    grown = growth.measure(series_of([1, 4, 4, 1, 1, 1, 1], [1] * 7), turns=3)
    assert grown["curves"]["disturbed"] == [1, 1]
    assert capsys.readouterr().err.count("turn") == 6


def test_what_grows_is_marked_in_the_end() -> None:
    """Four times the turns, in each of which all points are measured, after one that does not count."""
    taken: list[int] = []
    grown = growth.measure(series_of([1] * 13, [99, *[2] * 12], taken), turns=3)
    assert taken == [1, 10] * 13
    assert grown["curves"] == {"disturbed": [1, 1], "steep": [1, 2]}
    assert [line.split(" | ")[1] for line in growth.table({"a": grown}).splitlines() if "faster" in line] == ["steep"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked into by /proc")
def test_no_processor_time_is_missed() -> None:
    """What a process uses without a pause counts to the end, though its clock moves only now and then meanwhile."""
    works = "print(flush=True)\nfor _ in open(0): sum(range(2_000_000))"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", works], text=True, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = cpu_seconds_at_rest(process.pid)
        process.stdin.write("go\n")
        process.stdin.flush()
        while cpu_seconds(process.pid) == before:
            pass
        used = cpu_seconds_at_rest(process.pid) - before
        assert used > 0.008
        assert cpu_seconds_at_rest(process.pid) - before == used
        process.stdin.close()
