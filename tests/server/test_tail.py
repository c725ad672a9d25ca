"""The tail of a channel: contiguity, bounds, and what it hands out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voyant_cloud.server.engine.base import History, StoredMessage
from voyant_cloud.server.message_id import MessageId
from voyant_cloud.server.tail import Tail

EPOCH = "0123456789abcdef"


def stored(seq: int, *, epoch: str = EPOCH, ms: int | None = None, data: str = "1") -> StoredMessage:
    return StoredMessage(MessageId(epoch, 1_000 + seq if ms is None else ms, seq), "orders:eu", "e", data)


def tail_of(seqs: range, *, head: int | None = None, max_messages: int = 100, max_bytes: int = 100_000) -> Tail:
    messages = [stored(seq) for seq in seqs]
    head_id = messages[-1].id if messages else MessageId(EPOCH, 1_000, head or 0)
    history = History(messages, head_id, messages[0].id.seq if messages else head_id.seq + 1)
    return Tail(history, max_messages=max_messages, max_bytes=max_bytes)


def seqs_in(frames: list[bytes]) -> list[int]:
    return [int(json.loads(frame[frame.index(b"{") :])["id"][-12:]) for frame in frames]


def test_empty_tail_stands_at_the_head() -> None:
    """A channel without messages hands out nothing after its head."""
    tail = tail_of(range(0))
    assert (tail.first_seq, tail.after(0, 1_000)) == (1, ([], 0))


def test_after_gives_what_follows() -> None:
    """The frames after a seq come in order, with the seq of the last."""
    frames, last = tail_of(range(5, 11)).after(7, 100_000) or ([], 0)
    assert (seqs_in(frames), last) == ([8, 9, 10], 10)


def test_after_is_cut_at_max_bytes_but_never_empty() -> None:
    """A small byte limit gives one frame at a time, never none."""
    frames, last = tail_of(range(1, 4)).after(0, 1) or ([], 0)
    assert (seqs_in(frames), last) == ([1], 1)


def test_after_a_seq_that_the_tail_does_not_reach() -> None:
    """Further back than the tail there is no answer."""
    assert tail_of(range(5, 8)).after(3, 1_000) is None


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
    tail = tail_of(range(0), max_messages=most, max_bytes=size)
    seq = 0
    for group in groups:
        tail.extend([stored(seq + n) for n in range(1, group + 1)])
        seq += group
        found = tail.after(tail.first_seq - 1, 10**9)
        assert found is not None
        frames, last = found
        assert seqs_in(frames) == list(range(tail.first_seq, seq + 1))
        assert last == tail.head.seq == seq
        assert len(frames) <= most
        assert len(frames) == 1 or sum(map(len, frames)) <= size
