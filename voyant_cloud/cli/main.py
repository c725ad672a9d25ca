"""The command group: its options, and how failures become one line and an exit code."""

from __future__ import annotations

import logging
from typing import Any

import click

from voyant_cloud._version import __version__
from voyant_cloud.cli.demo import demo
from voyant_cloud.cli.serve import serve
from voyant_cloud.errors import VoyantConfigError, VoyantError

__all__ = ["cli"]


class OneLineErrors(click.Group):
    """Turns this package's errors into one line on stderr: exit code 2 for a wrong setting, 1 otherwise."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; see ``click.Group``."""
        try:
            return super().invoke(context)
        except VoyantError as error:
            if context.params.get("debug"):
                raise
            click.echo(f"voyant-cloud: {error}", err=True)
            context.exit(2 if isinstance(error, VoyantConfigError) else 1)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="voyant-cloud")
@click.option("--debug", is_flag=True, help="Show tracebacks and debug logs.")
def cli(debug: bool) -> None:
    """Realtime channels: a server to run anywhere, and a demonstration of it all."""
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )


cli.add_command(serve)
cli.add_command(demo)
