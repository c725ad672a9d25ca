"""The options that commands share, and what a command that talks to the service works with."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any

import attrs
import click

from voyant_cloud.cli.invocation import Invocation
from voyant_cloud.cli.output import Output
from voyant_cloud.client import VoyantCloudClient, try_get_voyant_cloud_client
from voyant_cloud.config import ENVIRONMENT
from voyant_cloud.errors import VoyantConfigError

__all__ = ["Number", "Tools", "client_command", "debug_option", "output_command"]

Command = Callable[..., Any]


class Number(click.FloatRange):
    """A number within a range, which NaN is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number; see ``click.FloatRange``."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            # It is neither too small nor too large.
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@attrs.frozen
class Tools:
    """What a command works with.

    Attributes:
        out: where results and notices go.
        base_url: the service's address, ``None`` for the environment's or the hosted service's.
    """

    out: Output
    base_url: str | None
    _api_key: str | None = attrs.field(repr=False)

    def client(self, **settings: Any) -> VoyantCloudClient:
        """Return a client for the service that options and environment name.

        Args:
            settings: further arguments of ``VoyantCloudClient``.

        Raises:
            VoyantConfigError: there is no API key, or a setting is wrong.
        """
        client = try_get_voyant_cloud_client(
            os.environ, api_key=self._api_key or "", base_url=self.base_url, **settings
        )
        if client is None:
            raise VoyantConfigError(f"there is no API key; set {ENVIRONMENT['api_key']} or give --api-key")
        return client


def _start_debugging(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.ensure_object(Invocation).debug = True


debug_option = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_start_debugging,
    help="Show tracebacks and debug logs.",
)
"""``--debug``, for the group and every command; it ends up in the ``Invocation``."""


def output_command(command: Command) -> Command:
    """Give a command the options of all that print something; it gets the ``Invocation`` and an ``Output``."""

    @functools.wraps(command)
    @click.pass_obj
    def with_output(invocation: Invocation, /, as_json: bool, quiet: bool, **others: Any) -> Any:
        return command(invocation, Output(as_json=as_json, quiet=quiet), **others)

    return _decorated(
        with_output,
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout, and nothing else."),
        click.option(
            "-q", "--quiet", is_flag=True, help="No notices and no progress; only what was asked for, and failures."
        ),
        debug_option,
    )


def client_command(command: Command) -> Command:
    """Give a command the options of all that talk to the service, and pass them to it as ``Tools``."""

    @functools.wraps(command)
    def with_tools(
        invocation: Invocation, out: Output, /, api_key: str | None, base_url: str | None, **others: Any
    ) -> Any:
        invocation.log_notices(quiet=out.quiet)
        given = (api_key, os.environ.get(ENVIRONMENT["api_key"]), others.get("token"))
        invocation.secrets += [secret for secret in given if secret]
        return command(Tools(out, base_url, api_key), **others)

    return _decorated(
        output_command(with_tools),
        click.option("--api-key", metavar="KEY", help=f"The API key.  [env: {ENVIRONMENT['api_key']}]"),
        click.option("--base-url", metavar="URL", help=f"The service's address.  [env: {ENVIRONMENT['base_url']}]"),
    )


def _decorated(command: Command, *options: Callable[[Command], Command]) -> Command:
    # From the last to the first, so that help lists them as they stand here.
    for option in reversed(options):
        command = option(command)
    return command
