"""The rooms that there are, and the channel of each."""

from __future__ import annotations

import re

from flask import abort

from voyant_cloud import VoyantValidationError
from voyant_cloud.integrations.capabilities import channel_of

__all__ = ["LOBBY", "PREFIX", "ROOMS", "channel_of_room", "checked_room", "room_named"]

PREFIX = "chat"
LOBBY = "lobby"
ROOMS = (LOBBY, "trip-ideas", "kitchen")
MAX_ROOM = 40


def channel_of_room(room: str) -> str:
    """Return a room's channel, ``chat:lobby`` for ``lobby``.

    Raises:
        VoyantValidationError: it holds what may not stand in a channel's name.
    """
    return channel_of(PREFIX, room)


def checked_room(room: str) -> str:
    """Return *room* as it is, or answer the request with a 404."""
    try:
        channel_of_room(room)
    except VoyantValidationError:
        abort(404)
    # Else "Lobby" would be a room beside "lobby".
    if room != room.lower() or len(room) > MAX_ROOM:
        abort(404)
    return room


def room_named(text: str) -> str:
    """Return the room that somebody means, ``paris-in-may`` for ``Paris in May``; ``lobby`` if nothing is left."""
    return re.sub(r"[^a-z0-9_.,;=@-]+", "-", text.lower()).strip("-")[:MAX_ROOM].strip("-") or LOBBY
