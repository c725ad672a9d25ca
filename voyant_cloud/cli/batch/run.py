"""One run over an input: its records read, made messages, paced, sent, and settled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from voyant_cloud.cli.batch.checkpoint import Checkpoint
from voyant_cloud.cli.batch.lookup import Finding
from voyant_cloud.cli.batch.pace import Pace, batch_size_for
from voyant_cloud.cli.batch.progress import Counters
from voyant_cloud.cli.batch.records import BadRecordError, Record, Records
from voyant_cloud.cli.batch.rejects import Rejects
from voyant_cloud.cli.batch.sender import RefusedRecordError, Sender
from voyant_cloud.cli.batch.settled import ChangedInputError
from voyant_cloud.cli.batch.source import LINGER
from voyant_cloud.cli.exits import CannotResumeError, CommandError, ExitCode, line_of
from voyant_cloud.errors import VoyantValidationError
from voyant_cloud.realtime.api import RealtimeApi
from voyant_cloud.realtime.lanes import Batch, Lanes
from voyant_cloud.realtime.written import Writer, Written

__all__ = ["BatchRun", "Plan"]

ANSWER_WITHIN: Final = 5.0
"""Seconds that requests under way have to be answered after Ctrl-C."""


@attrs.frozen(kw_only=True)
class Plan:
    """How an input is published.

    Attributes:
        channel: the channel of records that name none.
        event: the event of records that name none.
        batch_size: the most messages of a request, 1 to 100.
        concurrency: the most requests under way together, 1 to 64.
        rate: the most messages a second, above 0; ``None`` for no limit.
        skip_bad: whether a record that cannot be published is passed over rather than the end.
        unsure: what to take for granted of batches of an earlier run of which nobody can tell; ``None`` stops there.
    """

    channel: str | None
    event: str | None
    batch_size: int
    concurrency: int
    rate: float | None
    skip_bad: bool
    unsure: Finding | None


class BatchRun:
    """Publishes what an input holds and its checkpoint does not.

    Lock rule: ``_rejecting`` keeps the file of rejected records and the checkpoint in step; records are rejected by
    this thread and by those that send.

    Args:
        plan: how.
        api: the calls.
        checkpoint: what was dealt with before, and is told what happens.
        rejects: where bad records go.
        counters: what is told of every message.
    """

    def __init__(
        self, plan: Plan, api: RealtimeApi, checkpoint: Checkpoint, rejects: Rejects, counters: Counters
    ) -> None:
        self._plan = plan
        self._checkpoint = checkpoint
        self._rejects = rejects
        self._counters = counters
        self._rejecting = threading.Lock()
        self._sender = Sender(api, checkpoint, counters, self._refused)
        self._writer = Writer()
        defaults = {"channel": plan.channel, "event": plan.event}
        self._defaults = {name: value for name, value in defaults.items() if value is not None}
        self._open: dict[int, Record] = {}
        self._unit = "record"
        size = plan.batch_size if plan.rate is None else batch_size_for(plan.rate, plan.batch_size)
        self._pace = None if plan.rate is None else Pace(plan.rate, time.monotonic())
        self._lanes = Lanes(self._send, self._forget, batch_size=size, concurrency=plan.concurrency)

    def flush(self) -> None:
        """Send what waits, since the input pauses."""
        self._lanes.flush()

    def run(self, records: Records, *, give_up: Callable[[], None]) -> None:
        """Publish everything.

        Args:
            records: the input.
            give_up: called when the run is interrupted: requests that wait for another attempt are to fail.

        Raises:
            CommandError: a record is bad and not to be skipped, the input is broken, or not what it was.
            VoyantError: the service refused or failed.
            OSError: the input, the checkpoint or the file of rejected records failed.
        """
        self._unit = records.unit
        problem: Exception | None = None
        try:
            try:
                for sending in self._checkpoint.unfinished:
                    self._sender.finish(sending, self._plan.unsure)
                self._feed(records)
            except Exception as error:  # noqa: BLE001 - whatever it is, what was read before it is published first
                problem = error
            self._lanes.flush()
            self._lanes.settle()
        except BaseException:
            give_up()
            self._lanes.wait(ANSWER_WITHIN)
            raise
        finally:
            self._lanes.close(wait=False)
        problem = self._explained(self._lanes.error) if self._lanes.error else problem
        if problem is not None:
            raise problem
        self._checkpoint.finish()

    def _feed(self, records: Records) -> None:
        passing = self._checkpoint.settled.passing()
        number = 0
        try:
            for record in records:
                number = record.number
                if not passing.is_done and passing.is_settled(number, record.digest):
                    continue
                self._take(records, record)
                if self._lanes.error is not None:
                    return
        except BadRecordError as error:
            raise CommandError(str(error), ExitCode.USAGE) from None
        except ChangedInputError as error:
            raise _changed(f"something else up to record {error.number}") from None
        if not passing.is_done:
            raise _changed(f"more than its {number} records")

    def _take(self, records: Records, record: Record) -> None:
        try:
            text = records.json(record)
            usual = None if text is None else self._writer.write_json(text)
            message = usual or self._message(records.item(record), record)
        except (BadRecordError, VoyantValidationError) as error:
            place = f"{self._unit} {record.place}"
            problem = str(error) if str(error).startswith(place) else f"{place}: {error}"
            self._reject(record, problem)
            return
        if self._pace is not None:
            self._wait(self._pace.take(time.monotonic()))
        self._open[record.number] = record
        self._lanes.add(record.number, message)

    def _message(self, item: Any, record: Record) -> Written:
        usual = self._writer.write_usual(item)
        if usual is not None:
            return usual
        place = f"{self._unit} {record.place}"
        if not isinstance(item, Mapping):
            raise BadRecordError(f"must be an object with channel, event and data, got {type(item).__name__}")
        given = {name: value for name, value in item.items() if value is not None}
        return self._writer.write({**self._defaults, **given}, place)

    def _wait(self, seconds: float) -> None:
        if seconds > LINGER:
            self._lanes.flush()
        if seconds > 0:
            threading.Event().wait(seconds)

    # On the threads that send

    def _send(self, batch: Batch) -> None:
        digests = {number: self._open[number].digest for number in batch.messages}
        self._sender.send(batch.messages, digests)

    def _refused(self, refusal: RefusedRecordError) -> None:
        if not self._plan.skip_bad:
            raise refusal
        record = self._open[refusal.number]
        self._reject(record, f"{self._unit} {record.place}: {refusal.reason}")

    def _reject(self, record: Record, problem: str) -> None:
        if not self._plan.skip_bad:
            raise CommandError(f"{problem}; fix it, or pass over bad ones with --on-error skip", ExitCode.USAGE)
        with self._rejecting:
            self._rejects.add(record, self._unit, problem)
            self._checkpoint.was_rejected(record.number, record.digest)
        self._counters.count(rejected=1)

    # Back on the thread that reads

    def _forget(self, batch: Batch) -> None:
        for number in batch.messages:
            del self._open[number]

    def _explained(self, error: Exception) -> Exception:
        if not isinstance(error, RefusedRecordError):
            return error
        place = f"{self._unit} {self._open[error.number].place}"
        return CommandError(
            f"{place}: {line_of(error.reason)}; fix it, or pass over bad ones with --on-error skip", ExitCode.USAGE
        )


def _changed(what: str) -> CommandError:
    return CannotResumeError(
        f"the input is not what was published before: {what} was dealt with; publish all of it anew with --restart",
        ExitCode.USAGE,
    )
