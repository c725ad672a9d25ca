"""What the tails of all channels may take together: the one that was of use longest ago gives way first; pure."""

from __future__ import annotations

from voyant_cloud.server.tail import Tail

__all__ = ["Memory"]


class Memory:
    """The tails of this node.

    Args:
        max_bytes: how much they may take together.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        # By when they were of use, the longest ago first, each with the size that is counted.
        self._sizes: dict[Tail, int] = {}

    def use(self, tail: Tail) -> None:
        """Note that a tail was of use, and count what it takes now."""
        self._bytes += tail.size - self._sizes.pop(tail, 0)
        if tail.size:
            self._sizes[tail] = tail.size
        while self._bytes > self._max_bytes:
            self._take_from(next(iter(self._sizes)))

    def forget(self, tail: Tail) -> None:
        """Count a tail no longer. Safe to call twice."""
        self._bytes -= self._sizes.pop(tail, 0)

    def _take_from(self, tail: Tail) -> None:
        tail.drop_oldest()
        self._bytes += tail.size - self._sizes[tail]
        self._sizes[tail] = tail.size
        if not tail.size:
            del self._sizes[tail]
