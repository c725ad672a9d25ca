"""What a browser may do by itself: listen, and be present. Messages are published by Flask alone."""

from __future__ import annotations

from flask import Blueprint

from chat.channels import PREFIX
from chat.people import current_client_id
from voyant_cloud.integrations.capabilities import everything_under
from voyant_cloud.integrations.flask import token_blueprint

__all__ = ["tokens"]


def tokens(seconds: int) -> Blueprint:
    """Return the blueprint that gives a browser its tokens; every room is open to everybody who has a name."""
    return token_blueprint(
        current_client_id, lambda _: everything_under(PREFIX, ["subscribe", "presence"]), ttl_seconds=seconds
    )
