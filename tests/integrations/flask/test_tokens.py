"""The token blueprint through Flask's own stack, with tokens that the service takes."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.integrations.flask.project.app import create_app
from voyant_cloud import RealtimeChannel, VoyantValidationError
from voyant_cloud.integrations.capabilities import own_channel
from voyant_cloud.integrations.flask import VoyantCloud, token_blueprint
from voyant_cloud.testing import VoyantServer


def ask(app: Flask, user: str | None) -> TestResponse:
    return app.test_client().post("/realtime/token", headers={} if user is None else {"X-User": user})


def test_token(app: Flask, server: VoyantServer) -> None:
    """The body is what a front end needs: with it the user's own channel opens."""
    answer = ask(app, "42")
    body = answer.get_json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(body) == {"token", "expiresAt", "channelUrl"}
    assert body["channelUrl"] == server.url
    left = dt.datetime.fromisoformat(body["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=59) < left <= dt.timedelta(hours=1)
    with RealtimeChannel(channel="user:42", token=body["token"], base_url=body["channelUrl"]) as channel:
        assert channel.wait_connected(10)


def test_channel_url(server: VoyantServer, app: Flask) -> None:
    """Browsers may be sent to another address than the servers."""
    other = create_app(VOYANT_CLOUD_CHANNEL_URL="https://rt.example.com/")
    assert ask(other, "42").get_json()["channelUrl"] == "https://rt.example.com"


@pytest.mark.parametrize(("user", "code"), [(None, "unauthorized"), ("", "unauthorized"), ("guest", "forbidden")])
def test_none(app: Flask, user: str | None, code: str) -> None:
    """Nobody in particular, and whoever may do nothing, gets a 403 as JSON."""
    answer = ask(app, user)
    assert answer.status_code == 403
    assert answer.get_json()["code"] == code
    assert answer.headers["Cache-Control"] == "no-store"


def test_abort(app: Flask) -> None:
    """The functions may abort; a GET is none of ours."""
    assert ask(app, "banned").status_code == 401
    assert app.test_client().get("/realtime/token").status_code == 405


def test_number_and_options(server: VoyantServer) -> None:
    """A client id may be a number, even 0; the life of a token, the name and the place may be chosen."""
    app = Flask("project")
    app.config.update(VOYANT_CLOUD_API_KEY=server.api_key, VOYANT_CLOUD_API_URL=server.url)
    VoyantCloud(app)
    app.register_blueprint(token_blueprint(lambda: 0, own_channel))
    short = token_blueprint(lambda: 7, own_channel, ttl_seconds=60, name="short", url_prefix="/short")
    app.register_blueprint(short)
    assert app.test_client().post("/realtime/token").status_code == 200
    body = app.test_client().post("/short/token").get_json()
    left = dt.datetime.fromisoformat(body["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert left <= dt.timedelta(seconds=60)


@pytest.mark.parametrize("who", [object(), True, b"42"])
def test_an_object_for_its_key(server: VoyantServer, who: Any) -> None:
    """A user in place of its key would be known by its name."""
    app = Flask("project")
    app.config.update(VOYANT_CLOUD_API_KEY=server.api_key, VOYANT_CLOUD_API_URL=server.url, TESTING=True)
    VoyantCloud(app)
    app.register_blueprint(token_blueprint(lambda: who, own_channel))
    with pytest.raises(VoyantValidationError, match="client_id: must be a str, an int or a UUID"):
        app.test_client().post("/realtime/token")


def test_bad_life() -> None:
    """A life out of range is told when the blueprint is made."""
    with pytest.raises(VoyantValidationError, match="86400"):
        token_blueprint(lambda: 1, own_channel, ttl_seconds=100_000)


def test_service_out_of_order(app: Flask, server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """The browser is told no more than that, and when to ask again; the log has the reason."""
    with server.refuse(503, retry_after=7):
        answer = ask(app, "42")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    assert answer.get_json() == {"error": "realtime is not available now", "code": "service_unavailable"}
    assert "no realtime token for client '42': ServiceUnavailableError" in caplog.text


def test_token_is_not_logged(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """No line of any logger holds the token."""
    with caplog.at_level(logging.DEBUG):
        token = ask(app, "42").get_json()["token"]
    assert token not in caplog.text
    assert "rtok_" not in caplog.text
