"""What the commands print: one message a line, with nothing in it that could act on a terminal."""

from __future__ import annotations

import json
from typing import Any

from voyant_cloud.converter import unstructure, wire_time
from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["columns_of", "json_of"]


def json_of(message: RealtimeMessageSummary) -> str:
    """Return a message as a line of JSON."""
    return _ascii(unstructure(message))


def columns_of(message: RealtimeMessageSummary) -> str:
    """Return a message's time, event, data and id, with tabs between them."""
    # JSON's escapes in place of everything but ASCII; the quotes around a plain name say nothing.
    event = _ascii(message.event)[1:-1]
    return "\t".join((wire_time(message.published_at), event, _ascii(message.data), message.id))


def _ascii(value: Any) -> str:
    # DEL is ASCII, too, and JSON leaves it as it is.
    return json.dumps(value, separators=(",", ":")).replace("\x7f", "\\u007f")
