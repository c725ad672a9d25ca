"""The extension: configuration, factories, and the client of each application."""

from __future__ import annotations

import gc
import threading

import pytest
from flask import Flask

from tests.integrations.flask.project.app import create_app
from voyant_cloud import VoyantCloudClient, VoyantConfigError
from voyant_cloud.integrations.flask import VoyantCloud, current_realtime
from voyant_cloud.testing import Published, RecordingClient, VoyantServer

SECRET = "vck_very-secret-indeed"


def test_factory(server: VoyantServer) -> None:
    """One extension serves several applications, each with its own client."""
    voyant = VoyantCloud()
    apps = [Flask("first"), Flask("second")]
    for number, app in enumerate(apps):
        app.config["VOYANT_CLOUD_API_KEY"] = server.api_key
        app.config["VOYANT_CLOUD_API_URL"] = server.url
        app.config["VOYANT_CLOUD_TIMEOUT"] = [number + 1, 5]
        voyant.init_app(app)
    clients = []
    for app in apps:
        with app.app_context():
            current_realtime.publish("orders:eu", event=app.name)
            clients.append(voyant.client)
    assert clients[0] is not clients[1]
    assert [message.event for message in clients[0].realtime.history("orders:eu")] == ["first", "second"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, 'app.config["VOYANT_CLOUD_API_KEY"] is not set, and neither is VOYANT_CLOUD_API_KEY in the environment.'),
        ({"API_KEY": SECRET, "TIMOUT": 5}, 'TIMOUT"] is unknown. Did you mean app.config["VOYANT_CLOUD_TIMEOUT"]?'),
        ({"API_KEY": SECRET, "COLOUR": 5}, 'COLOUR"] is unknown. There are app.config["VOYANT_CLOUD_API_KEY"], app.'),
        ({"API_KEY": f"{SECRET}\n"}, "must be ASCII without spaces and line breaks"),
        ({"API_KEY": SECRET, "TIMEOUT": 0}, 'app.config["VOYANT_CLOUD_TIMEOUT"]: must be seconds above 0'),
        ({"API_KEY": SECRET, "CHANNEL_URL": "wss://example.com"}, 'CHANNEL_URL"]: must begin with http:// or https://'),
        ({"API_KEY": SECRET, "API_URL": f"https://me:{SECRET}@example.com"}, "must have no user name or password"),
    ],
)
def test_bad_configuration(config: dict[str, object], words: str) -> None:
    """It is told at the start, in one error without the key."""
    app = Flask("project")
    app.config.update({f"VOYANT_CLOUD_{name}": value for name, value in config.items()})
    with pytest.raises(VoyantConfigError) as raised:
        VoyantCloud(app)
    assert words in str(raised.value)
    assert SECRET not in str(raised.value)


def test_all_problems_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several problems are one error, the environment's among them."""
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", "example.com")
    with pytest.raises(VoyantConfigError) as raised:
        create_app(VOYANT_CLOUD_RETRIES=-1)
    for words in ("API_KEY", "VOYANT_CLOUD_API_URL in the environment: must begin with", "RETRIES"):
        assert words in str(raised.value)


def test_twice(server: VoyantServer, app: Flask) -> None:
    """An application is initialised once."""
    with pytest.raises(VoyantConfigError, match="'project' has been initialised before"):
        VoyantCloud(app)


def test_not_initialised() -> None:
    """Without init_app, and outside of an application, the error says so."""
    with Flask("other").app_context(), pytest.raises(RuntimeError, match=r"'other' has no VoyantCloud: call init_app"):
        current_realtime.publish("orders:eu", event="a")
    with pytest.raises(RuntimeError, match="application context"):
        current_realtime.publish("orders:eu", event="a")


def test_a_client_of_ones_own() -> None:
    """A recording client needs no server and no key."""
    client = RecordingClient()
    app = Flask("project")
    voyant = VoyantCloud(app, client=client)
    with app.app_context():
        current_realtime.publish("orders:eu", event="order.updated")
        assert voyant.client is client
    Published(client)("orders:eu", event="order.updated")


def test_threads(app: Flask, published: Published) -> None:
    """All threads may use it, each in a context of its own."""

    def publish() -> None:
        with app.app_context():
            current_realtime.publish("orders:eu", event="order.updated")

    threads = [threading.Thread(target=publish) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert published.count() == 10


def test_nothing_shows_the_key(server: VoyantServer, app: Flask) -> None:
    """Neither the extension nor its state, as a debug page would print them."""
    [state] = app.extensions.values()
    assert server.api_key not in repr(state) + repr(app.extensions)


def test_dropped_applications_close_their_connections(server: VoyantServer, app: Flask) -> None:
    """An application that a test leaves behind keeps no socket open; a warning would fail this test."""
    another = create_app()
    with another.app_context():
        client: VoyantCloudClient = another.extensions["voyant_cloud"].client
        client.realtime.publish("orders:eu", event="a")
    del another, client
    gc.collect()
