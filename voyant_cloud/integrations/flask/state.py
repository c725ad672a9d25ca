"""What the extension keeps of an application."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import attrs
from flask import Flask, current_app

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.errors import VoyantConfigError

__all__ = ["State", "current_state", "keep"]

_NAME: Final = "voyant_cloud"


@attrs.frozen
class State:
    """An application's client, and what belongs to it.

    Attributes:
        client: makes the calls.
        channel_url: the address at which browsers connect.
        arguments: what another client can be made of; ``None`` where the client is the caller's own.
    """

    client: VoyantCloudClient
    channel_url: str
    arguments: Mapping[str, Any] | None = attrs.field(repr=False)

    def client_for_channel(self) -> AbstractContextManager[VoyantCloudClient]:
        """Return a client for a command that follows a channel, to be closed by the caller."""
        if self.arguments is None:
            return nullcontext(self.client)
        # The channel itself tries again, and its waits end at once when it is closed.
        return VoyantCloudClient(**{**self.arguments, "retries": 0})


def keep(app: Flask, state: State) -> None:
    """Note an application's state.

    Raises:
        VoyantConfigError: it has one.
    """
    if _NAME in app.extensions:
        raise VoyantConfigError(f"init_app: the application {app.name!r} has been initialised before")
    app.extensions[_NAME] = state


def current_state() -> State:
    """Return the state of the current application.

    Raises:
        RuntimeError: there is no current application, or it was not initialised.
    """
    state = current_app.extensions.get(_NAME)
    if not isinstance(state, State):
        raise RuntimeError(f"the application {current_app.name!r} has no VoyantCloud: call init_app(app) first")
    return state
