"""Many timers: which are due, in which order, and when to look next."""

from __future__ import annotations

import random

from voyant_cloud.realtime.timers import Timers


def test_those_that_are_due_come_in_order() -> None:
    """Each once."""
    timers = Timers()
    for key, due_at in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 9.0)):
        timers.set(key, due_at)
    assert timers.next_look() == 1.0
    assert timers.take_due(3.0) == [2, 3, 1]
    assert timers.take_due(3.0) == []
    assert timers.next_look() == 9.0


def test_the_last_setting_counts() -> None:
    """Later or sooner than before."""
    timers = Timers()
    timers.set(1, 5.0)
    timers.set(1, 8.0)
    timers.set(2, 5.0)
    timers.set(2, 1.0)
    assert timers.take_due(1.0) == [2]
    assert timers.take_due(7.0) == []
    assert timers.take_due(8.0) == [1]
    assert timers.next_look() is None


def test_a_cancelled_timer_is_never_due() -> None:
    """Until it is set again."""
    timers = Timers()
    timers.set(1, 1.0)
    timers.cancel(1)
    timers.cancel(2)
    assert timers.take_due(9.0) == []
    timers.set(1, 1.0)
    assert timers.take_due(9.0) == [1]


def test_setting_a_timer_over_and_over_takes_no_memory() -> None:
    """A busy channel does so with each read."""
    timers = Timers()
    for number in range(1000):
        timers.set(1, 10.0 + number)
    assert len(timers._looks) == 1


def test_it_is_a_table_of_keys_and_times() -> None:
    """Whatever is done to it, in whatever order."""
    chance = random.Random(5)
    timers, table, now = Timers(), dict[int, float](), 0.0
    for _ in range(5000):
        key, now = chance.randrange(20), now + chance.random()
        if chance.random() < 0.3:
            timers.cancel(key)
            table.pop(key, None)
        else:
            table[key] = now + chance.random() * 10
            timers.set(key, table[key])
        due = sorted((at, key) for key, at in table.items() if at <= now)
        assert timers.take_due(now) == [key for _, key in due]
        for _, each in due:
            del table[each]
        look = timers.next_look()
        assert look is None or look > now
        assert not table or (look is not None and look <= min(table.values()))
