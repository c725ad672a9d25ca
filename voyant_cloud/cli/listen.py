"""``voyant-cloud listen``: a channel's messages and presence as they come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import voyant_cloud
from voyant_cloud.cli.exits import CommandError, ExitCode
from voyant_cloud.cli.listen_state import ListenState
from voyant_cloud.cli.listening import Listener
from voyant_cloud.cli.options import Number, Tools, client_command
from voyant_cloud.cli.signals import terminable
from voyant_cloud.errors import RealtimeAuthError

if TYPE_CHECKING:
    from voyant_cloud import RealtimeChannel

__all__ = ["listen"]

SAVE_EVERY: Final = 0.5
"""Seconds between two looks at whether there is something new to save."""
CLOSE_WITHIN: Final = 0.5
"""Seconds for a goodbye to the service at the end."""


@click.command(short_help="Print messages and presence as they come.")
@click.argument("channel")
@click.option("--token", metavar="TOKEN", help="A client token; without it one is minted and renewed with the API key.")
@click.option("--client-id", default="voyant-cloud-listen", show_default=True, help="Who listens, if it is minted.")
@click.option("--since-id", metavar="ID", help="Begin after this message; with --state only where that holds nothing.")
@click.option(
    "--state",
    "state_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Remember in FILE how far this run came, and go on from there.",
)
@click.option("--event", "events", multiple=True, metavar="NAME", help="Only this event; may be repeated.")
@click.option("--presence/--no-presence", "with_presence", default=True, help="Whether to show presence.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N messages.")
@click.option("--timeout", type=Number(0.001, 31_536_000), metavar="SECONDS", help="End after this time at the most.")
@client_command
def listen(
    tools: Tools,
    channel: str,
    token: str | None,
    client_id: str,
    since_id: str | None,
    state_path: Path | None,
    events: tuple[str, ...],
    with_presence: bool,
    count: int | None,
    timeout: float | None,
) -> ExitCode:
    """Print a channel's messages and presence as they come, through drops and restarts of the service.

    \b
      voyant-cloud listen orders:eu
      voyant-cloud listen orders:eu --json --event order.updated | jq .data.orderId
      voyant-cloud listen orders:eu --state orders.state

    Ctrl-C ends it. With --count and --timeout: 4 if fewer messages came in time, 1 if none did.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    state = None if state_path is None else ListenState(state_path, channel)
    position = (state and state.last_message_id) or since_id
    listener = Listener(tools.out, events=events, count=count, position=position, with_presence=with_presence)
    with terminable():
        opened = _open(tools, channel, token, client_id, position)
        try:
            listener.attach(opened)
            _wait(listener, state, deadline)
        finally:
            # Whatever comes now is for the next run.
            listener.done.set()
            try:
                opened.close(CLOSE_WITHIN)
            finally:
                if state is not None:
                    state.save(listener.position)
    if token is not None and isinstance(opened.error, RealtimeAuthError):
        raise CommandError(
            f"the service refuses this token for {channel} ({opened.error.code}); "
            "give another, or leave --token out to have them minted and renewed with the API key",
            ExitCode.NOT_AUTHORISED,
        )
    return _outcome(listener, opened, count)


def _open(tools: Tools, channel: str, token: str | None, client_id: str, since_id: str | None) -> RealtimeChannel:
    if token is not None:
        return voyant_cloud.RealtimeChannel(channel=channel, token=token, base_url=tools.base_url, since_id=since_id)
    # The channel itself tries again, and its waits end at once when it is closed.
    client = tools.client(retries=0)
    return client.realtime.channel(
        channel, client_id=client_id, capabilities={channel: ["subscribe"]}, since_id=since_id
    )


def _wait(listener: Listener, state: ListenState | None, deadline: float | None) -> None:
    """Wait until the listener is done or the time is up, and save its position meanwhile."""
    while not listener.done.is_set():
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return
        pause = SAVE_EVERY if state is not None else left
        listener.done.wait(pause if left is None or pause is None else min(pause, left))
        if state is not None:
            state.save(listener.position)


def _outcome(listener: Listener, channel: RealtimeChannel, count: int | None) -> ExitCode:
    if listener.problem is not None:
        raise listener.problem
    if channel.error is not None:
        raise channel.error
    if not listener.was_connected:
        raise CommandError("the service could not be reached in time; is VOYANT_CLOUD_API_URL or --base-url right?")
    if count is None or listener.printed == count:
        return ExitCode.DONE
    return ExitCode.PARTLY if listener.printed else ExitCode.FAILED
