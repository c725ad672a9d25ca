"""Who somebody is: a name that is chosen, and a tag that is not. There are no passwords.

The name and the tag are the client id, as in ``Ada#k3x9pm``. Flask puts it into the signed session, into the browser's
token and into each message, so that nobody can speak or be present as somebody else, and no table of people is needed.
Two who choose the same name differ in their tag, which the page always shows.
"""

from __future__ import annotations

import secrets
import unicodedata

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from chat.channels import LOBBY, checked_room

__all__ = ["blueprint", "checked_name", "current_client_id"]

MAX_NAME = 24
TAG_LENGTH = 6
TAG_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
PUNCTUATION = " .-_'’"

blueprint = Blueprint("people", __name__)


def current_client_id() -> str | None:
    """Return the client id of whoever asks, ``None`` for somebody without a name."""
    return session.get("client_id")


def checked_name(text: str) -> str:
    """Return a name as it is shown.

    Raises:
        ValueError: it is none; the text says why, to the person.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not name:
        raise ValueError("Please choose a name.")
    if len(name) > MAX_NAME:
        raise ValueError(f"That is {len(name)} characters; a name may have {MAX_NAME}.")
    # The kinds of Unicode: letters, marks on them, digits. So nothing invisible, and no "#", which begins the tag.
    odd = next((each for each in name if unicodedata.category(each)[0] not in "LMN" and each not in PUNCTUATION), None)
    if odd is not None:
        shown = odd if odd.isprintable() else "an invisible character"
        raise ValueError(f"A name may have letters, digits, spaces and . - _ ' but not {shown}")
    if not any(map(str.isalnum, name)):
        raise ValueError("A name needs a letter or a digit.")
    return name


@blueprint.get("/")
def front() -> str | Response:
    """Ask for a name; whoever has one is led in."""
    room = checked_room(request.args.get("room", LOBBY))
    if current_client_id() is not None:
        return redirect(url_for("rooms.room", room=room))
    return render_template("front.html", room=room)


@blueprint.post("/enter")
def enter() -> Response | tuple[str, int]:
    """Take a name."""
    room = checked_room(request.form.get("room", LOBBY))
    given = request.form.get("name", "")
    try:
        name = checked_name(given)
    except ValueError as error:
        return render_template("front.html", room=room, name=given, problem=str(error)), 422
    session["client_id"] = f"{name}#{''.join(secrets.choice(TAG_LETTERS) for _ in range(TAG_LENGTH))}"
    return redirect(url_for("rooms.room", room=room), 303)


@blueprint.post("/leave")
def leave() -> Response:
    """Forget the name. The next one to be chosen is somebody else, even if it is the same."""
    session.clear()
    return redirect(url_for("people.front"), 303)
