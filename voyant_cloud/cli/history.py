"""``voyant-cloud history``: what a channel has stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import click

from voyant_cloud.cli.options import Tools, client_command
from voyant_cloud.cli.output import Output, as_json
from voyant_cloud.converter import unstructure, wire_time
from voyant_cloud.models import RealtimeMessageSummary

__all__ = ["history"]

ROOM_FOR_IDS: Final = 120
"""Characters of a line from which ids are shown beside the rest."""


@click.command(short_help="Show a channel's stored messages.")
@click.argument("channel")
@click.option("--limit", type=click.IntRange(1, 1000), help="How many messages at most.  [default: 100]")
@click.option("--since-id", metavar="ID", help="Only what follows this message.")
@click.option("--all", "everything", is_flag=True, help="All that follows --since-id; without it, the newest 1,000.")
@client_command
def history(tools: Tools, channel: str, limit: int | None, since_id: str | None, everything: bool) -> None:
    """Show a channel's stored messages, oldest first: the newest 100, or the first 100 after an id."""
    if everything and limit is not None:
        raise click.UsageError("--all and --limit exclude each other")
    with tools.client() as client:
        if everything:
            _show(tools, client.realtime.iter_history(channel, since_id=since_id))
        else:
            _show(tools, client.realtime.history(channel, limit=limit, since_id=since_id))


def _show(tools: Tools, messages: Iterable[RealtimeMessageSummary]) -> None:
    if tools.out.as_json:
        for message in messages:
            tools.out.json_line(unstructure(message))
    elif not tools.out.on_terminal:
        for message in messages:
            tools.out.columns(*_row(message))
    else:
        _show_table(tools.out, [_row(message) for message in messages])


def _show_table(out: Output, rows: list[tuple[str, str, str, str]]) -> None:
    if not rows:
        out.say("There are no messages.")
    elif out.width >= ROOM_FOR_IDS:
        out.table(("Published (UTC)", "Event", "Data", "Id"), rows)
    else:
        # An id that is broken over lines cannot be copied.
        out.table(("Published (UTC)", "Event", "Data"), [row[:3] for row in rows])
        out.say("The ids need a wider terminal; --json has them, too.")


def _row(message: RealtimeMessageSummary) -> tuple[str, str, str, str]:
    return wire_time(message.published_at), message.event, as_json(message.data), message.id
