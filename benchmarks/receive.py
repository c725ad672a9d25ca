"""One busy channel: messages a second to a handler, beside the official client on Node and the same peer."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.asked import asked
from benchmarks.measure import Measure, MissingError, Pair, Row
from benchmarks.peer import Peer
from voyant_cloud import RealtimeChannel
from voyant_cloud.realtime import fast_frames

__all__ = ["ROWS"]

MESSAGES = 200_000
"""More than half a second of them: in less, what else the machine does decides."""
OFFICIAL = Path(__file__).parent / "official"


def receive(url: str, count: int) -> float:
    """Receive *count* messages in a handler, all that the peer sends; return how many a second."""
    done = threading.Event()
    seen = 0

    def handle(_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            done.set()

    started = time.perf_counter()
    with RealtimeChannel(channel="bench", token="rtok_bench", base_url=url) as channel:
        channel.on("message", handle)
        assert done.wait(60)
        return count / (time.perf_counter() - started)


@contextmanager
def official(url: str) -> Iterator[Measure]:
    """The official client on Node."""
    if shutil.which("node") is None or not (OFFICIAL / "node_modules").exists():
        raise MissingError("needs Node 18 or newer with npm: make bench installs the packages")
    with asked(["node", str(OFFICIAL / "receive.mjs"), url, str(MESSAGES)]) as turn:
        yield turn


@contextmanager
def parser(loads: Any) -> Iterator[None]:
    """Let ours parse with *loads*, ``None`` for the standard parser."""
    before = fast_frames._LOADS
    fast_frames._LOADS = loads
    try:
        yield
    finally:
        fast_frames._LOADS = before


@contextmanager
def beside_the_official(loads: Any) -> Iterator[Pair]:
    """Both read from one peer; ours with the given parser, ``None`` for the standard one."""
    with parser(loads), Peer(MESSAGES) as url, official(url) as theirs:
        yield lambda: receive(url, MESSAGES), theirs


def _orjson() -> Any:
    try:
        from orjson import loads
    except ImportError:
        raise MissingError('needs orjson: pip install "voyant-cloud[speed]"') from None
    return loads


ROWS = [
    Row(
        name="receive",
        what="typed messages from one busy channel to a handler, core dependencies alone",
        unit="a second",
        against="the official TypeScript client on Node with ws",
        floor=0.35,
        goal=0.5,
        prepare=lambda: beside_the_official(None),
    ),
    Row(
        name="receive-speed",
        what="the same with the extra `[speed]` (orjson)",
        unit="a second",
        against="the same",
        floor=0.7,
        goal=1.0,
        prepare=lambda: beside_the_official(_orjson()),
    ),
]
