"""What commands print: JSON lines or plain columns on a pipe, tables and colour on a terminal, notices on stderr."""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voyant_cloud import jsontext
from voyant_cloud.cli.exits import PipeClosedError

__all__ = ["Output", "as_json", "visible"]

# C0, DEL, C1, and what changes the direction of text: in a terminal they could act, or show what is not there.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Data may be nested to the limit, inside a message.
_DEPTH: Final = jsontext.MAX_DEPTH + 2


def as_json(value: Any) -> str:
    """Return *value* as compact JSON on one line."""
    return jsontext.dumps(value, max_depth=_DEPTH)


def visible(text: str) -> str:
    """Return *text* with every character that could act on a terminal shown as an escape, such as ``\\x1b``."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class Output:
    """Where a command's words go.

    Results are written whole and at once, without a buffer: whoever reads a pipe sees each line when it is there, and
    a line that was written is not lost with the process.

    Args:
        as_json: whether results are JSON.
        quiet: whether notices are left out.

    Attributes:
        as_json: whether results are JSON.
        quiet: whether notices are left out.
        on_terminal: whether results are for a person at a terminal.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.on_terminal = sys.stdout.isatty() and not as_json
        self._in_colour = self.on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def line(self, text: str) -> None:
        """Write a line to stdout.

        Raises:
            PipeClosedError: nobody reads it any more.
        """
        _write(sys.stdout.fileno(), f"{text}\n".encode())

    def json_line(self, value: Mapping[str, Any]) -> None:
        """Write an object as a line of JSON."""
        self.line(as_json(value))

    def columns(self, *values: str) -> None:
        """Write values between tabs, for programs that cut lines into columns."""
        self.line("\t".join(map(visible, values)))

    def style(self, text: str, **styles: Any) -> str:
        """Return *text* made visible, and in colour where the terminal and the user want it."""
        return click.style(visible(text), **styles) if self._in_colour else visible(text)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table on the terminal."""
        console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for heading in headings:
            # A time that is broken in two is hard to read; all else may be long.
            table.add_column(heading, overflow="fold", no_wrap=heading.endswith("(UTC)"))
        for row in rows:
            table.add_row(*(Text(visible(value)) for value in row))
        console.print(table)

    def say(self, text: str) -> None:
        """Write a notice to stderr, unless this is a quiet run."""
        if not self.quiet:
            click.echo(visible(text), err=True)


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(handle, rest) :]
        except BlockingIOError:
            # Another program has set our shared terminal or pipe to non-blocking.
            select.select([], [handle], [])
        except BrokenPipeError:
            raise PipeClosedError from None
