"""``flask realtime publish`` and ``flask realtime listen``, with the application's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from voyant_cloud.errors import VoyantError
from voyant_cloud.integrations.commands.data import data_from
from voyant_cloud.integrations.commands.listening import Listening, leave_quietly
from voyant_cloud.integrations.flask.state import current_state

__all__ = ["realtime"]

realtime = AppGroup("realtime", help="Publish to realtime channels, and listen to them.")


@realtime.command()
@click.argument("channel")
@click.argument("event")
@click.argument("data", required=False)
@click.option("--text", is_flag=True, help="DATA is text rather than JSON.")
@click.option("--idempotency-key", help="Publishes once for all runs with this key and content.")
def publish(channel: str, event: str, data: str | None, text: bool, idempotency_key: str | None) -> None:
    """Publish one message and print its id. DATA is JSON; "-" reads it from standard input."""
    with _errors_in_words():
        message = current_state().client.realtime.publish(
            channel, event=event, data=data_from(data, as_text=text), idempotency_key=idempotency_key
        )
    try:
        click.echo(message.id)
    except OSError as error:
        words = f"published {message.id}; the output cannot be written: {error.strerror}"
        raise click.ClickException(words) from None


@realtime.command()
@click.argument("channel")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--event", "events", multiple=True, help="Only this event; may be repeated.")
@click.option("--since-id", help="Begin after this message.")
@click.option("--count", type=click.IntRange(min=1), help="End after this many messages.")
@click.option("--client-id", default="flask-realtime-listen", help="Who listens.")
def listen(
    channel: str, as_json: bool, events: tuple[str, ...], since_id: str | None, count: int | None, client_id: str
) -> None:
    """Print a channel's messages as they come. Ctrl-C ends it."""
    listening = Listening(channel, client_id, since_id, events, count, as_json)
    with _errors_in_words(), current_state().client_for_channel() as client:
        try:
            listening.run(client, click.echo, lambda text: click.echo(text, err=True))
        except BrokenPipeError:
            leave_quietly()
        except OSError as error:
            raise click.ClickException(f"the output cannot be written: {error.strerror}") from None


@contextmanager
def _errors_in_words() -> Iterator[None]:
    try:
        yield
    except VoyantError as error:
        raise click.ClickException(str(error)) from None
