"""The command group, and what stands around every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from voyant_cloud._version import __version__
from voyant_cloud.cli.completion import completion
from voyant_cloud.cli.demo import demo
from voyant_cloud.cli.exits import ExitCode, Interrupted
from voyant_cloud.cli.history import history
from voyant_cloud.cli.invocation import PROGRAM, Invocation, leave
from voyant_cloud.cli.listen import listen
from voyant_cloud.cli.mint_token import mint_token
from voyant_cloud.cli.new_secret import new_secret
from voyant_cloud.cli.options import debug_option
from voyant_cloud.cli.presence import presence
from voyant_cloud.cli.publish import publish
from voyant_cloud.cli.publish_batch import publish_batch
from voyant_cloud.cli.serve import serve

__all__ = ["cli", "run", "run_command"]


class _Cli(click.Group):
    """The group, which leaves Ctrl-C to what stands around it."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; see ``click.Group``."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            # click would print an empty line, also where nobody sees a terminal.
            raise Interrupted from error


@click.group(
    cls=_Cli,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name=PROGRAM)
@debug_option
@click.pass_context
def cli(context: click.Context) -> None:
    """Realtime channels from the command line: publish, listen, look, and run the service yourself.

    VOYANT_CLOUD_API_KEY and VOYANT_CLOUD_API_URL say which service and as whom. Exit codes: 0 done, 1 failed,
    2 wrong usage or input, 3 not authorised, 4 partly done, 130 interrupted, 141 the reader of the output went away.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (publish, publish_batch, listen, history, presence, mint_token, serve, new_secret, demo, completion):
    cli.add_command(command)


def run() -> NoReturn:
    """Run the command that this process was started with, and end the process."""
    leave(run_command())


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: what stands behind the program's name; ``None`` takes this process's own.
    """
    invocation = Invocation()
    _open_missing_streams()
    stdout = sys.stdout
    try:
        # The value is the command's own exit code, or None for "done".
        return cli.main(arguments, prog_name=PROGRAM, standalone_mode=False, obj=invocation) or 0
    except SystemExit:
        if sys.stdout is not stdout:
            # click's own words, such as --help, met a closed pipe; it then puts a muffler around the stream.
            return ExitCode.PIPE_CLOSED
        # Shell completion, which has said what it had to.
        raise
    except BaseException as error:  # noqa: BLE001 - the edge of the program: every failure becomes one line
        return invocation.fail(error)


def _open_missing_streams() -> None:
    """Give a process that was started without its standard streams some that lead nowhere, before a file takes them."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process runs
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
