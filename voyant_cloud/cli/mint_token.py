"""``voyant-cloud mint-token``: a token with which a client connects."""

from __future__ import annotations

from collections.abc import Iterable

import click

from voyant_cloud.cli.options import Tools, client_command
from voyant_cloud.converter import unstructure, wire_time
from voyant_cloud.errors import VoyantValidationError

__all__ = ["mint_token"]


@click.command("mint-token")
@click.argument("client_id")
@click.option(
    "--allow",
    "grants",
    multiple=True,
    required=True,
    metavar="CHANNEL=VERB,VERB",
    help="What it may do, of subscribe, publish and presence; may be repeated. CHANNEL may end in :* as in orders:*",
)
@click.option("--ttl", type=click.IntRange(1, 86_400), metavar="SECONDS", help="How long it lives.  [default: 3600]")
@client_command
def mint_token(tools: Tools, client_id: str, grants: tuple[str, ...], ttl: int | None) -> None:
    """Mint a client token and print it.

    CLIENT_ID is who connects with it, as seen in presence.

    \b
      voyant-cloud mint-token user_42 --allow 'orders:*=subscribe,presence'
    """
    capabilities = _capabilities(grants)
    with tools.client() as client:
        minted = client.realtime.tokens.mint(client_id=client_id, capabilities=capabilities, ttl_seconds=ttl)
    if tools.out.as_json:
        tools.out.json_line(unstructure(minted))
        return
    tools.out.columns(minted.token)
    if tools.out.on_terminal:
        tools.out.say(f"It is good until {wire_time(minted.expires_at)}.")


def _capabilities(grants: Iterable[str]) -> dict[str, list[str]]:
    capabilities: dict[str, list[str]] = {}
    for grant in grants:
        # The last one: a channel's name may hold the sign, too.
        channel, equals, verbs = grant.rpartition("=")
        if not equals:
            raise VoyantValidationError("--allow", f"must be CHANNEL=VERB,VERB as in orders:*=subscribe, got {grant!r}")
        capabilities.setdefault(channel, []).extend(verb.strip() for verb in verbs.split(","))
    return capabilities
