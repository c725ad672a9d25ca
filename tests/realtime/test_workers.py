"""A few threads for many calls."""

from __future__ import annotations

import threading
import time

import pytest

from tests.fake_realtime import PATIENCE
from voyant_cloud.realtime.workers import Workers


def end(workers: Workers) -> None:
    workers.close()
    workers.join(time.monotonic() + PATIENCE)


def test_there_are_never_more_than_the_limit() -> None:
    """However much is to be done; and no more than are needed."""
    workers, go_on = Workers("few", 3), threading.Event()
    running = threading.Semaphore(0)

    def hang() -> None:
        running.release()
        go_on.wait(PATIENCE)

    assert workers.submit(hang)
    assert running.acquire(timeout=PATIENCE)
    assert len(workers._threads) == 1
    for _ in range(10):
        workers.submit(hang)
    for _ in range(2):
        assert running.acquire(timeout=PATIENCE)
    assert workers.is_behind
    assert len(workers._threads) == 3
    go_on.set()
    end(workers)
    assert not any(thread.is_alive() for thread in workers._threads)


def test_calls_come_in_order_but_for_those_that_come_first() -> None:
    """On one thread."""
    workers, go_on, called = Workers("one", 1), threading.Event(), list[int]()
    workers.submit(lambda: called.append(0) if go_on.wait(PATIENCE) else None)
    for number in (1, 2, 3):
        workers.submit(lambda number=number: called.append(number))  # type: ignore[misc]
    workers.submit(lambda: called.append(9), first=True)
    go_on.set()
    end(workers)
    assert called in ([0, 9, 1, 2, 3], [9, 0, 1, 2, 3])


def test_a_call_that_fails_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """It is a bug, and told as one, without secrets."""
    workers, called = Workers("one", 1), threading.Event()

    def fail() -> None:
        raise SystemExit("token=rtok_secret")

    workers.submit(fail)
    workers.submit(called.set)
    assert called.wait(PATIENCE)
    end(workers)
    assert "a call on one failed; this is a bug" in caplog.text
    assert "rtok_secret" not in caplog.text


def test_where_the_system_gives_no_more_threads_one_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowly; without any it is an error."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    workers, none, called = Workers("few", 3), Workers("none", 3), list[int]()
    workers.submit(lambda: called.append(0))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for number in (1, 2, 3):
        workers.submit(lambda number=number: called.append(number))  # type: ignore[misc]
    with pytest.raises(RuntimeError, match="new thread"):
        none.submit(called.clear)
    end(workers)
    assert called == [0, 1, 2, 3]


def test_after_the_end_nothing_is_taken() -> None:
    """What waits is still called; what comes later is told so."""
    workers, called = Workers("one", 1), threading.Event()
    workers.submit(called.set)
    workers.close()
    assert not workers.submit(called.clear)
    end(workers)
    assert called.is_set()


def test_a_thread_knows_itself_and_does_not_wait_for_itself() -> None:
    """The caller may be one of them."""
    workers, told = Workers("one", 1), list[bool]()

    def close() -> None:
        told.append(workers.is_own_thread())
        end(workers)
        told.append(workers._threads[0].is_alive())

    workers.submit(close)
    end(workers)
    assert told == [True, True]
    assert not workers.is_own_thread()
