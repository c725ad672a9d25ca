"""A chat: the application factory. Run it with ``flask --app chat run``; README.md has the variables it needs."""

from __future__ import annotations

from click import ClickException
from flask import Flask

from voyant_cloud.integrations.flask import VoyantCloud

voyant = VoyantCloud()


def create_app(**config: object) -> Flask:
    """Return the application.

    Args:
        config: more configuration, above that of the ``FLASK_…`` variables. ``CHAT_TOKEN_SECONDS`` is how long a
            browser's token lives, 1 to 86400.

    Raises:
        VoyantConfigError: there is no API key of the service, or another setting of it is wrong.
        ClickException: ``SECRET_KEY`` is missing, which signs the sessions.
    """
    app = Flask(__name__)
    app.config.update(
        SESSION_COOKIE_NAME="chat_session",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * 1024,
        # Whoever sends a message waits for it, and can try again.
        VOYANT_CLOUD_TIMEOUT=(2, 5),
        VOYANT_CLOUD_RETRIES=1,
        CHAT_TOKEN_SECONDS=3600,
    )
    app.config.from_prefixed_env()
    app.config.update(config)
    if not app.config["SECRET_KEY"]:
        raise ClickException("Set FLASK_SECRET_KEY to a long random text; it signs the sessions.")
    voyant.init_app(app)

    from chat import pages, people, realtime, rooms, security

    security.init_app(app, voyant)
    pages.init_app(app)
    app.register_blueprint(people.blueprint)
    app.register_blueprint(rooms.blueprint)
    app.register_blueprint(realtime.tokens(app.config["CHAT_TOKEN_SECONDS"]))
    return app
