"""A small application by a factory, for the tests; it takes its service from the environment."""

from __future__ import annotations

import os

from flask import Flask, abort, request

from voyant_cloud.integrations.capabilities import own_channel
from voyant_cloud.integrations.flask import VoyantCloud, current_realtime, publish_after_request, token_blueprint

voyant = VoyantCloud()


def create_app(**config: object) -> Flask:
    """Return an application."""
    app = Flask("project")
    app.config.from_prefixed_env()
    app.config.update(config)
    voyant.init_app(app)
    app.register_blueprint(token_blueprint(lambda: request.headers.get("X-User"), capabilities_of))
    app.add_url_rule("/publish/", view_func=publish)
    if os.environ.get("PROJECT_WARM_UP"):
        with app.app_context():
            current_realtime.publish("orders:eu", event="warm-up")
    return app


def capabilities_of(client_id: str) -> dict[str, list[str]] | None:
    """The user "guest" may do nothing, "banned" is sent away."""
    if client_id == "banned":
        abort(401)
    return None if client_id == "guest" else own_channel(client_id)


def publish() -> dict[str, int]:
    """Publish after the request, and say which process did."""
    publish_after_request("orders:eu", event="order.updated", data={"pid": os.getpid()}, robust=False)
    return {"pid": os.getpid()}
