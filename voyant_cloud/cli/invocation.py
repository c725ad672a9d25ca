"""One run of the command line: whether it debugs, what must not be shown, its log, and its end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import traceback
from typing import Final, NoReturn

import attrs

from voyant_cloud.cli.exits import ExitCode, Interrupted, Terminated, exit_code_of, line_of
from voyant_cloud.cli.json_log import JsonLines, log_what_python_says
from voyant_cloud.cli.output import complain
from voyant_cloud.cli.visible import visible, visible_lines
from voyant_cloud.urls import redact

__all__ = ["PROGRAM", "Invocation", "leave"]

PROGRAM: Final = "voyant-cloud"
_SHORTEST_SECRET: Final = 8


@attrs.define
class Invocation:
    """What is known of this run before its command is.

    Attributes:
        debug: whether tracebacks and debug logs are shown.
        secrets: keys and tokens that were given; whatever is printed about failures has them masked.
    """

    debug: bool = False
    secrets: list[str] = attrs.field(factory=list, repr=False)
    _logs_json: bool = False

    def keep_secret(self, secret: str) -> None:
        """Have a key or password masked from now on."""
        # The server tells all of them at each reload.
        if secret not in self.secrets:
            self.secrets.append(secret)

    def mask(self, text: str) -> str:
        """Return *text* without keys and tokens."""
        for secret in self.secrets:
            # A word such as "test" is no secret, and may be a part of others.
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return redact(text)

    def set_up_logging(
        self, layout: str, *, as_json: bool = False, least: int = logging.WARNING, most: int = logging.CRITICAL
    ) -> None:
        """Log to stderr; all of it in a debugging run.

        Args:
            layout: how a line looks.
            as_json: whether it is an object of JSON instead, as then is the line that a failure ends with.
            least: the lowest level that is shown.
            most: the highest level that is shown.
        """
        handler = logging.StreamHandler()
        if self.debug:
            least, layout = logging.DEBUG, "%(asctime)s %(levelname)s %(message)s"
        else:
            handler.addFilter(lambda record: record.levelno <= most)
        handler.setFormatter(JsonLines(self.mask) if as_json else _Masking(layout, self))
        if as_json:
            log_what_python_says()
            self._logs_json = True
        logging.basicConfig(level=least, handlers=[handler])

    def log_notices(self, *, quiet: bool) -> None:
        """Log what the client tells a person, unless this is a *quiet* run."""
        least = logging.CRITICAL if quiet else logging.WARNING
        # What is an error there ends the command, which says so itself.
        self.set_up_logging(f"{PROGRAM}: %(message)s", least=least, most=logging.WARNING)

    def fail(self, error: BaseException) -> ExitCode:
        """Say on stderr what *error* means, and return what the command ends with."""
        if isinstance(error, Terminated):
            _die_by(signal.SIGTERM)
        line = line_of(error)
        if self._logs_json:
            if line:
                logging.getLogger(PROGRAM).critical("%s", line, exc_info=error if self.debug else None)
            return exit_code_of(error)
        if self.debug:
            complain(visible_lines(self.mask("".join(traceback.format_exception(error)))))
        if isinstance(error, Interrupted) and sys.stderr.isatty():
            # Behind the ^C that the terminal shows.
            complain("")
        if line:
            complain(f"{PROGRAM}: {visible(self.mask(line))}")
        return exit_code_of(error)


class _Masking(logging.Formatter):
    """Lays log records out without keys and tokens, and without what acts on a terminal, tracebacks included."""

    def __init__(self, layout: str, invocation: Invocation) -> None:
        super().__init__(layout)
        self._invocation = invocation

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines of a traceback."""
        return visible_lines(self._invocation.mask(super().format(record)))


def leave(code: int) -> NoReturn:
    """End the process, even where a thread is stuck in a request, or in writing to a pipe that nobody reads."""
    if threading.active_count() > 1:
        # Not through the interpreter's own end: it would wait for the thread, or for a lock that the thread holds.
        os._exit(code)
    sys.exit(code)


def _die_by(number: signal.Signals) -> None:
    # As a process that does not know the signal: supervisors count that as the end they asked for.
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
