"""What is said: read from a browser, checked, and published once, however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from voyant_cloud.integrations.flask import current_realtime
from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["MAX_TEXT", "Draft", "read_draft", "send"]

EVENT = "message"
MAX_TEXT = 2000
REMEMBERED = 1000


@dataclass(frozen=True)
class Draft:
    """A message as the browser sends it.

    Attributes:
        id: the browser's own name for it.
        text: what is said, 1 to 2,000 characters.
        again: whether it was sent before, and no answer was had.
    """

    id: UUID
    text: str
    again: bool


def read_draft(body: Any) -> Draft:
    """Return the message in a request's JSON.

    Raises:
        ValueError: it is none; the text says why, to the person.
    """
    if not isinstance(body, dict) or not isinstance(body.get("id"), str) or not isinstance(body.get("text"), str):
        raise ValueError("A message needs an id and a text.")
    text = body["text"].strip()
    if not text:
        raise ValueError("A message needs some text.")
    if len(text) > MAX_TEXT:
        raise ValueError(f"That is {len(text):,} characters; a message may have {MAX_TEXT:,}.")
    try:
        return Draft(UUID(body["id"]), text, body.get("again") is True)
    except ValueError:
        raise ValueError("The id of a message must be a UUID.") from None


def send(channel: str, client_id: str, draft: Draft) -> RealtimeMessageSummary:
    """Publish a message, and return it as stored; for one that is stored already, return that.

    Raises:
        VoyantError: it was not published, or nobody knows: it may be sent again.
    """
    data = {"id": str(draft.id), "from": client_id, "text": draft.text}
    # The service remembers a key for some minutes, the history has it for longer.
    stored = _stored(channel, data) if draft.again else None
    if stored is not None:
        return stored
    # Of channel and sender, too: nobody can use up the id of somebody else's message.
    key = uuid5(draft.id, f"{channel} {client_id}")
    return current_realtime.publish(channel, event=EVENT, data=data, idempotency_key=str(key))


def _stored(channel: str, data: dict[str, str]) -> RealtimeMessageSummary | None:
    history = current_realtime.history(channel, limit=REMEMBERED)
    return next((each for each in history if each.event == EVENT and each.data == data), None)
