"""The extension: one client for each application, and ``current_realtime``, the calls of the current one's."""

from __future__ import annotations

from typing import cast

from flask import Flask
from werkzeug.local import LocalProxy

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.integrations.flask.commands import realtime
from voyant_cloud.integrations.flask.conf import read_settings
from voyant_cloud.integrations.flask.publishing import end_request
from voyant_cloud.integrations.flask.state import State, current_state, keep
from voyant_cloud.realtime.api import RealtimeApi

__all__ = ["VoyantCloud", "current_realtime"]

current_realtime: RealtimeApi = cast(RealtimeApi, LocalProxy(lambda: current_state().client.realtime))
"""The calls of the current application's client: ``current_realtime.publish("orders:eu", event="order.updated")``."""


class VoyantCloud:
    """Makes applications clients of the service.

    ::

        voyant = VoyantCloud()

        def create_app():
            app = Flask(__name__)
            voyant.init_app(app)
            return app

    One extension serves any number of applications, each by its own configuration. A client is safe in any thread, and
    under servers that fork: a worker that inherits one uses it with connections of its own.

    Args:
        app: the application; without one, ``init_app`` takes it later.
        client: as for ``init_app``.

    Raises:
        VoyantConfigError: as ``init_app``.
    """

    def __init__(self, app: Flask | None = None, *, client: VoyantCloudClient | None = None) -> None:
        if app is not None:
            self.init_app(app, client=client)

    def init_app(self, app: Flask, *, client: VoyantCloudClient | None = None) -> None:
        """Read the application's configuration; give it a client, the commands, and a hook at the end of requests.

        Args:
            app: the application, its configuration complete.
            client: a client of the caller's own, such as a ``RecordingClient``; ``None`` makes one by the
                configuration and the environment.

        Raises:
            VoyantConfigError: the configuration is missing something or wrong, and it says all that is; or the
                application has been initialised before.
        """
        settings = read_settings(app.config, needs_key=client is None)
        arguments = settings.client_arguments() if client is None else None
        client = client or VoyantCloudClient(**settings.client_arguments())
        keep(app, State(client, settings.channel_url(client.base_url), arguments))
        # Of an application's hooks the one registered first runs last, so what others commit there is committed.
        app.after_request(end_request)
        app.cli.add_command(realtime)

    @property
    def client(self) -> VoyantCloudClient:
        """The current application's client. Do not close it.

        Raises:
            RuntimeError: there is no current application, or it was not initialised.
        """
        return current_state().client

    @property
    def channel_url(self) -> str:
        """The address at which browsers connect: for a Content-Security-Policy, its ``connect-src``.

        Raises:
            RuntimeError: there is no current application, or it was not initialised.
        """
        return current_state().channel_url
