"""The names of everything that the engine keeps in Redis; pure.

All names of one deployment share a hash tag. On a Redis Cluster they are then in one slot, and so on one of its
primaries, which is what lets a batch over several channels be all or none.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from voyant_cloud.errors import VoyantConfigError

__all__ = ["DEFAULT_PREFIX", "Names"]

DEFAULT_PREFIX: Final = "voyant"
_PREFIX: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


class Names:
    """The names of one deployment.

    Args:
        prefix: tells it from others on the same Redis: 1 to 64 of A-Z a-z 0-9 _ . : -
        database: the number of the database on it, 0 or more. Keys are each database's own, pub/sub channels are not.

    Raises:
        VoyantConfigError: the prefix is none.
    """

    def __init__(self, prefix: str = DEFAULT_PREFIX, database: int = 0) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise VoyantConfigError(f"engine: prefix is {prefix[:80]!r}, must be 1 to 64 of A-Z a-z 0-9 _ . : -")
        tag = f"{{{prefix}}}:"
        self._tag = tag
        self.places = f"{tag}place:"
        self.feeds = f"{tag}feed:" if database == 0 else f"{tag}{database}:feed:"
        self.channels = f"{tag}channels"
        self.used = f"{tag}used"
        self.unused = f"{tag}unused"
        self.ends = f"{tag}ends"
        self.changes = f"{tag}changes"
        self.ready = f"{tag}ready"
        self.generation = f"{tag}generation"

    def place(self, channel: str) -> str:
        """Name where a channel stands."""
        return self.places + channel

    def stream(self, channel: str) -> str:
        """Name a channel's messages."""
        return f"{self._tag}stream:{channel}"

    def feed(self, channel: str) -> str:
        """Name the pub/sub channel on which a channel's followers are told."""
        return self.feeds + channel

    def probe(self, node: str) -> str:
        """Name the pub/sub channel on which a node hears itself."""
        return f"{self._tag}probe:{node}"

    def record(self, node: str) -> str:
        """Name a node's record of the last group that it committed."""
        return f"{self._tag}node:{node}"

    def answer(self, idempotency_key: str) -> str:
        """Name the answer to an idempotency key, which may be long and hold anything."""
        return f"{self._tag}answer:{hashlib.sha256(idempotency_key.encode()).hexdigest()}"

    def presence(self, channel: str) -> tuple[str, str, str, str, str]:
        """Name what scripts about a channel's presence take: members, holds, counts, ends, changes."""
        members, holds, counts = (f"{self._tag}{kind}:{channel}" for kind in ("members", "holds", "counts"))
        return members, holds, counts, self.ends, self.changes
