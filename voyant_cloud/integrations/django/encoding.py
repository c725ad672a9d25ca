"""What is published, as plain JSON by Django's rules: dates, times, decimals, UUIDs and lazy strings become text."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from voyant_cloud.integrations import encoding
from voyant_cloud.models import RealtimeBatchMessage

__all__ = ["message_of", "plain"]


def message_of(channel: str, event: str, data: Any) -> RealtimeBatchMessage:
    """Return a message that the service takes, with data of its own: what the caller changes later is not in it.

    Raises:
        VoyantValidationError: an argument breaks a limit, or *data* holds what is not JSON by Django's rules either.
    """
    return RealtimeBatchMessage(channel=channel, event=event, data=plain(data))


def plain(data: Any) -> Any:
    """Return *data* as it arrives at a subscriber.

    Raises:
        VoyantValidationError: it holds what Django's encoder cannot write, or what RFC 8259 has no word for.
    """
    return encoding.plain(data, lambda value: json.dumps(value, cls=DjangoJSONEncoder))
