"""Publishing after commit: with real transactions, a real service, and all that can undo a message."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import TestCase, override_settings

from voyant_cloud import (
    RealtimeBatchMessage,
    VoyantCloudClient,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.integrations.django import get_client, publish_batch_on_commit, publish_on_commit
from voyant_cloud.jsontext import loads
from voyant_cloud.testing import VoyantServer

SECRET = "vck_very-secret-indeed"
GONE = {"API_KEY": SECRET, "API_URL": "http://127.0.0.1:9", "RETRIES": 0}


class UndoneError(Exception):
    """Undoes a block."""


@contextmanager
def undone(using: str | None = None) -> Iterator[None]:
    """A block that is rolled back at its end."""
    with suppress(UndoneError), transaction.atomic(using=using):
        yield
        raise UndoneError


@pytest.fixture
def events(service: VoyantServer, reader: VoyantCloudClient) -> Callable[[], list[str]]:
    """What is published on ``orders:eu``."""
    return lambda: [message.event for message in reader.realtime.history("orders:eu", limit=1000)]


@pytest.fixture
def requests(service: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each request held."""
    sizes: list[int] = []
    transport = get_client()._transport
    publish = transport.answer_to_publish

    def counted(path: str, *, body: Any, **others: Any) -> Any:
        content = loads(body) if isinstance(body, bytes) else body
        sizes.append(len(content.get("messages", [content])))
        return publish(path, body=body, **others)

    monkeypatch.setattr(transport, "answer_to_publish", counted)
    return sizes


def one(event: str, using: str | None = None) -> None:
    publish_on_commit("orders:eu", event=event, using=using)


def batch(*events: str, using: str | None = None) -> None:
    publish_batch_on_commit([{"channel": "orders:eu", "event": event} for event in events], using=using)


@pytest.mark.parametrize("publish", [one, batch])
class TestEitherForm:
    """What holds for one message and for a batch."""

    def test_commit(self, events: Any, publish: Any) -> None:
        """It is sent once the outermost block has committed, not before."""
        with transaction.atomic():
            with transaction.atomic():
                publish("a")
            assert events() == []
        assert events() == ["a"]

    def test_rollback(self, events: Any, publish: Any) -> None:
        """Nothing is sent on a rollback, nor by the next transaction."""
        with undone():
            publish("a")
        with transaction.atomic():
            publish("b")
        assert events() == ["b"]

    def test_savepoint_rollback(self, events: Any, publish: Any) -> None:
        """What a savepoint undoes is left out, whichever comes first and last."""
        with transaction.atomic():
            with undone():
                publish("undone")
                with transaction.atomic():
                    publish("undone, too")
            publish("a")
            with transaction.atomic():
                publish("b")
                with undone():
                    publish("undone")
            with undone():
                publish("undone")
        assert events() == ["a", "b"]

    def test_only_undone(self, events: Any, publish: Any) -> None:
        """A transaction with nothing left to send sends nothing."""
        with transaction.atomic():
            with undone():
                publish("undone")
        assert events() == []

    def test_no_transaction(self, events: Any, publish: Any) -> None:
        """Outside a transaction it is sent at once."""
        publish("a")
        assert events() == ["a"]
        assert connections["default"].run_on_commit == []

    def test_databases_apart(self, events: Any, publish: Any) -> None:
        """Each database's transaction decides over its own messages."""
        with undone(using="other"):
            with transaction.atomic():
                publish("default")
                publish("other", using="other")
            assert events() == ["default"]
        with transaction.atomic(using="other"):
            publish("other", using="other")
        assert events() == ["default", "other"]

    def test_durable(self, events: Any, publish: Any) -> None:
        """A durable block commits, so it sends."""
        with transaction.atomic(durable=True):
            publish("a")
        assert events() == ["a"]

    def test_block_without_savepoint(self, events: Any, publish: Any) -> None:
        """A failed block without a savepoint undoes the outer one, and its messages."""
        with transaction.atomic():
            publish("a")
            with suppress(UndoneError), transaction.atomic():
                publish("undone")
                with transaction.atomic(savepoint=False):
                    publish("undone, too")
                    raise UndoneError
        assert events() == ["a"]


def test_batch_is_one_request(events: Any, requests: list[int]) -> None:
    """All calls of one transaction make one request, in their order."""
    with transaction.atomic():
        batch("a", "b")
        with transaction.atomic():
            batch("c")
        batch()
        batch("d")
    assert events() == ["a", "b", "c", "d"]
    assert requests == [4]


def test_more_than_a_request_holds(events: Any, requests: list[int]) -> None:
    """More messages go in several requests, in order, and so do more bytes."""
    with transaction.atomic():
        batch(*map(str, range(150)))
        batch(*map(str, range(150, 250)))
    assert events() == list(map(str, range(250)))
    big = [{"channel": "big:1", "event": "big", "data": "x" * 60_000} for _ in range(40)]
    publish_batch_on_commit(big)
    assert requests[:3] == [100, 100, 50]
    assert len(requests) == 5
    assert sum(requests[3:]) == 40


def test_models_and_django_types(service: VoyantServer, reader: VoyantCloudClient) -> None:
    """Dicts and models alike take what Django's encoder writes."""
    day = dt.date(2026, 11, 24)
    with transaction.atomic():
        publish_on_commit("orders:eu", event="one", data={"day": day})
        publish_batch_on_commit(
            [
                RealtimeBatchMessage(channel="orders:eu", event="two"),
                MappingProxyType({"channel": "orders:eu", "event": "3", "data": day}),
            ]
        )
    assert [message.data for message in reader.realtime.history("orders:eu")] == [
        {"day": "2026-11-24"},
        None,
        "2026-11-24",
    ]


def test_bad_arguments_raise_in_the_transaction(events: Any) -> None:
    """A wrong message is refused where it is given, and the transaction goes on."""
    with transaction.atomic():
        for wrong in ({"channel": "a/b"}, {"channel": "orders:eu", "event": ""}):
            with pytest.raises(VoyantValidationError):
                publish_on_commit(**{"event": "a", **wrong})
        with pytest.raises(VoyantValidationError, match=r"messages\[1\]\.event"):
            batch("a", "")
        with pytest.raises(VoyantValidationError, match=r"messages\[0\]\.data: Object of type set"):
            publish_batch_on_commit([{"channel": "orders:eu", "event": "a", "data": {1}}])
        with pytest.raises(VoyantValidationError, match=r"messages\[0\]: must be a dict"):
            publish_batch_on_commit(["orders:eu"])  # type: ignore[list-item]
        one("good")
    assert events() == ["good"]


def test_robust_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is told with channel and event, without data and secrets, and the request goes on."""
    with override_settings(VOYANT_CLOUD=GONE), caplog.at_level(logging.ERROR):
        with transaction.atomic():
            publish_on_commit("orders:eu", event="order.updated", data={"card": "4111"})
            publish_batch_on_commit(
                [{"channel": "orders:us", "event": f"e{row}", "data": {"card": "4111"}} for row in range(12)]
            )
    [single, many] = caplog.messages
    assert single.startswith(
        "publishing after commit failed for 'order.updated' on orders:eu: VoyantTransportError: POST"
    )
    assert "'e0' on orders:us, 'e1' on orders:us" in many
    assert "and 2 more: VoyantTransportError: POST /realtime/v1/messages: could not connect" in many
    assert "4111" not in caplog.text
    assert SECRET not in caplog.text


def test_robust_with_bad_settings(caplog: pytest.LogCaptureFixture) -> None:
    """Settings that are wrong break no request either."""
    with override_settings(VOYANT_CLOUD={}):
        one("a")
    assert 'ImproperlyConfigured: VOYANT_CLOUD["API_KEY"] is not set' in caplog.text


def test_only_the_rest_is_logged(events: Any, service: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """Where a later request fails, the messages of the earlier ones are not told of."""
    realtime = get_client().realtime
    publish = realtime._transport.answer_to_publish
    calls = 0

    def second_fails(*arguments: Any, **others: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise VoyantTransportError("gone")
        return publish(*arguments, **others)

    realtime._transport.answer_to_publish = second_fails  # type: ignore[method-assign]
    batch(*(f"e{row}" for row in range(105)))
    assert len(events()) == 100
    assert "after commit failed for 'e100' on orders:eu" in caplog.text
    assert "'e99'" not in caplog.text


def test_not_robust() -> None:
    """Who wants to know is told, after the commit."""
    with override_settings(VOYANT_CLOUD=GONE):
        with pytest.raises(VoyantTransportError), transaction.atomic():
            publish_on_commit("orders:eu", event="a", robust=False)
        with pytest.raises(VoyantTransportError, match="could not connect"):
            commit_with_one_that_is_not_robust()


def commit_with_one_that_is_not_robust() -> None:
    with transaction.atomic():
        batch("a")
        publish_batch_on_commit([], robust=False)
        publish_batch_on_commit([{"channel": "orders:eu", "event": "b"}], robust=False)


class TestInTestCase(TestCase):
    """Django's own TestCase, which never commits: ``captureOnCommitCallbacks`` sends as a commit would."""

    databases = ("default", "other")

    def setUp(self) -> None:
        self.server = VoyantServer().start()
        self.addCleanup(self.server.stop)
        setting = {"API_KEY": self.server.api_key, "API_URL": self.server.url}
        overridden = override_settings(VOYANT_CLOUD=setting)
        overridden.enable()
        self.addCleanup(overridden.disable)

    def events(self) -> list[str]:
        return [message.event for message in get_client().realtime.history("orders:eu")]

    def test_captured(self) -> None:
        """What is captured is sent, each once, and nothing that came before or was undone."""
        batch("not captured")
        with self.captureOnCommitCallbacks(execute=True):
            batch("a")
            with undone():
                batch("undone")
            with transaction.atomic():
                batch("b")
            one("c")
        # The single message is a hook of its own, before the last of the batch.
        assert sorted(self.events()) == ["a", "b", "c"]
        with self.captureOnCommitCallbacks(execute=True):
            batch("d")
        assert sorted(self.events()) == ["a", "b", "c", "d"]

    def test_after_another(self) -> None:
        """Hooks of the test before, in the same transaction of the class, are forgotten."""
        assert connections["default"].run_on_commit == []
        with self.captureOnCommitCallbacks(using="other", execute=True):
            batch("a", using="other")
        with self.captureOnCommitCallbacks() as callbacks:
            batch("b")
        assert self.events() == ["a"]
        assert len(callbacks) == 2
