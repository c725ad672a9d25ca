"""The time by which drains wait and claim: UTC, also where the project keeps local time, whose hours come twice."""

from __future__ import annotations

import datetime as dt

from django.conf import settings

__all__ = ["utc_now"]


def utc_now() -> dt.datetime:
    """Return the time in UTC, with an offset if the database's times have one, as ``USE_TZ`` says."""
    now = dt.datetime.now(dt.UTC)
    return now if settings.USE_TZ else now.replace(tzinfo=None)
