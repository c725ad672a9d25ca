"""How far a batch is: counters that any thread may raise, and the bar or the lines that show them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import attrs

from voyant_cloud.cli.output import complain

__all__ = ["Counters", "showing"]

TELL_EVERY: Final = 5.0
"""Seconds between two lines where there is no terminal."""
LOOK_EVERY: Final = 0.25
"""Seconds between two looks at the counters where there is one."""
_LONGEST: Final = 360_000.0


@attrs.define
class Counters:
    """What happened in this run.

    Lock rule: ``_lock`` guards the numbers that several threads raise.

    Attributes:
        published: messages that were acknowledged.
        batches: in how many requests.
        rejected: records that will not be published.
        started: when the run began, by the clock below.
        clock: seconds that never go back.
    """

    published: int = 0
    batches: int = 0
    rejected: int = 0
    clock: Callable[[], float] = time.monotonic
    started: float = attrs.field(init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.started = self.clock()

    @property
    def seconds(self) -> float:
        """How long it takes so far."""
        return self.clock() - self.started

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.published / max(self.seconds, 0.001)

    def count(self, *, published: int = 0, rejected: int = 0) -> None:
        """Raise the numbers: by a batch that was published, or by records that were rejected."""
        with self._lock:
            self.published += published
            self.batches += 1 if published else 0
            self.rejected += rejected


@contextmanager
def showing(counters: Counters, fraction: Callable[[], float | None], *, on_terminal: bool) -> Iterator[None]:
    """Show progress on stderr, from a thread of its own, until the block is left.

    Args:
        counters: what is shown.
        fraction: how much of the input was read, 0 to 1; ``None`` where its length is not known.
        on_terminal: whether stderr is a terminal: a bar there, otherwise a line every few seconds.
    """
    leave = threading.Event()
    shower = _show_bar if on_terminal else _show_lines
    thread = threading.Thread(target=shower, args=(counters, fraction, leave), name="voyant-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def _show_bar(counters: Counters, fraction: Callable[[], float | None], leave: threading.Event) -> None:
    # As in Output.table: whoever has no terminal need not wait for it.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[words]}"))
    known = fraction() is not None
    with Progress(*(columns if known else (columns[0], columns[3])), console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0 if known else None, words="")
        while not leave.wait(LOOK_EVERY):
            part = fraction()
            bar.update(task, completed=part or 0.0, words=_words(counters, part))


def _show_lines(counters: Counters, fraction: Callable[[], float | None], leave: threading.Event) -> None:
    while not leave.wait(TELL_EVERY):
        part = fraction()
        percent = "" if part is None else f"{part:.0%}, "
        complain(f"{percent}{_words(counters, part)}")


def _words(counters: Counters, part: float | None) -> str:
    rejected = f", {counters.rejected:,} rejected" if counters.rejected else ""
    left = _time_left(counters.seconds, part)
    return f"{counters.published:,} published{rejected}, {counters.rate:,.0f}/s{left}"


def _time_left(seconds: float, part: float | None) -> str:
    if not part or part >= 1:
        return ""
    left = seconds / part - seconds
    if left > _LONGEST:
        return ""
    minutes, rest = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f", {hours}:{minutes:02}:{rest:02} left" if hours else f", {minutes}:{rest:02} left"
