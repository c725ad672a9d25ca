"""What a peer has not taken yet, in bytes and in messages."""

from __future__ import annotations

import pytest

from tests.server.fake_transport import FakeTransport
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.outbox import Outbox

LIMITS = Limits(queue_bytes=65_536, queue_messages=10)
WRITTEN = 300


def outbox_of(transport: FakeTransport, times: list[float]) -> Outbox:
    """Make one whose clock tells each of *times* once."""
    return Outbox(transport, transport, LIMITS, iter(times).__next__)  # type: ignore[arg-type]


def filled(taken: int) -> tuple[Outbox, FakeTransport]:
    """Make one with three writes of 100 bytes, in 4, 4 and 1 messages at 1, 2 and 3 s, and have the peer take some."""
    transport = FakeTransport(stalled=True)
    outbox = outbox_of(transport, [1.0, 2.0, 3.0, 4.0])
    for messages in (4, 4, 1):
        outbox.write(b"x" * (WRITTEN // 3), messages)
    transport.waiting -= taken
    return outbox, transport


@pytest.mark.parametrize(
    ("taken", "room", "stuck"), [(0, 1, 4.0), (99, 1, 4.0), (100, 5, 3.0), (260, 9, 2.0), (299, 9, 2.0)]
)
def test_what_is_taken_makes_room_write_by_write(taken: int, room: int, stuck: float) -> None:
    """Messages count until the last byte of their write is taken."""
    outbox, transport = filled(taken)
    assert outbox.stuck_for(5.0) == stuck
    written = len(transport.written)
    assert not outbox.write_if_room(b"y", room + 1)
    assert len(transport.written) == written
    assert outbox.write_if_room(b"y", room)
    assert transport.written[written:] == [b"y"]


@pytest.mark.parametrize("taken", [0, 260])
def test_bytes_make_room_one_by_one(taken: int) -> None:
    """They count as soon as they are taken, whatever becomes of the rest of their write."""
    outbox, _ = filled(taken)
    room = LIMITS.queue_bytes - WRITTEN + taken
    assert not outbox.write_if_room(b"y" * (room + 1), 1)
    assert outbox.write_if_room(b"y" * room, 1)


def test_a_peer_that_took_all_starts_anew() -> None:
    """What was counted before counts no more, and a write larger than the limits goes out."""
    transport = FakeTransport(stalled=True)
    outbox = outbox_of(transport, [1.0, 3.0, 4.0])
    outbox.write(b"x" * 100, 10)
    transport.waiting, transport.stalled = 0, False
    assert outbox.stuck_for(5.0) == 0.0
    assert outbox.write_if_room(b"x" * 100_000, 50)
    transport.stalled = True
    assert outbox.write_if_room(b"x", 1)
    assert outbox.queued == 1
    assert not outbox.write_if_room(b"x", 10)
    assert outbox.write_if_room(b"x", 9)
    transport.aborted = True
    outbox.write(b"y", 1)
    assert b"y" not in transport.written
