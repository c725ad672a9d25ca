"""``voyant-cloud serve``: the embedded server in the foreground."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from voyant_cloud.cli.invocation import Invocation
from voyant_cloud.cli.options import output_command
from voyant_cloud.cli.output import Output
from voyant_cloud.errors import VoyantConfigError

__all__ = ["require_server_extra", "serve"]


def require_server_extra() -> None:
    """Check that the server can be imported.

    Raises:
        VoyantConfigError: the extra is not installed; the message says how to.
    """
    for name in ("aiohttp", "jwt"):
        try:
            importlib.import_module(name)
        except ImportError:
            raise VoyantConfigError('this needs the server; run: pip install "voyant-cloud[server]"') from None


@click.command()
@click.option("--config", "config_file", metavar="PATH", help="A TOML file of settings.")
@click.option("--check-config", is_flag=True, help="Show every setting and where it comes from, and start nothing.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 picks a free one.  [default: 8787]")
@click.option("--data", metavar="PATH", help="Database file, or :memory: to keep nothing.  [default: :memory:]")
@click.option(
    "--engine", metavar="URL", help="A Redis for several nodes, such as redis://localhost:6379/0, instead of --data."
)
@click.option("--secret-file", metavar="PATH", help="Signing keys, the same for all nodes.  [default: beside the data]")
@click.option(
    "--api-key", "api_keys", multiple=True, metavar="KEY[:SCOPE,SCOPE]", help="A key to take; may be repeated."
)
@click.option(
    "--allow-origin", "allowed_origins", multiple=True, metavar="ORIGIN", help="A browser origin that may connect."
)
@click.option("--console/--no-console", default=None, help="Serve /console, for browsers.  [default: on the loopback]")
@click.option("--drain-seconds", type=float, help="How long SIGTERM spreads goodbyes over.  [default: 20]")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help="Change a limit; may be repeated.")
@click.option("--access-log/--no-access-log", default=True, help="Log requests and closed connections.")
@click.option("--log-format", metavar="text|json", help="How the log on stderr looks.  [default: text]")
@output_command
def serve(
    invocation: Invocation,
    out: Output,
    /,
    config_file: str | None,
    check_config: bool,
    limits: tuple[str, ...],
    access_log: bool,
    **settings: Any,
) -> None:
    """Run the realtime service on this machine.

    The first line on stdout is its base URL; with --quiet there is no other, with --json it is an object that holds
    the address, and the API key if one was made.

    VOYANT_SERVER_CONFIG, _HOST, _PORT, _DATA, _ENGINE, _SECRET_FILE, _API_KEYS, _ALLOWED_ORIGINS, _CONSOLE,
    _DRAIN_SECONDS, _LOG_FORMAT and _LIMIT_<NAME> can stand in for options; a key given there does not show in the
    process list, nor does the password of the engine in VOYANT_SERVER_ENGINE_PASSWORD. The file can hold the same, by
    the same names in small letters. An option counts before the environment, and that before the file.

    SIGTERM sends connections away, then stops. SIGHUP reads the settings again, and takes API keys, signing keys and
    allowed origins. systemd is told once it serves (Type=notify).
    """
    # Before the server's packages are read, which takes longest of a start.
    with importlib.import_module("voyant_cloud.server.terminals").starting():
        require_server_extra()
        load = partial(
            importlib.import_module("voyant_cloud.server.config").load_config,
            limits=dict(_limit(text) for text in limits),
            config_file=config_file,
            env=os.environ,
            on_secret=invocation.keep_secret,
            **settings,
        )
        config = load()
        if check_config:
            _show(out, importlib.import_module("voyant_cloud.server.check").check_config(config))
            return
        invocation.set_up_logging("%(asctime)s %(levelname)s %(message)s", as_json=config.log_format == "json")
        logging.getLogger("voyant_cloud.server").setLevel(logging.WARNING if out.quiet else logging.INFO)
        if not access_log:
            logging.getLogger("voyant_cloud.server.access").setLevel(logging.WARNING)
        importlib.import_module("voyant_cloud.server.run").run(config, load=load, say=partial(_greet, out))


def _greet(out: Output, greeting: Any) -> None:
    if out.as_json:
        out.json_line(
            {
                "url": greeting.url,
                "data": greeting.data,
                "console": greeting.console,
                "apiKey": greeting.api_key,
            }
        )
    else:
        # In one piece: whoever reads no more than the first line may close the pipe then.
        out.line(greeting.url if out.quiet else str(greeting))


def _show(out: Output, settings: Sequence[Any]) -> None:
    if out.as_json:
        out.json_line({each.name: {"value": each.value, "origin": each.origin} for each in settings})
        return
    rows = [(each.name, each.shown, each.origin) for each in settings]
    if out.on_terminal and not out.quiet:
        out.table(("Setting", "Value", "From"), rows)
    elif not out.quiet:
        for row in rows:
            out.columns(*row)


def _limit(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        equals = ""
        number = 0.0
    if not equals:
        raise VoyantConfigError(f"--limit: {text[:80]!r} must be NAME=NUMBER, such as history_messages=5000")
    return name, int(number) if number.is_integer() else number
