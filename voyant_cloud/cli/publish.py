"""``voyant-cloud publish``: one message."""

from __future__ import annotations

import sys
from typing import Any

import click

from voyant_cloud import jsontext
from voyant_cloud.cli.options import Tools, client_command
from voyant_cloud.converter import unstructure
from voyant_cloud.errors import VoyantValidationError

__all__ = ["publish"]


@click.command()
@click.argument("channel")
@click.argument("event")
@click.argument("data", required=False)
@click.option("--text", is_flag=True, help="DATA is text rather than JSON.")
@click.option("--idempotency-key", metavar="KEY", help="Publishes once for all runs with this key and content.")
@client_command
def publish(tools: Tools, channel: str, event: str, data: str | None, text: bool, idempotency_key: str | None) -> None:
    """Publish one message and print its id.

    DATA is JSON; "-" reads it from standard input; without it the message has none.

    \b
      voyant-cloud publish orders:eu order.updated '{"orderId": "ord_1"}'
      voyant-cloud publish orders:eu note --text "the printer is back"
      jq .order order.json | voyant-cloud publish orders:eu order.updated -
    """
    value = _data(data, as_text=text)
    with tools.client() as client:
        message = client.realtime.publish(channel, event=event, data=value, idempotency_key=idempotency_key)
    if tools.out.as_json:
        tools.out.json_line(unstructure(message))
    elif tools.out.on_terminal and not tools.out.quiet:
        tools.out.line(f"Published {tools.out.style(message.id, bold=True)} to {tools.out.style(message.channel)}.")
    elif not tools.out.quiet:
        tools.out.columns(message.id)


def _data(given: str | None, *, as_text: bool) -> Any:
    if given is None:
        return None
    content: str | bytes = sys.stdin.buffer.read() if given == "-" else given
    if as_text:
        return content if isinstance(content, str) else _decoded(content)
    try:
        return jsontext.loads(content)
    except jsontext.JsonTextError as error:
        raise VoyantValidationError("DATA", f"{error}; quote it for your shell, or use --text for plain text") from None


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise VoyantValidationError("DATA", f"is not UTF-8 at byte {error.start}") from None
