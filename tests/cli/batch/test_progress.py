"""What is shown while a batch goes out: lines where there is no terminal, a bar where there is one."""

from __future__ import annotations

import re

import pytest

from tests.waiting import until
from voyant_cloud.cli.batch import progress
from voyant_cloud.cli.batch.progress import Counters, showing


class Clock:
    """Seconds, which tests set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def counted(published: int, seconds: float, rejected: int = 0) -> Counters:
    clock = Clock()
    counters = Counters(clock=clock)
    counters.count(published=published)
    counters.count(rejected=rejected)
    clock.now += seconds
    return counters


@pytest.mark.parametrize(
    ("counters", "fraction", "line"),
    [
        (counted(5000, 10.0), 0.25, "25%, 5,000 published, 500/s, 0:30 left"),
        (counted(5000, 10.0, rejected=2), 0.001, "0%, 5,000 published, 2 rejected, 500/s, 2:46:30 left"),
        (counted(5000, 10.0), None, "5,000 published, 500/s"),
        (counted(5000, 10.0), 1.0, "100%, 5,000 published, 500/s"),
    ],
)
def test_lines(monkeypatch: pytest.MonkeyPatch, counters: Counters, fraction: float | None, line: str) -> None:
    """Every few seconds there is a line with how many, how fast and how long to go, where that is known."""
    said: list[str] = []
    monkeypatch.setattr(progress, "TELL_EVERY", 0.01)
    # Not from capfd: what is written while it reads is lost.
    monkeypatch.setattr(progress, "complain", said.append)
    with showing(counters, lambda: fraction, on_terminal=False):
        until(lambda: said)
    assert set(said) == {line}


def test_a_line_goes_to_stderr(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where results do not go."""
    monkeypatch.setattr(progress, "TELL_EVERY", 0.01)
    asked: list[None] = []

    def fraction() -> float:
        asked.append(None)
        return 0.5

    with showing(counted(1, 0.1), fraction, on_terminal=False):
        until(lambda: len(asked) > 1)
    assert "50%, 1 published" in capfd.readouterr().err


def test_nothing_is_said_of_a_short_run(capfd: pytest.CaptureFixture[str]) -> None:
    """A run that is over before the first line is due ends at once, without one."""
    with showing(counted(1, 0.1), lambda: 1.0, on_terminal=False):
        pass
    assert capfd.readouterr().err == ""


def test_bar(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar has the same words beside it, and is gone in the end."""
    monkeypatch.setattr(progress, "LOOK_EVERY", 0.01)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    said: list[str] = []
    with showing(counted(5000, 10.0), lambda: 0.25, on_terminal=True):
        until(lambda: said.append(capfd.readouterr().err) or re.search("25%.*5,000 published", "".join(said)))


def test_counting_from_several_places() -> None:
    """Each batch counts once."""
    counters = counted(300, 2.0, rejected=4)
    assert (counters.published, counters.batches, counters.rejected) == (300, 1, 4)
    assert counters.rate == 150
