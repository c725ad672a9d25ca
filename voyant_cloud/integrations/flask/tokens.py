"""The blueprint that gives a user's front end a client token of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from flask import Blueprint, Response, current_app, jsonify

from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.integrations.capabilities import Capabilities
from voyant_cloud.integrations.flask.state import current_state
from voyant_cloud.integrations.token_answers import FORBIDDEN, NO_STORE, UNAUTHORIZED, Refusal, body_of, mint
from voyant_cloud.models import MintRealtimeTokenInput

__all__ = ["token_blueprint"]

ClientId = str | int | UUID | None
Granted = Capabilities | None


def token_blueprint(
    get_client_id: Callable[[], ClientId | Awaitable[ClientId]],
    get_capabilities: Callable[[str], Granted | Awaitable[Granted]],
    *,
    ttl_seconds: int | None = None,
    name: str = "realtime",
    url_prefix: str = "/realtime",
) -> Blueprint:
    """Return a blueprint that answers a POST to ``token`` with ``{"token", "expiresAt", "channelUrl"}``.

    ::

        tokens = token_blueprint(lambda: session.get("user_id"), own_channel)
        app.register_blueprint(tokens)

    Whoever is unknown, or may do nothing, gets a 403 as JSON; where the service gives no token it is a 503. No answer
    may be cached. The functions may use ``request``, ``session`` and ``g``, may ``abort``, and may be ``async`` where
    Flask has its extra ``async``.

    Args:
        get_client_id: who asks, as others see it in presence: 1 to 128 characters, a number or a UUID, the same for all
            of a user's windows; ``None`` for somebody who gets no token.
        get_capabilities: what that client may do, by channel or pattern; ``None`` or ``{}`` for nothing, so no token.
            ``voyant_cloud.integrations.capabilities`` helps.
        ttl_seconds: how long a token lives, 1 to 86400; ``None`` leaves it to the service, which takes 3600.
        name: the blueprint's name; a second one in an application needs another.
        url_prefix: what stands before ``/token``.

    Raises:
        VoyantValidationError: *ttl_seconds* is out of range.
    """
    MintRealtimeTokenInput(client_id="checked", capabilities={"checked": ["subscribe"]}, ttl_seconds=ttl_seconds)
    blueprint = Blueprint(name, __name__, url_prefix=url_prefix)

    @blueprint.post("/token")
    def token() -> Response:
        client_id = _text_of(current_app.ensure_sync(get_client_id)())
        if not client_id:
            return _refused(UNAUTHORIZED)
        capabilities: Granted = current_app.ensure_sync(get_capabilities)(client_id)
        if not capabilities:
            return _refused(FORBIDDEN)
        state = current_state()
        minted = mint(state.client, client_id=client_id, capabilities=capabilities, ttl_seconds=ttl_seconds)
        if isinstance(minted, Refusal):
            return _refused(minted)
        return _answer(body_of(minted, state.channel_url), 200, NO_STORE)

    return blueprint


def _text_of(who: object) -> str:
    if who is None:
        return ""
    # Of any other object str() gives a name, which somebody else may choose to be this user's key.
    if isinstance(who, bool) or not isinstance(who, (str, int, UUID)):
        raise VoyantValidationError("client_id", f"must be a str, an int or a UUID, got {type(who).__name__}")
    return str(who)


def _refused(refusal: Refusal) -> Response:
    return _answer(refusal.body, refusal.status, refusal.headers)


def _answer(body: dict[str, str], status: int, headers: dict[str, str]) -> Response:
    response: Response = jsonify(body)
    response.status_code = status
    response.headers.update(headers)
    return response
