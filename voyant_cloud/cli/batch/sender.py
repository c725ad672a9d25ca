"""Sends batches so that each record is published once: noted before, asked about after, refused ones taken apart."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from voyant_cloud.cli.batch.checkpoint import Checkpoint
from voyant_cloud.cli.batch.lookup import NEWEST, Finding, find
from voyant_cloud.cli.batch.progress import Counters
from voyant_cloud.cli.batch.sending import Sending
from voyant_cloud.cli.exits import CannotResumeError, CommandError, ExitCode
from voyant_cloud.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    PayloadTooLargeError,
    PublishOutcomeUnknown,
    VoyantApiError,
    VoyantDecodeError,
    VoyantError,
)
from voyant_cloud.models import RealtimeMessageSummary
from voyant_cloud.realtime.api import RealtimeApi
from voyant_cloud.realtime.written import Written

__all__ = ["RefusedRecordError", "Sender"]

REMEMBERED_CHANNELS: Final = 10_000
"""Of how many channels the newest id is kept; what is known of the others does not matter before a crash."""
KEY_MARGIN: Final = 120.0
"""Seconds before the end of a key's life from which it is not relied on: sending with retries takes half of that."""
CHANNELS_ASKED_FOR: Final = 100
"""For how many channels the newest id is read before the first batch, so that it can be looked for behind that."""
_REFUSALS: Final = (InvalidRequestError, PayloadTooLargeError)


class RefusedRecordError(Exception):
    """The service refuses one record by itself.

    Attributes:
        number: the record's number.
        reason: what the service says.
    """

    def __init__(self, number: int, reason: VoyantError) -> None:
        self.number = number
        self.reason = reason
        super().__init__(str(reason))


class Sender:
    """Publishes batches, and settles their records in the checkpoint.

    Lock rule: ``_lock`` guards ``_newest``. ``send`` runs on several threads, never for one channel on two.

    Args:
        api: the calls.
        checkpoint: what is told of every batch before and after.
        counters: what is told of what was published.
        on_refused: called for a record that the service refuses by itself; what it raises ends the sending.
    """

    def __init__(
        self,
        api: RealtimeApi,
        checkpoint: Checkpoint,
        counters: Counters,
        on_refused: Callable[[RefusedRecordError], None],
    ) -> None:
        self._api = api
        self._checkpoint = checkpoint
        self._counters = counters
        self._on_refused = on_refused
        self._lock = threading.Lock()
        self._newest: OrderedDict[str, str] = OrderedDict()
        self._to_ask = CHANNELS_ASKED_FOR

    def send(self, messages: Mapping[int, Written], digests: Mapping[int, int]) -> None:
        """Publish messages, all or none, but without those that the service refuses.

        Args:
            messages: by the number of the record that each is from.
            digests: the checksums of these records, and perhaps of others.

        Raises:
            PublishOutcomeUnknown: nobody knows whether they are stored; the checkpoint keeps them as unfinished.
            VoyantError: they are not stored.
            OSError: the checkpoint cannot be written.
        """
        sending = self._checkpoint.sending(
            {number: digests[number] for number in messages},
            self._known({message.channel for message in messages.values()}),
            [message.text for message in messages.values()],
        )
        try:
            self._publish(sending)
        except _REFUSALS as error:
            self._take_apart(messages, digests, error)

    def finish(self, sending: Sending, unsure: Finding | None) -> None:
        """Bring a batch of an earlier run to its end: it is published once it is certain that this is no repeat.

        Args:
            sending: the batch.
            unsure: what to take for granted where nobody can tell; ``None`` stops there.

        Raises:
            CannotResumeError: nobody can tell.
            VoyantError: the service could not be asked, or refuses the batch.
            OSError: the checkpoint cannot be written.
        """
        if self._is_key_remembered(sending):
            try:
                self._publish_again(sending)
                return
            except ConflictError:
                # Something was stored with this key, and another version wrote the same in another way.
                pass
        finding = self._look_for(sending)
        if finding is Finding.UNKNOWN:
            finding = unsure or finding
        if finding is Finding.UNKNOWN:
            first, last = min(sending.digests), max(sending.digests)
            raise CannotResumeError(
                f"records {first} to {last} were sent by the run before, and neither the service nor its history tells "
                "whether they were stored; look yourself, then add --unsure publish or --unsure skip to --resume",
                ExitCode.PARTLY,
            )
        if finding is Finding.NOT_PUBLISHED:
            self._publish_again(sending)
        else:
            self._settle(sending, {})

    def _publish_again(self, sending: Sending) -> None:
        # Where it is refused now, its records are read from the input once more and find their fate there.
        with contextlib.suppress(*_REFUSALS):
            self._publish(sending)

    def _publish(self, sending: Sending) -> None:
        try:
            stored = self._api.publish_written(sending.texts, idempotency_key=sending.key)
        except (PublishOutcomeUnknown, ConflictError, VoyantDecodeError):
            # It may be stored, and may as well have met something that is no such service at all.
            raise
        except VoyantError:
            self._checkpoint.was_refused(sending)
            raise
        if stored.count != len(sending.texts):
            raise CommandError(f"the service was sent {len(sending.texts)} messages and answered with {stored.count}")
        self._settle(sending, stored.newest)

    def _settle(self, sending: Sending, newest: Mapping[str, str]) -> None:
        self._checkpoint.was_published(sending)
        self._counters.count(published=len(sending.digests))
        with self._lock:
            for channel, message_id in newest.items():
                self._newest[channel] = message_id
                self._newest.move_to_end(channel)
            while len(self._newest) > REMEMBERED_CHANNELS:
                self._newest.popitem(last=False)

    def _take_apart(self, messages: Mapping[int, Written], digests: Mapping[int, int], error: VoyantError) -> None:
        """Send a refused batch in halves, down to the record that is at fault."""
        numbers = list(messages)
        if len(numbers) == 1:
            self._on_refused(RefusedRecordError(numbers[0], error))
            return
        middle = len(numbers) // 2
        for half in (numbers[:middle], numbers[middle:]):
            self.send({number: messages[number] for number in half}, digests)

    def _known(self, channels: Iterable[str]) -> dict[str, str]:
        known = {}
        for channel in channels:
            with self._lock:
                newest = self._newest.get(channel)
            if newest is None:
                newest = self._ask_for_newest(channel)
            if newest is not None:
                known[channel] = newest
        return known

    def _ask_for_newest(self, channel: str) -> str | None:
        with self._lock:
            if self._to_ask == 0:
                return None
            self._to_ask -= 1
        try:
            found = self._api.history(channel, limit=1)
        except VoyantApiError:
            # A key that may publish and not read, for one. It is of use after a crash alone.
            return None
        return found[-1].id if found else ""

    # What an earlier run left

    def _is_key_remembered(self, sending: Sending) -> bool:
        channel = sending.messages[0]["channel"]
        if self._api.idempotency_seconds == 0:
            # Any answer says how long keys are remembered, a refusal, too.
            self._history(channel, limit=1)
        return 0 <= self._age(sending) < self._api.idempotency_seconds - KEY_MARGIN

    def _look_for(self, sending: Sending) -> Finding:
        by_channel: dict[str, list[dict[str, Any]]] = {}
        for message in sending.messages:
            by_channel.setdefault(message["channel"], []).append(message)
        age = dt.timedelta(seconds=self._age(sending))
        findings = {
            self._look_in(channel, messages, sending.after.get(channel), age)
            for channel, messages in by_channel.items()
        }
        return findings.pop() if len(findings) == 1 else Finding.UNKNOWN

    def _look_in(self, channel: str, messages: list[dict[str, Any]], after: str | None, age: dt.timedelta) -> Finding:
        finding = find(messages, self._history(channel, limit=NEWEST), after=after, age=age)
        if finding is Finding.UNKNOWN and after:
            # So much was published since that the newest messages do not reach back. What comes right behind it may
            # still be there; only to find them proves something then.
            behind = self._history(channel, limit=NEWEST, since_id=after)
            if find(messages, behind, after="", age=age) is Finding.PUBLISHED:
                return Finding.PUBLISHED
        return finding

    def _age(self, sending: Sending) -> float:
        return dt.datetime.now(dt.UTC).timestamp() - sending.at

    def _history(self, channel: str, *, limit: int, since_id: str | None = None) -> list[RealtimeMessageSummary]:
        try:
            return self._api.history(channel, limit=limit, since_id=since_id)
        except ForbiddenError:
            # The key may publish and not read: then history tells nothing.
            return []
