"""The tail of a channel: contiguity, bounds, and what it hands out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.tails import block_of, held, stored, tail_of
from voyant_cloud.server.engine.base import StoredMessage
from voyant_cloud.server.tail import Tail


def frames_in(stream: bytes) -> list[bytes]:
    frames = []
    while stream:
        size = 4 + int.from_bytes(stream[2:4], "big")
        frames.append(stream[:size])
        stream = stream[size:]
    return frames


def seqs_in(frames: list[bytes]) -> list[int]:
    return [int(json.loads(frame[frame.index(b"{") :])["id"][-12:]) for frame in frames]


def run_after(tail: Tail, seq: int, max_bytes: int = 10**9, max_messages: int = 10**9) -> list[bytes]:
    """Return the frames that the tail gives one chunk after the other, from *seq* on."""
    frames: list[bytes] = []
    while (chunk := tail.after(seq, max_bytes, max_messages)) is not None:
        found = frames_in(chunk.data)
        assert seqs_in(found) == list(range(seq + 1, seq + 1 + chunk.count))
        assert chunk.last == stored(chunk.last.seq).id
        seq = chunk.last.seq
        frames += found
    return frames


def test_empty_tail_stands_at_the_head() -> None:
    """A channel without messages hands out nothing after its head, and nothing is missing there."""
    tail = tail_of(range(1, 1))
    assert (tail.head.seq, tail.after(0, 1_000, 10), tail.missing_after(0)) == (0, None, 0)


def test_after_gives_what_follows() -> None:
    """The frames after a seq come in order, with their number and the id of the last."""
    chunk = tail_of(range(5, 11)).after(7, 100_000, 100)
    assert chunk is not None
    assert (seqs_in(frames_in(chunk.data)), chunk.count, chunk.last) == ([8, 9, 10], 3, stored(10).id)


@pytest.mark.parametrize(("max_bytes", "max_messages"), [(1, 100), (10**6, 1)])
def test_after_is_cut_at_its_limits_but_never_empty(max_bytes: int, max_messages: int) -> None:
    """A small limit gives one frame at a time, never none."""
    tail = tail_of(range(1, 4))
    chunk = tail.after(0, max_bytes, max_messages)
    assert chunk is not None
    assert chunk.count == 1
    assert len(run_after(tail, 0, max_bytes, max_messages)) == 3


def test_after_a_seq_that_the_tail_does_not_reach() -> None:
    """Further back than the tail there is no answer, and it says how much is missing."""
    tail = tail_of(range(5, 8))
    assert (tail.after(3, 1_000, 10), tail.missing_after(3), tail.missing_after(2)) == (None, 1, 2)
    assert (tail.missing_after(4), tail.missing_after(7), tail.missing_after(8)) == (0, 0, 0)


def test_what_was_read_joins_what_came_live() -> None:
    """A page fills a hole, is cut where it goes on into what is held, and what is held is not taken again."""
    tail = tail_of(range(20, 24))
    tail.insert(block_of(range(5, 8)))
    assert held(tail) == [5, 6, 7, 20, 21, 22, 23]
    assert (tail.missing_after(7), tail.end_of_page(6), tail.end_of_page(9)) == (12, 7, 9)
    tail.insert(block_of(range(7, 15)))
    assert held(tail) == [5, 6, 7, 20, 21, 22, 23]
    tail.insert(block_of(range(8, 30)))
    assert seqs_in(run_after(tail, 4)) == list(range(5, 24))
    size = tail.size
    tail.insert(block_of(range(21, 25)))
    tail.insert(block_of(range(24, 26)))
    assert (tail.size, tail.head.seq) == (size, 23)


def test_what_is_oldest_goes_first() -> None:
    """A full tail does not keep what is older than all it has, and says so before it is read."""
    tail = tail_of(range(20, 60), max_bytes=10_000)
    block = block_of(range(1, 20))
    assert not tail.would_keep(0, block.size)
    before = held(tail)
    tail.insert(block)
    assert held(tail) == before
    assert not tail.would_keep(before[0], block.size)
    assert tail.would_keep(before[-1], block.size)
    assert tail_of(range(1, 3)).would_keep(0, block.size)


def test_all_of_it_can_go() -> None:
    """Block by block a tail lets go of everything but its head."""
    tail = tail_of(range(1, 40))
    while tail.size:
        tail.drop_oldest()
    assert (held(tail), tail.head.seq, tail.missing_after(30)) == ([], 39, 9)
    tail.extend([stored(40)])
    assert held(tail) == [40]


def test_extend_takes_what_follows_and_ignores_what_it_has() -> None:
    """Messages that overlap the tail are taken once."""
    tail = tail_of(range(1, 4))
    assert seqs_in(tail.extend([stored(2), stored(3), stored(4)]) or []) == [4]
    assert tail.head.seq == 4


@pytest.mark.parametrize(
    "message",
    [stored(5), stored(1, epoch="f" * 16), stored(3, ms=999_999)],
    ids=["hole", "other epoch", "seq counted again"],
)
def test_extend_refuses_what_does_not_follow(message: StoredMessage) -> None:
    """A hole, another epoch, or an old seq with a newer time ends the tail's use."""
    assert tail_of(range(1, 4)).extend([message]) is None


def test_id_of() -> None:
    """Ids are known for what the tail holds, and for nothing else."""
    tail = tail_of(range(3, 6))
    assert tail.id_of(4) == stored(4).id
    assert tail.id_of(2) is None
    assert tail.id_of(6) is None


@given(st.lists(st.integers(1, 30), max_size=20), st.integers(1, 20), st.integers(50, 2_000))
def test_bounds_hold_and_the_run_stays_contiguous(groups: list[int], most: int, size: int) -> None:
    """However messages arrive, the tail stays within its bounds, contiguous, and ends at the head."""
    tail = tail_of(range(1, 1), max_messages=most, max_bytes=size)
    seq = 0
    for group in groups:
        tail.extend([stored(seq + n) for n in range(1, group + 1)])
        seq += group
        first = held(tail)[0]
        frames = run_after(tail, first - 1)
        assert seqs_in(frames) == list(range(first, seq + 1))
        assert tail.head.seq == seq
        assert len(frames) <= most
        assert len(frames) == 1 or sum(map(len, frames)) <= size
        assert sum(map(len, frames)) < tail.size
