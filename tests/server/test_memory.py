"""What tails may take together."""

from __future__ import annotations

from tests.server.tails import held, stored, tail_of
from voyant_cloud.server.memory import Memory

MESSAGES = range(1, 41)
SIZE = tail_of(MESSAGES).size


def test_within_the_limit_nothing_goes() -> None:
    """Tails that fit are left alone, however often they are of use."""
    memory, tails = Memory(2 * SIZE), [tail_of(MESSAGES) for _ in range(2)]
    for tail in tails * 3:
        memory.use(tail)
    assert [tail.size for tail in tails] == [SIZE, SIZE]


def test_what_was_of_use_longest_ago_gives_way() -> None:
    """The tail that nobody used shrinks, the oldest of its messages first, until all fit; the others are whole."""
    memory, (first, second, third) = Memory(2 * SIZE), (tail_of(MESSAGES) for _ in range(3))
    for tail in (first, second, first, third):
        memory.use(tail)
    assert (first.size, second.size, third.size) == (SIZE, 0, SIZE)
    third.extend([stored(41)])
    memory.use(third)
    assert 0 < first.size < SIZE
    assert held(first)[-1] == 40
    assert held(third) == list(range(1, 42))


def test_even_the_one_in_use_has_no_more_than_all_may_take() -> None:
    """A tail that is larger than the memory shrinks, too."""
    memory, tail = Memory(SIZE // 2), tail_of(MESSAGES)
    memory.use(tail)
    assert 0 < tail.size <= SIZE // 2


def test_a_tail_that_is_forgotten_counts_no_more() -> None:
    """What a channel let go of makes room for others."""
    memory, (first, second, empty) = Memory(SIZE), (tail_of(each) for each in (MESSAGES, MESSAGES, range(1, 1)))
    memory.use(first)
    memory.forget(first)
    memory.forget(first)
    memory.forget(empty)
    memory.use(empty)
    memory.use(second)
    assert (first.size, second.size) == (SIZE, SIZE)
