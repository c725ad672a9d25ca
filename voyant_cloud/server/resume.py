"""Where a subscriber goes on from: its ``sinceId`` against what its channel still has."""

from __future__ import annotations

from typing import Final

import attrs

from voyant_cloud.models import RealtimeChannelError
from voyant_cloud.realtime.frames import HISTORY_GAP
from voyant_cloud.server.hub import HubChannel, Page
from voyant_cloud.server.message_id import MessageId, parse_message_id
from voyant_cloud.server.tail import Tail

__all__ = ["ResumePoint", "resolve", "resolve_text"]

_LONGEST_SHOWN: Final = 200


@attrs.frozen
class ResumePoint:
    """Where to go on.

    Attributes:
        cursor: what follows it is to be sent.
        gap: what to tell the client, where messages between its id and the cursor are gone.
    """

    cursor: MessageId
    gap: RealtimeChannelError | None = None


async def resolve_text(since_id: str, channel: HubChannel) -> ResumePoint:
    """Find where a client's ``sinceId`` resumes. A text that is no id is a gap, after which only new messages come.

    Raises:
        EngineUnavailableError: the engine cannot be read.
    """
    since = parse_message_id(since_id)
    if since is None:
        head = (await channel.tail()).head
        return ResumePoint(head, _gap("sinceId is no message id", since_id[:_LONGEST_SHOWN], None))
    return await resolve(since, channel)


async def resolve(since: MessageId, channel: HubChannel) -> ResumePoint:
    """Find where to resume after a message id.

    Known and with everything after it retained: right there. Otherwise (evicted, rolled back, another epoch or
    channel) a gap, after which all that the channel retains is sent.

    Raises:
        EngineUnavailableError: the engine cannot be read.
    """
    tail = await channel.tail()
    if _known_to_be_gone(since, tail):
        return await _after_gap(since, channel)
    held = tail.id_of(since.seq)
    if held is not None or not tail.missing_after(since.seq):
        sound = held is None or held == since
        return ResumePoint(since) if sound else await _after_gap(since, channel)
    # Further back than the tail: read from the message itself on, to see that it is this very one.
    page = await channel.read(max(since.seq - 1, 0))
    return ResumePoint(since) if _follows(since, page) else await _after_gap(since, channel)


def _known_to_be_gone(since: MessageId, tail: Tail) -> bool:
    head = tail.head
    return since.epoch != head.epoch or since.seq > head.seq or (since.seq == head.seq and since.ms != head.ms)


def _follows(since: MessageId, page: Page) -> bool:
    if page.head.epoch != since.epoch or page.first_seq > since.seq + 1:
        return False
    return not page.block.holds(since.seq) or page.block.id_of(since.seq) == since


async def _after_gap(since: MessageId, channel: HubChannel) -> ResumePoint:
    page = await channel.read(0)
    if not page.block:
        return ResumePoint(page.head, _gap("history no longer reaches back to sinceId", str(since), None))
    first = page.block.id_of(page.block.first)
    gap = _gap("history no longer reaches back to sinceId", str(since), str(first))
    return ResumePoint(MessageId(first.epoch, first.ms, first.seq - 1), gap)


def _gap(message: str, since_id: str, resumed_from: str | None) -> RealtimeChannelError:
    return RealtimeChannelError(code=HISTORY_GAP, message=message, since_id=since_id, resumed_from=resumed_from)
