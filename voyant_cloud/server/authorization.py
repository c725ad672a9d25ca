"""The API key that a request comes with, and what it allows."""

from __future__ import annotations

from aiohttp import web

from voyant_cloud.server.api_keys import ApiKey
from voyant_cloud.server.context import CONTEXT
from voyant_cloud.server.refusal import Refusal

__all__ = ["authorize"]


def authorize(request: web.Request, scope: str) -> ApiKey:
    """Find the API key of a request.

    Args:
        request: any request.
        scope: what the key must allow.

    Raises:
        Refusal: there is no key, it is not one of this server's, or it lacks the scope.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    found = request.app[CONTEXT].keys.find(key.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise Refusal("unauthorized", "the API key is missing or not valid; send Authorization: Bearer <api key>")
    if scope not in found.scopes:
        raise Refusal("forbidden", f"the API key lacks the scope {scope}")
    return found
