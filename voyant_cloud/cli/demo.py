"""``voyant-cloud demo``: the whole story on this machine, told and checked step by step."""

from __future__ import annotations

import importlib
import logging
import queue
from typing import TYPE_CHECKING, Any, TypeVar

import click

import voyant_cloud
from voyant_cloud.cli.invocation import Invocation
from voyant_cloud.cli.options import output_command
from voyant_cloud.cli.output import Output
from voyant_cloud.cli.serve import require_server_extra
from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.errors import VoyantError
from voyant_cloud.models import RealtimeMessageSummary

if TYPE_CHECKING:
    from voyant_cloud import RealtimeChannel

__all__ = ["demo"]

T = TypeVar("T")
CHANNEL = "orders:eu"
PATIENCE = 10.0


class DemoFailedError(VoyantError):
    """A step of the story did not go as it should."""


@click.command(short_help="Show it all against an embedded server, in seconds.")
@output_command
def demo(invocation: Invocation, out: Output, /) -> None:
    """Show it all against an embedded server: publish, subscribe, history, presence, resume. Takes seconds."""
    invocation.log_notices(quiet=out.quiet)
    require_server_extra()
    # The cut connection of the last step is part of the story, which tells it itself.
    logging.getLogger("voyant_cloud").setLevel(logging.ERROR)
    testing = importlib.import_module("voyant_cloud.testing")
    with testing.VoyantServer() as server, VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        _Story(server, client, out).tell()
    if not (out.quiet or out.as_json):
        out.line("\nDone: everything published was received, once and in order.")


class _Story:
    """The steps, with what the subscriber saw so far."""

    def __init__(self, server: Any, client: VoyantCloudClient, out: Output) -> None:
        self._server = server
        self._client = client
        self._out = out
        self._steps = 0
        self._messages: queue.Queue[RealtimeMessageSummary] = queue.Queue()
        self._presence: queue.Queue[Any] = queue.Queue()

    def tell(self) -> None:
        self._say(f"An embedded server listens on {self._server.url}. No account, no internet.")
        token = self._client.realtime.tokens.mint(
            client_id="user_42", capabilities={"orders:*": ["subscribe", "publish", "presence"]}
        )
        self._say(f"The server side mints a token for user_42, good until {token.expires_at:%H:%M} UTC.")
        with voyant_cloud.RealtimeChannel(channel=CHANNEL, token=token.token, base_url=self._server.url) as channel:
            channel.on("message", self._messages.put)
            channel.on("presence", self._presence.put)
            _expect(channel.wait_connected(PATIENCE), "the subscriber connects")
            self._say(f"A subscriber connects to {CHANNEL} with it. It never sees the API key.")
            self._publish(channel)
            self._be_present(channel)
            self._lose_the_connection(channel)

    def _publish(self, channel: RealtimeChannel) -> None:
        self._client.realtime.publish(CHANNEL, event="order.updated", data={"orderId": "ord_1", "status": "paid"})
        self._say(f"Published one message over REST; received live: {_show(_next(self._messages))}")
        batch = [{"channel": CHANNEL, "event": "order.created", "data": {"orderId": f"ord_{n}"}} for n in range(2, 5)]
        self._client.realtime.publish_batch(batch)
        received = [_next(self._messages) for _ in batch]
        self._say(f"Published a batch of {len(batch)}; received in order:", *map(_show, received))
        channel.publish("cursor.moved", {"x": 10, "y": 20})
        self._say(f"The subscriber publishes over its socket too: {_show(_next(self._messages))}")
        history = self._client.realtime.history(CHANNEL)
        _expect([message.event for message in history][-1] == "cursor.moved", "history ends with the newest message")
        self._say(f"History holds all {len(history)}, oldest first: {', '.join(message.event for message in history)}")

    def _be_present(self, channel: RealtimeChannel) -> None:
        channel.enter_presence({"name": "Alice"})
        entered = _next(self._presence)
        members = self._client.realtime.presence.get(CHANNEL)
        self._say(
            f"Presence: {entered.client_id} did {entered.action} {entered.data}; REST lists {len(members)} member."
        )
        channel.update_presence({"name": "Alice", "typing": True})
        updated = _next(self._presence)
        channel.leave_presence()
        left = _next(self._presence)
        members = self._client.realtime.presence.get(CHANNEL)
        _expect(not members, "nobody is left on the channel")
        self._say(f"Then {updated.action} {updated.data}, then {left.action}; REST lists {len(members)} members.")

    def _lose_the_connection(self, channel: RealtimeChannel) -> None:
        self._server.drop_connections()
        missed = [
            self._client.realtime.publish(CHANNEL, event="while.away", data={"n": number}) for number in range(1, 6)
        ]
        received = [_next(self._messages) for _ in missed]
        _expect(
            [message.id for message in received] == [message.id for message in missed], "nothing is lost or repeated"
        )
        _expect(channel.wait_connected(PATIENCE), "the subscriber is back")
        self._say(
            f"The connection was cut and {len(missed)} messages published meanwhile. The channel reconnected by",
            f"itself and resumed: received {[message.data['n'] for message in received]}, each once.",
        )

    def _say(self, text: str, *more: str) -> None:
        self._steps += 1
        if self._out.as_json:
            self._out.json_line({"step": self._steps, "text": " ".join([text, *more])})
        elif not self._out.quiet:
            self._out.line("\n       ".join([f"{self._steps:>4}. {text}", *more]))


def _show(message: RealtimeMessageSummary) -> str:
    return f"{message.event} {message.data}"


def _next(source: queue.Queue[T]) -> T:
    try:
        return source.get(timeout=PATIENCE)
    except queue.Empty:
        raise DemoFailedError(f"the demo failed: nothing arrived within {PATIENCE:g} seconds") from None


def _expect(fact: bool, what: str) -> None:
    if not fact:
        raise DemoFailedError(f"the demo failed: it should be that {what}")
