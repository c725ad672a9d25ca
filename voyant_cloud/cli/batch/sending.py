"""A batch that was sent, or was about to be, and its line in the checkpoint's journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from voyant_cloud import jsontext
from voyant_cloud.cli.output import as_json

__all__ = ["Sending", "line_of"]


@attrs.frozen
class Sending:
    """A batch that was sent, or was about to be.

    Attributes:
        key: the idempotency key that it goes with, each time.
        at: when it was first sent, seconds since 1970.
        digests: the checksum of each of its records, by number, in their order.
        after: the id of the last message that was known to be stored before it, by channel where that is known.
        texts: its messages, each as JSON.
    """

    key: str
    at: float
    digests: Mapping[int, int]
    after: Mapping[str, str]
    texts: Sequence[str]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it holds, as on the wire."""
        return [jsontext.loads(text) for text in self.texts]


def line_of(sending: Sending) -> str:
    """Return how a batch stands in the journal."""
    head = as_json(
        {
            "sending": sending.key,
            "at": sending.at,
            "numbers": list(sending.digests),
            "digests": list(sending.digests.values()),
            "after": dict(sending.after),
        }
    )
    # The messages are JSON already, and the most of the line.
    return f'{head[:-1]},"messages":[{",".join(sending.texts)}]}}'
