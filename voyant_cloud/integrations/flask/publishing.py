"""Publishing once a request has succeeded: all of its messages in one call of the service, none if it failed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

from flask import Response, current_app, has_request_context, request

from voyant_cloud.integrations.encoding import plain
from voyant_cloud.integrations.flask.state import current_state
from voyant_cloud.integrations.sending import send
from voyant_cloud.models import RealtimeBatchMessage

__all__ = ["end_request", "publish_after_request"]

_KEY: Final = "voyant_cloud.gathering"
_FIRST_FAILURE: Final = 400


class _Gathering:
    """The messages of one request, until it ends. A request may have threads, so a lock guards all of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[RealtimeBatchMessage] = []
        self._robust = True
        self._has_ended = False

    def add(self, message: RealtimeBatchMessage, *, robust: bool) -> bool:
        """Keep a message; ``False`` where the request has ended, and nothing will send it any more."""
        with self._lock:
            if not self._has_ended:
                self._messages.append(message)
                self._robust = self._robust and robust
            return not self._has_ended

    def end(self) -> tuple[list[RealtimeBatchMessage], bool]:
        """Take the messages out, and tell whether all who gave them bear a failure; none are kept from now on."""
        with self._lock:
            messages, self._messages, self._has_ended = self._messages, [], True
            return messages, self._robust


def publish_after_request(channel: str, *, event: str, data: Any = None, robust: bool = True) -> None:
    """Publish a message once the request has succeeded: no exception, and a response with a status below 400.

    However many calls there are, the messages of one request go together, in the order of the calls, all or none; only
    where they are more than 100, or more than 2 MiB, in several calls of the service. They are sent before the response
    is, after the application's own ``after_request`` functions. Outside of a request, and while a response is streamed,
    a message is sent at once.

    The arguments are checked and *data* is encoded now, so that what is wrong with them raises here.

    Args:
        channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``.
        event: the event's name, 1 to 200 characters.
        data: what ``jsonify`` takes, at most 65,536 bytes encoded and 64 levels deep.
        robust: whether a failure to publish is logged; without, it is raised, and the response is a 500. One message of
            a request that is not robust makes all so.

    Raises:
        VoyantValidationError: an argument breaks a limit.
        RuntimeError: there is no current application, or it was not initialised.
        VoyantError: with ``robust=False``, where the message is sent at once.
    """
    current_state()
    message = RealtimeBatchMessage(channel=channel, event=event, data=plain(data, current_app.json.dumps))
    if not has_request_context() or not _gathering().add(message, robust=robust):
        _send([message], robust)


def end_request(response: Response) -> Response:
    """Send what the request has gathered, if it succeeded: an ``after_request`` function."""
    messages, robust = _gathering().end()
    if messages and response.status_code < _FIRST_FAILURE:
        _send(messages, robust)
    return response


def _gathering() -> _Gathering:
    # The environment is the request's own; ``g`` is not, where an application's context is pushed within a request.
    gathering: _Gathering = request.environ.setdefault(_KEY, _Gathering())
    return gathering


def _send(messages: Sequence[RealtimeBatchMessage], robust: bool) -> None:
    state = current_state()
    send(lambda: state.client, messages, robust=robust, when="after a request")
