"""A room: its page, its messages, and who is there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from chat.channels import ROOMS, channel_of_room, checked_room, room_named
from chat.messages import MAX_TEXT, Draft, read_draft, send
from chat.people import current_client_id
from voyant_cloud.integrations.flask import current_realtime
from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["blueprint"]

NEWEST = 50
MOST = 1000

blueprint = Blueprint("rooms", __name__, url_prefix="/room")


@blueprint.before_request
def need_a_name() -> AnyResponse | None:
    """Let nobody in who has no name: a page leads to where one is chosen, the rest is a 403."""
    g.client_id = current_client_id()
    if g.client_id is None and request.endpoint == "rooms.room":
        return redirect(url_for("people.front", room=checked_room((request.view_args or {})["room"])))
    if g.client_id is None and request.endpoint != "rooms.find":
        abort(403, "Choose a name first.")
    return None


@blueprint.get("")
def find() -> AnyResponse:
    """Lead to the room that was typed in."""
    return redirect(url_for("rooms.room", room=room_named(request.args.get("name", ""))))


@blueprint.get("/<room>")
def room(room: str) -> str:
    """Show a room; its messages come by script."""
    checked_room(room)
    rooms = ROOMS if room in ROOMS else (*ROOMS, room)
    return render_template(
        "room.html", room=room, rooms=rooms, max_text=MAX_TEXT, channel=channel_of_room(room), client_id=g.client_id
    )


@blueprint.get("/<room>/messages")
def messages(room: str) -> Response:
    """Answer with messages, oldest first: the newest ``limit`` of them, or the first ``limit`` after the id ``after``.

    ``more`` tells whether there may be others: before them, or behind.
    """
    limit = min(max(request.args.get("limit", NEWEST, type=int), 1), MOST)
    found = current_realtime.history(
        channel_of_room(checked_room(room)), limit=limit, since_id=request.args.get("after")
    )
    return jsonify(messages=[as_json(message) for message in found], more=len(found) == limit)


@blueprint.post("/<room>/messages")
def say(room: str) -> tuple[Response, int]:
    """Publish a message: ``{"id": "<a UUID of the browser's>", "from": "<client id>", "text": …, "again": true}``.

    ``from`` is who the page thinks it speaks for: in another tab another name may have been chosen. ``again`` is set
    where it was sent before.
    """
    channel = channel_of_room(checked_room(room))
    # Refuses whatever is not sent as JSON, which a form of another site cannot do.
    body = request.get_json()
    try:
        draft: Draft = read_draft(body)
    except ValueError as problem:
        abort(400, str(problem))
    if body.get("from", g.client_id) != g.client_id:
        abort(403, "You have another name by now; load the page again.")
    return jsonify(as_json(send(channel, g.client_id, draft))), 201


@blueprint.get("/<room>/people")
def people(room: str) -> Response:
    """Answer with who is here now. What comes after is told by presence events."""
    members = current_realtime.presence.get(channel_of_room(checked_room(room)))
    return jsonify(people=[{"clientId": member.client_id, "data": member.data} for member in members])


def as_json(message: RealtimeMessageSummary) -> dict[str, Any]:
    """Return a message in the shape in which a browser also gets it from the channel."""
    return {
        "id": message.id,
        "event": message.event,
        "data": message.data,
        "publishedAt": message.published_at.isoformat(),
    }
