"""``voyant-cloud publish-batch``: a file or a pipe of messages, however long."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import click

from voyant_cloud.cli.batch.checkpoint import Checkpoint
from voyant_cloud.cli.batch.lookup import Finding
from voyant_cloud.cli.batch.progress import Counters, showing
from voyant_cloud.cli.batch.records import FORMATS, Records, records_of
from voyant_cloud.cli.batch.rejects import Rejects
from voyant_cloud.cli.batch.run import BatchRun, Plan
from voyant_cloud.cli.batch.source import Source
from voyant_cloud.cli.exits import CannotResumeError, CommandError, ExitCode, exit_code_of, line_of
from voyant_cloud.cli.options import Number, Tools, client_command
from voyant_cloud.cli.signals import terminable
from voyant_cloud.cli.visible import visible
from voyant_cloud.errors import PublishOutcomeUnknown, VoyantError
from voyant_cloud.realtime.inputs import MAX_BATCH_SIZE
from voyant_cloud.realtime.lanes import MAX_CONCURRENCY
from voyant_cloud.retry import RetryPolicy

__all__ = ["publish_batch"]

PATIENCE: Final = RetryPolicy(retries=100, deadline=60.0)
"""A minute of trouble is waited out; after that the checkpoint is there."""
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FORM_OF: Final = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""What names of files say; the others are looked into."""
_LOST: Final = "without a checkpoint nothing says what was published, so it cannot be continued"
_UNSURE: Final = {"publish": Finding.NOT_PUBLISHED, "skip": Finding.PUBLISHED}


@click.command("publish-batch", short_help="Publish a file or a pipe of messages.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="What FILE holds.  [default: as it begins]")
@click.option("--channel", help="The channel of those that name none.")
@click.option("--event", help="The event of those that name none.")
@click.option("--text", is_flag=True, help="CSV: data is text rather than JSON.")
@click.option(
    "--batch-size",
    type=click.IntRange(1, MAX_BATCH_SIZE),
    default=MAX_BATCH_SIZE,
    show_default=True,
    help="The most messages in a request.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=4,
    show_default=True,
    help="The most requests together; each channel stays in order.",
)
@click.option("--rate", type=Number(0.01, 1_000_000), metavar="N", help="The most messages a second.")
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What to do with one that cannot be published.",
)
@click.option(
    "--rejects", "rejects_path", type=_FILE, metavar="PATH", help="With --on-error skip: keep them and the reason here."
)
@click.option(
    "--checkpoint",
    "checkpoint_path",
    type=_FILE,
    metavar="PATH",
    help="Where to note what is done.  [default: FILE.checkpoint]",
)
@click.option("--no-checkpoint", is_flag=True, help="Note nothing: a run that ends early cannot be continued.")
@click.option("--resume", is_flag=True, help="Continue an earlier run; nothing is published twice, nothing skipped.")
@click.option("--restart", is_flag=True, help="Forget an earlier run, and publish everything.")
@click.option(
    "--unsure",
    type=click.Choice(list(_UNSURE)),
    help="With --resume, if it says so: what to do with what may be stored already.",
)
@client_command
def publish_batch(tools: Tools, file: Path, **options: Any) -> ExitCode:
    """Publish every message in FILE, or from standard input if FILE is "-".

    FILE holds JSON Lines, a JSON array, or CSV with a heading: objects, or columns, of channel, event and data.

    \b
      voyant-cloud publish-batch prices.jsonl
      voyant-cloud publish-batch prices.csv --channel prices:eu --event price.changed
      zcat prices.gz | voyant-cloud publish-batch - --checkpoint prices.checkpoint --resume

    After Ctrl-C, a crash or an outage, the same command with --resume goes on where it ended.
    """
    path = _checkpoint_path(file, options)
    _require_apart(file, path, options["rejects_path"])
    plan = _plan(options)
    counters, checkpoint = Counters(), Checkpoint(path)
    with terminable(), ExitStack() as stack:
        client = stack.enter_context(tools.client(retries=PATIENCE))
        handle = stack.enter_context(_opened(file))
        _open_checkpoint(checkpoint, path, resume=options["resume"], restart=options["restart"])
        stack.enter_context(closing(checkpoint))
        rejects = stack.enter_context(closing(Rejects(options["rejects_path"])))
        run = BatchRun(plan, client.realtime, checkpoint, rejects, counters)
        source = Source(handle, run.flush)
        try:
            with _progress(tools, counters, source):
                run.run(_records(source, file, options), give_up=client.close)
        except BaseException as error:
            if path and not isinstance(error, Exception):
                tools.out.say("Interrupted; the same command with --resume goes on from here.")
            _report(tools, counters, checkpoint, options)
            raise _ended(error, checkpoint, path) from error
        _report(tools, counters, checkpoint, options)
    return ExitCode.PARTLY if checkpoint.rejected else ExitCode.DONE


def _checkpoint_path(file: Path, options: dict[str, Any]) -> Path | None:
    if options["resume"] and options["restart"]:
        raise click.UsageError("--resume and --restart exclude each other")
    given: Path | None = options["checkpoint_path"]
    if options["no_checkpoint"]:
        if given or options["resume"]:
            raise click.UsageError("--no-checkpoint goes neither with --checkpoint nor with --resume")
        return None
    if given is None and not file.is_file():
        if options["resume"]:
            raise click.UsageError("--resume needs --checkpoint PATH where the input is a pipe")
        return None
    return given or file.with_name(f"{file.name}.checkpoint")


def _require_apart(file: Path, checkpoint: Path | None, rejects: Path | None) -> None:
    """Refuse to write into the input, or two things into one file."""
    named = {"FILE": file, "--checkpoint": checkpoint, "--rejects": rejects}
    seen: dict[str, str] = {}
    for name, path in named.items():
        if path is not None and (path.is_file() or not path.exists()):
            other = seen.setdefault(os.path.realpath(path), name)
            if other != name:
                raise click.UsageError(f"{name} and {other} are the same file, {path}")


def _plan(options: dict[str, Any]) -> Plan:
    if options["rejects_path"] and options["on_error"] != "skip":
        raise click.UsageError("--rejects needs --on-error skip")
    return Plan(
        channel=options["channel"],
        event=options["event"],
        batch_size=options["batch_size"],
        concurrency=options["concurrency"],
        rate=options["rate"],
        skip_bad=options["on_error"] == "skip",
        unsure=_UNSURE.get(options["unsure"]),
    )


def _open_checkpoint(checkpoint: Checkpoint, path: Path | None, *, resume: bool, restart: bool) -> None:
    try:
        checkpoint.open(resume=resume, restart=restart)
    except OSError as error:
        advice = "name another file with --checkpoint, or do without by --no-checkpoint"
        if path is not None and path.is_file() and path.stat().st_size:
            # With another file the run that it belongs to would be repeated.
            advice = "mend that, and run it again with --resume"
        code = ExitCode.FAILED if error.errno == errno.ENOSPC else ExitCode.USAGE
        raise CommandError(f"the checkpoint {path} cannot be written: {error.strerror}; {advice}", code) from None


@contextmanager
def _opened(file: Path) -> Iterator[int]:
    if str(file) == "-":
        yield sys.stdin.fileno()
        return
    handle = os.open(file, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _records(source: Source, file: Path, options: dict[str, Any]) -> Records:
    return records_of(source, options["form"] or _FORM_OF.get(file.suffix.lower()), as_text=options["text"])


def _progress(tools: Tools, counters: Counters, source: Source) -> AbstractContextManager[None]:
    def fraction() -> float | None:
        return source.bytes_taken / source.size if source.size else None

    return nullcontext() if tools.out.quiet else showing(counters, fraction, on_terminal=sys.stderr.isatty())


def _report(tools: Tools, counters: Counters, checkpoint: Checkpoint, options: dict[str, Any]) -> None:
    before = checkpoint.published - counters.published
    if tools.out.as_json:
        tools.out.json_line(
            {
                "published": counters.published,
                "publishedBefore": before,
                "rejected": counters.rejected,
                "rejectedBefore": checkpoint.rejected - counters.rejected,
                "batches": counters.batches,
                "seconds": round(counters.seconds, 3),
                "rate": round(counters.rate, 1),
                "complete": checkpoint.complete,
            }
        )
    elif not tools.out.quiet:
        earlier = f" ({before:,} were before)" if before else ""
        tools.out.line(
            f"Published {counters.published:,} messages in {counters.seconds:,.1f} s, {counters.rate:,.0f}/s{earlier}."
        )
        if checkpoint.rejected:
            where = f"; see {options['rejects_path']}" if options["rejects_path"] else ""
            tools.out.line(visible(f"Rejected {checkpoint.rejected:,}{where}."))


def _ended(error: BaseException, checkpoint: Checkpoint, path: Path | None) -> BaseException:
    """Return *error*, with what the run came to and what to do next."""
    is_begun = bool(checkpoint.settled or checkpoint.unfinished)
    if not isinstance(error, (VoyantError, OSError)):
        return error
    code = exit_code_of(error)
    if is_begun and code in (ExitCode.FAILED, ExitCode.USAGE):
        code = ExitCode.PARTLY
    if isinstance(error, CannotResumeError):
        return CommandError(str(error), code)
    # What to do about a publish of which nobody knows whether it was stored is what --resume finds out.
    line = str(error) if path and isinstance(error, PublishOutcomeUnknown) else line_of(error)
    if not is_begun:
        return CommandError(line, code)
    return CommandError(f"{line}; {'continue with --resume' if path else _LOST}", code)
