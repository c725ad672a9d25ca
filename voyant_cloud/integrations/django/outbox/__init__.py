"""An outbox in the database, for messages that must not be lost: add ``voyant_cloud.integrations.django.outbox``.

``publish`` writes a row in the caller's transaction; ``manage.py realtime_drain`` sends the rows.
"""

from __future__ import annotations

from typing import Any

__all__ = ["publish"]


def publish(channel: str, *, event: str, data: Any = None, using: str | None = None) -> None:
    """Write a message into the outbox, in the transaction that is open now: it is sent if and only if that commits.

    Args:
        channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
        event: the event's name, 1 to 200 characters.
        data: any JSON by the rules of ``DjangoJSONEncoder``, at most 65,536 bytes encoded and 64 levels deep.
        using: the alias of the transaction's database; ``None`` asks the routers, which take the default one.

    Raises:
        VoyantValidationError: an argument breaks a limit; nothing was written.
    """
    # Models can only be loaded once Django's apps are, and this package is loaded before.
    from voyant_cloud.integrations.django.outbox.writing import write

    write(channel, event=event, data=data, using=using)
