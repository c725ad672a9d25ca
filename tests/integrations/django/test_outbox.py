"""The outbox in the tests' process: writing, order, repeats, refusals, and what several drains do to each other."""

from __future__ import annotations

import datetime as dt
import io
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.utils import timezone

from voyant_cloud import (
    ConflictError,
    ForbiddenError,
    InternalError,
    PayloadTooLargeError,
    PublishOutcomeUnknown,
    ServiceUnavailableError,
    UnauthorizedError,
    VoyantCloudClient,
    VoyantDecodeError,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.integrations.commands.stopping import Stop
from voyant_cloud.integrations.django import outbox
from voyant_cloud.integrations.django.client import new_client
from voyant_cloud.integrations.django.outbox.claiming import choose, claim
from voyant_cloud.integrations.django.outbox.clock import utc_now
from voyant_cloud.integrations.django.outbox.draining import Drain, Step
from voyant_cloud.integrations.django.outbox.models import OutboxMessage
from voyant_cloud.testing import VoyantServer

LEASE = 60.0


class Script:
    """Stands before a client's ``publish_batch``: fails as told, before or after the real one has run."""

    def __init__(self, client: VoyantCloudClient) -> None:
        self._real = client.realtime.publish_batch
        self.before: list[Exception | None] = []
        self.after: list[Exception | None] = []
        self.sent: list[tuple[str, list[str]]] = []

    def __call__(self, messages: Any, *, idempotency_key: str) -> Any:
        self.sent.append((idempotency_key, [message.event for message in messages]))
        _raise_next(self.before)
        answer = self._real(messages, idempotency_key=idempotency_key)
        _raise_next(self.after)
        return answer


def _raise_next(errors: list[Exception | None]) -> None:
    if (error := errors.pop(0) if errors else None) is not None:
        raise error


@pytest.fixture
def script(service: VoyantServer) -> Iterator[Script]:
    with new_client(retries=0) as client:
        made = Script(client)
        client.realtime.publish_batch = made  # type: ignore[method-assign]
        made.drain = Drain(client, using="default", lease=LEASE)  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def drain(script: Script) -> Drain:
    return script.drain  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def stored(reader: VoyantCloudClient) -> Callable[..., list[str]]:
    return lambda channel="orders:eu": [each.event for each in reader.realtime.history(channel, limit=1000)]


def write(*events: str, channel: str = "orders:eu") -> None:
    for event in events:
        outbox.publish(channel, event=event)


def left() -> list[str]:
    return list(OutboxMessage.objects.values_list("event", flat=True))


def make_due() -> None:
    """Let all waits and claims have passed."""
    past = timezone.now() - dt.timedelta(seconds=1)
    OutboxMessage.objects.exclude(available_at=None).update(available_at=past)
    OutboxMessage.objects.exclude(claimed_until=None).update(claimed_until=past)


def refusal(kind: Any, status: int) -> Exception:
    return kind("no", status=status, code="no")  # type: ignore[no-any-return]


def test_commit_and_rollback(drain: Drain, stored: Any) -> None:
    """A row is as the transaction is, and the data is Django's JSON."""
    with transaction.atomic():
        outbox.publish("orders:eu", event="a", data={"day": dt.date(2026, 11, 24)})
        with pytest.raises(VoyantValidationError):
            outbox.publish("a/b", event="a")
    undone()
    [row] = OutboxMessage.objects.all()
    assert (row.data, str(row)) == ('{"day":"2026-11-24"}', "a on orders:eu")
    assert drain.step() == Step(published=1)
    assert drain.step().is_idle
    assert (stored(), left()) == (["a"], [])


def undone() -> None:
    try:
        with transaction.atomic():
            write("undone")
            raise LookupError
    except LookupError:
        pass


def test_other_database(service: VoyantServer, stored: Any) -> None:
    """Each database has an outbox of its own."""
    outbox.publish("orders:eu", event="a", using="other")
    assert left() == []
    out = io.StringIO()
    call_command("realtime_drain", database="other", stdout=out)
    assert (out.getvalue(), stored()) == ("Published 1, parked 0, left 0.\n", ["a"])


def test_batches_in_order(drain: Drain, script: Script, stored: Any) -> None:
    """A hundred go in a request, in order."""
    write(*map(str, range(250)))
    assert [drain.step().published for _ in range(4)] == [100, 100, 50, 0]
    assert stored() == list(map(str, range(250)))
    assert len({key for key, _ in script.sent}) == 3


def test_bytes_of_a_request(drain: Drain) -> None:
    """No request is above 2 MiB."""
    for _ in range(40):
        outbox.publish("big:1", event="big", data="x" * 60_000)
    assert [drain.step().published for _ in range(2)] == [34, 6]


@pytest.mark.parametrize(
    "error", [VoyantTransportError("gone"), refusal(ServiceUnavailableError, 503), refusal(UnauthorizedError, 401)]
)
def test_failure_is_repeated(drain: Drain, script: Script, stored: Any, error: Exception) -> None:
    """A failed request waits, and is then sent again as it was, though more has been written meanwhile."""
    script.before = [error]
    write("a", "b")
    assert drain.step() == Step(failed=2)
    write("c")
    assert drain.step().is_idle, "c comes after a and b"
    [first, *_] = OutboxMessage.objects.all()
    assert (first.attempts, first.claimed_until, first.last_error) == (1, None, f"{type(error).__name__}: {error}")
    make_due()
    assert [drain.step().published for _ in range(2)] == [2, 1]
    assert script.sent[0] == script.sent[1]
    assert stored() == ["a", "b", "c"]


def test_lost_answer(drain: Drain, script: Script, stored: Any) -> None:
    """Where only the answer was lost, the repeat publishes nothing twice."""
    script.after = [PublishOutcomeUnknown("lost")]
    write("a", "b")
    assert drain.step() == Step(failed=2)
    make_due()
    assert drain.step() == Step(published=2)
    assert stored() == ["a", "b"]


def test_unreadable_answer(drain: Drain, script: Script, stored: Any) -> None:
    """An answer that is none proves nothing; the repeat has the same key, and publishes nothing twice."""
    script.after = [VoyantDecodeError("$", "odd")]
    write("a")
    assert drain.step() == Step(failed=1)
    make_due()
    assert drain.step() == Step(published=1)
    assert (stored(), left()) == (["a"], [])


def test_conflict(drain: Drain, script: Script, stored: Any) -> None:
    """A key that was used for something else parks its messages together: with new keys they might come twice."""
    script.before = [refusal(ConflictError, 409)]
    write("a", "b")
    assert drain.step() == Step(parked=2)
    assert stored() == []


def test_waits_grow(drain: Drain, script: Script) -> None:
    """Each failure waits longer, to a limit, and as long as the service asks, to a limit, too."""
    write("a")
    waits = []
    errors: list[Exception] = [VoyantTransportError("gone")] * 8
    errors.append(ServiceUnavailableError("no", status=503, code="no", retry_after=500.0))
    for error in errors:
        script.before = [error]
        make_due()
        drain.step()
        [row] = OutboxMessage.objects.all()
        waits.append(round((row.available_at - timezone.now()).total_seconds()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 300]


def test_another_channel_goes_on(drain: Drain, script: Script, stored: Any) -> None:
    """A channel that waits holds up no other."""
    script.before = [VoyantTransportError("gone")]
    write("a")
    drain.step()
    write("b", channel="orders:us")
    assert drain.step() == Step(published=1)
    assert (stored(), stored("orders:us")) == ([], ["b"])


def test_poison_is_parked(drain: Drain, script: Script, stored: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Of a refused batch each is sent alone, in order; the one at fault is parked, with the reason."""
    too_large = refusal(PayloadTooLargeError, 413)
    script.before = [too_large, None, too_large]
    write("a", "poison", "b")
    with caplog.at_level(logging.WARNING, "voyant_cloud"):
        assert [drain.step() for _ in range(4)] == [
            Step(failed=3),
            Step(published=1),
            Step(parked=1),
            Step(published=1),
        ]
    assert drain.step().is_idle
    assert stored() == ["a", "b"]
    [row] = OutboxMessage.objects.all()
    assert (row.event, row.last_error) == ("poison", "PayloadTooLargeError: 413 no: no")
    assert "outbox: parked message" in caplog.text


def test_row_by_hand(drain: Drain) -> None:
    """A row that somebody wrote without the checks is parked, not tried for ever."""
    OutboxMessage.objects.create(channel="a/b", event="a", data="null")
    OutboxMessage.objects.create(channel="orders:eu", event="a", data="{")
    assert [drain.step() for _ in range(3)] == [Step(failed=2), Step(parked=1), Step(parked=1)]


def test_a_forbidden_channel_holds_up_no_other(drain: Drain, script: Script, stored: Any) -> None:
    """Of messages that are forbidden together each is sent alone; the one that is meant waits, and is not parked."""
    forbidden = refusal(ForbiddenError, 403)
    script.before = [forbidden, None, forbidden]
    write("a")
    write("secret", channel="orders:secret")
    write("b", channel="orders:us")
    assert [drain.step() for _ in range(4)] == [
        Step(failed=3),
        Step(published=1),
        Step(failed=1),
        Step(published=1),
    ]
    assert (stored(), stored("orders:us")) == (["a"], ["b"])
    make_due()
    assert drain.step() == Step(published=1)


def test_what_always_fails_together_is_set_apart(drain: Drain, script: Script, stored: Any) -> None:
    """When the service has forgotten the key anyway, one message that it stumbles over leaves the others alone."""
    broken = refusal(InternalError, 500)
    script.before = [broken] * 11
    write("poison")
    write("a", channel="orders:us")
    for _ in range(11):
        make_due()
        drain.step()
    script.before = [broken]
    assert [drain.step(), drain.step()] == [Step(failed=1), Step(published=1)]
    assert (stored(), stored("orders:us")) == ([], ["a"])


def test_nul(drain: Drain, script: Script) -> None:
    """What PostgreSQL cannot hold is refused when it is written, and left out of what the service says."""
    with pytest.raises(VoyantValidationError, match="event: must not hold NUL"):
        write("a\x00")
    script.before = [VoyantTransportError("no\x00thing")]
    write("a")
    drain.step()
    assert OutboxMessage.objects.get().last_error == "VoyantTransportError: nothing"


def test_routers_are_not_asked(service: VoyantServer) -> None:
    """A row in another database than the transaction's would be there after a rollback."""
    with override_settings(DATABASE_ROUTERS=[ToOther()]):
        undone()
        write("b")
    assert (left(), list(OutboxMessage.objects.using("other"))) == (["b"], [])


class ToOther:
    """A router that would send all there is to another database."""

    def db_for_write(self, *_: object, **__: object) -> str:
        return "other"


def test_local_time(drain: Drain, script: Script) -> None:
    """Where a project keeps local time, waits are in UTC all the same: its clocks go back once a year."""
    with override_settings(USE_TZ=False):
        assert utc_now().tzinfo is None
        assert abs(utc_now() - dt.datetime.now(dt.UTC).replace(tzinfo=None)) < dt.timedelta(minutes=1)


def test_claims_keep_others_out() -> None:
    """What one drain has, and all that follows on its channels, no other takes until the claim has passed."""
    write("a")
    write("x", channel="orders:us")
    first = claim("default", LEASE)
    write("b")
    write("y", channel="orders:asia")
    assert [row.event for row in claim("default", LEASE)] == ["y"]
    assert claim("default", LEASE) == []
    make_due()
    again = claim("default", LEASE)
    assert [(row.pk, row.request_key) for row in again] == [(row.pk, row.request_key) for row in first]


def test_choose() -> None:
    """A begun request is taken whole and alone; newer rows of its channels wait for it."""
    key = uuid.uuid4()

    def row(channel: str, request_key: uuid.UUID | None = None) -> OutboxMessage:
        return OutboxMessage(channel=channel, event="e", data="null", request_key=request_key)

    begun, other, new = row("a", key), row("b", key), row("c")
    assert choose([begun, new, other]) == [begun, other]
    assert choose([new, begun, row("a"), other, row("b")]) == [new]
    assert choose([]) == []


def test_once_says_what_is_left(service: VoyantServer) -> None:
    """Without --watch it ends when nothing can be sent now, and fails if something is left."""
    write("a")
    out = io.StringIO()
    with override_settings(VOYANT_CLOUD={"API_KEY": "vck_x", "API_URL": "http://127.0.0.1:9"}):
        with pytest.raises(CommandError, match="not everything was published"):
            call_command("realtime_drain", stdout=out)
    assert out.getvalue() == "Published 0, parked 0, left 1.\n"


def test_no_such_database_or_table(service: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is none, or has no outbox yet, is one line with what to do."""
    with pytest.raises(CommandError, match="there is no 'nope'; there are default, other"):
        call_command("realtime_drain", database="nope")
    monkeypatch.setattr(OutboxMessage._meta, "db_table", "voyant_cloud_elsewhere")
    with pytest.raises(CommandError, match=r"run: manage\.py migrate --database default"):
        call_command("realtime_drain", watch=True)


def test_broken_database(service: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --watch a database that fails ends it with the reason."""

    def step(_: Drain) -> Step:
        raise DatabaseError("gone")

    monkeypatch.setattr(Drain, "step", step)
    with pytest.raises(CommandError, match="the database fails: gone"):
        call_command("realtime_drain")


@pytest.mark.parametrize("option", ["--lease=0", "--interval=soon"])
def test_bad_options(option: str) -> None:
    """Options are checked."""
    with pytest.raises(CommandError, match="must be seconds"):
        call_command("realtime_drain", option)


def test_watch_survives_its_database(
    service: VoyantServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that fails is tried again after a while."""
    steps = iter([DatabaseError("gone"), Step(), None])
    waits: list[float] = []

    def step(_: Drain) -> Step:
        outcome = next(steps)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or Step()

    monkeypatch.setattr(Drain, "step", step)
    monkeypatch.setattr(Stop, "wait", lambda _, seconds: waits.append(seconds))
    monkeypatch.setattr(Stop, "asked", property(lambda _: len(waits) == 2))
    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.close", lambda _: None)
    call_command("realtime_drain", watch=True, interval=7.0)
    assert waits == [5.0, 7.0]
    assert "the database fails" in caplog.text


def test_migrations_are_complete() -> None:
    """The models need no further migration."""
    call_command("makemigrations", "voyant_cloud_outbox", check=True, dry_run=True, verbosity=0)
