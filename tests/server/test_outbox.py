"""What a peer has not taken yet, in bytes and in messages."""

from __future__ import annotations

from typing import Any

from tests.server.fake_transport import FakeTransport
from voyant_cloud.server.limits import Limits
from voyant_cloud.server.outbox import Outbox


def test_what_is_taken_makes_room_write_by_write() -> None:
    """Messages count until the last byte of their write is taken; bytes count one by one."""
    transport: Any = FakeTransport(stalled=True)
    outbox = Outbox(transport, transport, Limits(queue_bytes=65_536, queue_messages=10))
    outbox.write(b"x" * 100, 1.0, 4)
    outbox.write(b"x" * 100, 2.0, 4)
    outbox.write(b"x" * 100, 3.0, 1)
    assert (outbox.has_room(1, 1), outbox.has_room(1, 2)) == (True, False)
    transport.waiting = 201
    assert (outbox.has_room(1, 2), outbox.stuck_for(5.0)) == (False, 4.0)
    transport.waiting = 200
    assert (outbox.has_room(1, 5), outbox.has_room(1, 6), outbox.stuck_for(5.0)) == (True, False, 3.0)
    transport.waiting = 40
    assert (outbox.has_room(1, 9), outbox.has_room(1, 10), outbox.stuck_for(5.0)) == (True, False, 2.0)
    assert (outbox.has_room(65_496, 1), outbox.has_room(65_497, 1)) == (True, False)
    transport.waiting = 0
    assert (outbox.has_room(10**9, 10**9), outbox.stuck_for(5.0)) == (True, 0.0)


def test_a_peer_that_took_all_starts_anew() -> None:
    """What was counted before counts no more, and a write larger than the limits goes out."""
    transport: Any = FakeTransport(stalled=True)
    outbox = Outbox(transport, transport, Limits(queue_bytes=65_536, queue_messages=10))
    outbox.write(b"x" * 100, 1.0, 10)
    transport.waiting, transport.stalled = 0, False
    outbox.write(b"x" * 100_000, 2.0, 50)
    transport.stalled = True
    outbox.write(b"x", 3.0, 1)
    assert (outbox.queued, outbox.has_room(1, 9), outbox.has_room(1, 10)) == (1, True, False)
    transport.aborted = True
    outbox.write(b"y", 4.0, 1)
    assert b"y" not in transport.written
