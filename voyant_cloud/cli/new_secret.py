"""``voyant-cloud new-secret``: make the signing keys that all nodes of a service share."""

from __future__ import annotations

import importlib
from pathlib import Path

import click

from voyant_cloud.cli.invocation import Invocation
from voyant_cloud.cli.options import output_command
from voyant_cloud.cli.output import Output
from voyant_cloud.cli.serve import require_server_extra
from voyant_cloud.errors import VoyantConfigError

__all__ = ["new_secret"]


@click.command("new-secret")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@output_command
def new_secret(_: Invocation, out: Output, /, path: Path) -> None:
    """Make the file of signing keys that every node of a service needs a copy of.

    It is readable by its owner alone. One that exists stays as it is.
    """
    require_server_extra()
    try:
        importlib.import_module("voyant_cloud.server.secret_file").create_key_ring(path)
    except FileExistsError:
        raise VoyantConfigError(f"signing keys {path}: there is such a file already; it stays as it is") from None
    if out.as_json:
        out.json_line({"path": str(path)})
    elif not out.quiet:
        out.line(f"{path} holds a new signing key. Give each node a copy, with --secret-file.")
