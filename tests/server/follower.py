"""A subscriber of the hub for tests."""

from __future__ import annotations

from voyant_cloud.server.message_id import MessageId

__all__ = ["Follower"]


class Follower:
    """A subscriber that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []
        self.fell_behind = 0

    def deliver(self, chunk: bytes, count: int, last: MessageId) -> bool:
        self.told.append((count, last.seq))
        return True

    def deliver_presence(self, frame: bytes) -> None:
        raise AssertionError("no presence here")

    def fall_behind(self) -> None:
        self.fell_behind += 1
