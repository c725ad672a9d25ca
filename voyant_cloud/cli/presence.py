"""``voyant-cloud presence``: who is present on a channel."""

from __future__ import annotations

import click

from voyant_cloud.cli.options import Tools, client_command
from voyant_cloud.cli.output import as_json
from voyant_cloud.converter import unstructure, wire_time

__all__ = ["presence"]


@click.command(short_help="Show who is present on a channel.")
@click.argument("channel")
@client_command
def presence(tools: Tools, channel: str) -> None:
    """Show who is present on a channel, longest present first, at most 1,000 members."""
    with tools.client() as client:
        members = client.realtime.presence.get(channel)
    if tools.out.as_json:
        for member in members:
            tools.out.json_line(unstructure(member))
        return
    rows = [(member.client_id, wire_time(member.joined_at), as_json(member.data)) for member in members]
    if not tools.out.on_terminal:
        for row in rows:
            tools.out.columns(*row)
    elif rows:
        tools.out.table(("Client", "Joined (UTC)", "Data"), rows)
    else:
        tools.out.say("Nobody is present.")
