"""What commands print: JSON lines or plain columns on a pipe, tables and colour on a terminal, notices on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click

from voyant_cloud import jsontext
from voyant_cloud.cli.exits import PipeClosedError
from voyant_cloud.cli.visible import visible

__all__ = ["Output", "as_json", "complain"]

_HEIGHT: Final = 25
# Data may be nested to the limit, inside a message, inside a list, inside a line of the checkpoint.
_DEPTH: Final = jsontext.MAX_DEPTH + 3


def as_json(value: Any) -> str:
    """Return *value* as compact JSON on one line. What no UTF-8 can hold, and a service should not send, is escaped."""
    try:
        return jsontext.dumps(value, max_depth=_DEPTH)
    except jsontext.JsonTextError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)


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
        """Write a line to stdout, in UTF-8 whatever the terminal's own encoding is.

        Raises:
            PipeClosedError: nobody reads it any more.
        """
        _write(sys.stdout.fileno(), f"{text}\n".encode("utf-8", "backslashreplace"))

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
        # An eighth of a command's start, which scripts need not wait for.
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        # With a height, too, it takes the width as it is, on whatever terminal.
        console = Console(
            width=self.width,
            height=_HEIGHT,
            highlight=False,
            markup=False,
            emoji=False,
            no_color=not self._in_colour,
        )
        table = Table(box=None, pad_edge=False, header_style="bold" if self._in_colour else "", padding=(0, 2, 0, 0))
        for heading in headings:
            # A time that is broken in two is hard to read; all else may be long.
            table.add_column(heading, overflow="fold", no_wrap=heading.endswith("(UTC)"))
        for row in rows:
            table.add_row(*(Text(visible(value)) for value in row))
        with console.capture() as captured:
            console.print(table)
        self.line(captured.get().rstrip("\n"))

    @property
    def width(self) -> int:
        """How many characters fit into a line of the terminal."""
        return shutil.get_terminal_size().columns

    def say(self, text: str) -> None:
        """Write a notice to stderr, unless this is a quiet run."""
        if not self.quiet:
            complain(visible(text))


def complain(text: str) -> None:
    """Write a line to stderr. Where nobody reads that, there is nobody to tell."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - what a command line has to say


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
