"""How a command ends: its exit code, and for every failure one line that says what to do next."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

import click

from voyant_cloud.errors import (
    ForbiddenError,
    PublishOutcomeUnknown,
    RealtimeAuthError,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantError,
    VoyantTransportError,
    VoyantValidationError,
)

__all__ = [
    "CannotResumeError",
    "CommandError",
    "ExitCode",
    "Interrupted",
    "PipeClosedError",
    "Terminated",
    "exit_code_of",
    "line_of",
]


_MODEL: Final = re.compile(r"^[A-Z][A-Za-z]+\.")


class ExitCode(IntEnum):
    """What a command ends with; the manual lists them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """An option, an argument, a setting or the input is wrong; nothing was sent."""
    NOT_AUTHORISED = 3
    PARTLY = 4
    """Some of it is done; the message says what is left."""
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    """Whoever read the output went away."""


class CommandError(VoyantError):
    """A command cannot do what it was asked.

    Attributes:
        code: what the command ends with.
    """

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        self.code = code
        super().__init__(message)


class CannotResumeError(CommandError):
    """What the same command with ``--resume`` would meet again; the message says what to do instead."""


class PipeClosedError(Exception):
    """Whoever read standard output went away, so there is nobody to tell anything."""


class Interrupted(BaseException):
    """Ctrl-C, under a name that click does not handle in its own way."""


class Terminated(BaseException):
    """The process was asked to end by SIGTERM."""


def exit_code_of(error: BaseException) -> ExitCode:
    """Return what a command that raised *error* ends with."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, (click.UsageError, VoyantConfigError, VoyantValidationError)):
        return ExitCode.USAGE
    if isinstance(error, (UnauthorizedError, ForbiddenError, RealtimeAuthError)):
        return ExitCode.NOT_AUTHORISED
    if _is_ctrl_c(error):
        return ExitCode.INTERRUPTED
    return ExitCode.PIPE_CLOSED if isinstance(error, PipeClosedError) else ExitCode.FAILED


def line_of(error: BaseException) -> str:
    """Return what is said about *error*, on one line; empty where nothing needs to be."""
    if _is_ctrl_c(error) or isinstance(error, PipeClosedError):
        return ""
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "voyant-cloud"
        return _one_line(f"{error.format_message().rstrip('.')}; see {where} --help")
    if isinstance(error, click.ClickException):
        return _one_line(error.format_message())
    if isinstance(error, VoyantValidationError):
        # The model's name says nothing to somebody at a command line.
        return _one_line(f"{_MODEL.sub('', error.field)}: {error.problem}")
    if isinstance(error, VoyantError):
        return _one_line(f"{error}{_advice(error)}")
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return _one_line(f"{name}{error.strerror or error}")
    return _one_line(f"unexpected failure, {type(error).__name__}: {error}; run it again with --debug and report it")


def _is_ctrl_c(error: BaseException) -> bool:
    if isinstance(error, click.Abort):
        # What click makes of it before the command runs, and of an end of the input.
        return isinstance(error.__cause__, KeyboardInterrupt)
    return isinstance(error, (KeyboardInterrupt, Interrupted))


def _advice(error: VoyantError) -> str:
    if isinstance(error, UnauthorizedError):
        return "; check VOYANT_CLOUD_API_KEY or --api-key"
    if isinstance(error, ForbiddenError):
        return "; use a key or token that may do this"
    if isinstance(error, VoyantTransportError):
        return "; is the service up, and VOYANT_CLOUD_API_URL or --base-url right?"
    if isinstance(error, PublishOutcomeUnknown):
        return "; look at the history before publishing it again"
    if isinstance(error, VoyantApiError) and error.retry_after is not None:
        return f"; try again in {error.retry_after:g} s"
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())
