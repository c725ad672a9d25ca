"""How names look on a page, and what is answered when something goes wrong."""

from __future__ import annotations

from flask import Flask, Response, current_app, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from voyant_cloud import ConflictError, InvalidRequestError, VoyantError, VoyantValidationError

__all__ = ["init_app"]

JSON_ENDPOINTS = frozenset({"rooms.messages", "rooms.say", "rooms.people"})


def init_app(app: Flask) -> None:
    """Add the error pages and the template filters to an application."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(VoyantError, _service_error)
    app.add_template_filter(lambda room: f"{room[:1].upper()}{room[1:].replace('-', ' ')}", "title_of")


def _http_error(error: HTTPException) -> Response | tuple[Response | str, int]:
    if error.code is None:
        return Response(error.get_response())
    if request.endpoint in JSON_ENDPOINTS:
        return jsonify(error=error.description), error.code
    return render_template("error.html", error=error), error.code


def _service_error(error: VoyantError) -> tuple[Response, int]:
    if isinstance(error, (VoyantValidationError, InvalidRequestError)):
        return jsonify(error="The service does not take this."), 400
    if isinstance(error, ConflictError):
        return jsonify(error="This message was sent before, with another text."), 409
    current_app.logger.warning("%s: %s", type(error).__name__, error)
    return jsonify(error="The service cannot be reached at the moment."), 503
