"""The client without a server, held against the real one where both can answer."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from voyant_cloud import (
    ConflictError,
    InvalidRequestError,
    PublishManyError,
    RealtimePresenceMember,
    ServiceUnavailableError,
    VoyantCloudClient,
    VoyantConfigError,
    VoyantError,
    VoyantValidationError,
)
from voyant_cloud.testing import RecordingClient, VoyantServer

CHANNEL = "orders:eu"
AWAY = ServiceUnavailableError("away", status=503, code="service_unavailable")


@pytest.fixture
def client() -> RecordingClient:
    """A client of its own for each test."""
    return RecordingClient()


def story(client: VoyantCloudClient) -> list[Any]:
    """Do what can be done without a connection, and return what does not differ from run to run."""
    realtime = client.realtime
    told: list[Any] = [realtime.idempotency_seconds]
    one = realtime.publish(CHANNEL, event="a", data={"ü": [1, 2.5, None, True], "at": "x"})
    told += [one.channel, one.event, one.data, re.sub("[0-9a-f]", "0", one.id), realtime.idempotency_seconds]
    batch = realtime.publish_batch([{"channel": CHANNEL, "event": "b"}, {"channel": "z", "event": "c", "data": 0}])
    told += [(message.channel, message.id[-12:]) for message in batch]
    oldest = realtime.publish("many", event="e", data="oldest")
    report = realtime.publish_many(({"channel": "many", "event": "e", "data": n} for n in range(1_100)), batch_size=60)
    told += [report.published, report.batches]
    newest = realtime.history("many")
    told += [len(newest), newest[0].data, [message.data for message in realtime.history("many", limit=2)]]
    told += [message.data for message in realtime.history("many", limit=2, since_id=newest[0].id)]
    told += [
        len(list(realtime.iter_history("many", newest[50].id, 20))),
        realtime.history(CHANNEL, since_id=one.id)[0].event,
    ]
    told += [len(realtime.history(CHANNEL, since_id=newest[0].id)), realtime.history("empty")]
    told += [realtime.history("many", limit=1, since_id=oldest.id)[0].data, len(list(realtime.iter_history("many")))]
    beyond = newest[-1].id[:-12] + "9" * 12
    told += [realtime.history("many", limit=1, since_id=beyond)[0].data]
    again = [realtime.publish("once", event="e", data=1, idempotency_key="key-1") for _ in range(2)]
    told += [again[0] == again[1], len(realtime.history("once"))]
    token = realtime.tokens.mint(client_id="user_1", capabilities={"orders:*": ["subscribe"]}, ttl_seconds=60)
    told += [token.token[:5], 0 < (token.expires_at - dt.datetime.now(dt.UTC)).total_seconds() <= 60]
    told += [realtime.presence.get(CHANNEL)]
    return told


def errors(client: VoyantCloudClient) -> list[str]:
    """Do what is refused, and return how."""
    realtime = client.realtime
    realtime.publish(CHANNEL, event="e", idempotency_key="key-2")
    refused: list[Callable[[], object]] = [
        lambda: realtime.publish("a/b", event="e"),
        lambda: realtime.publish(CHANNEL, event=""),
        lambda: realtime.publish(CHANNEL, event="e", data=float("nan")),
        lambda: realtime.publish(CHANNEL, event="e", data="x" * 65_536),
        lambda: realtime.publish(CHANNEL, event="e", idempotency_key=""),
        lambda: realtime.publish(CHANNEL, event="e", timeout=0),
        lambda: realtime.publish(CHANNEL, event="other", idempotency_key="key-2"),
        lambda: realtime.publish_batch([]),
        lambda: realtime.publish_batch([{"channel": CHANNEL, "event": "e"}] * 101),
        lambda: realtime.publish_batch([{"channel": CHANNEL, "event": "e", "data": "x" * 64_000}] * 33),
        lambda: realtime.publish_many([{"channel": CHANNEL}]),
        lambda: realtime.history(CHANNEL, limit=0),
        lambda: realtime.history(CHANNEL, since_id="nonsense"),
        lambda: realtime.tokens.mint(client_id="user_1", capabilities={"orders*": ["subscribe"]}),
        lambda: realtime.presence.get(".."),
    ]
    told = []
    for call in refused:
        with pytest.raises(VoyantError) as caught:
            call()
        body = getattr(caught.value, "body", None)
        told.append(re.sub("req_[0-9a-f]+", "req", f"{type(caught.value).__name__}: {caught.value} {body}"))
    return told


def test_it_answers_as_the_server_does(client: RecordingClient, server: VoyantServer) -> None:
    """The same story has the same end, and the same mistakes are told in the same words."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as real:
        assert story(client) == story(real)
        assert errors(client) == errors(real)


def test_it_is_a_client(client: RecordingClient) -> None:
    """It passes for one, takes a client's settings, and is closed like one."""
    assert isinstance(client, VoyantCloudClient)
    assert RecordingClient(base_url="https://example.com", retries=7).base_url == "https://example.com"
    with client:
        pass
    with pytest.raises(VoyantConfigError, match="is closed"):
        client.realtime.publish(CHANNEL, event="e")
    assert client.messages == []


def test_messages_are_copies(client: RecordingClient) -> None:
    """What a test changes later was not published."""
    data = {"orderId": "ord_1"}
    published = client.realtime.publish(CHANNEL, event="e", data=data)
    data["orderId"] = "ord_2"
    assert client.messages == [published]
    assert client.messages[0].data == {"orderId": "ord_1"}


def test_members_are_who_was_put_there(client: RecordingClient) -> None:
    """By channel."""
    alice = RealtimePresenceMember(client_id="alice", data={"name": "Alice"}, joined_at=dt.datetime.now(dt.UTC))
    client.members[CHANNEL] = [alice]
    [found] = client.realtime.presence.get(CHANNEL)
    assert (found.client_id, found.data) == ("alice", {"name": "Alice"})
    assert client.realtime.presence.get("orders:us") == []


def test_a_channel_needs_a_server(client: RecordingClient) -> None:
    """It says which."""
    with pytest.raises(VoyantConfigError, match=r"voyant_cloud\.testing\.VoyantServer"):
        client.realtime.channel(CHANNEL, client_id="worker-1")


class TestFailWith:
    """``fail_with``."""

    def test_the_next_call(self, client: RecordingClient) -> None:
        """Only that, and what it would have stored is not."""
        client.fail_with(AWAY)
        with pytest.raises(ServiceUnavailableError, match="away"):
            client.realtime.publish(CHANNEL, event="e")
        assert client.messages == []
        client.realtime.publish(CHANNEL, event="e")

    def test_a_wrong_argument_does_not_count(self, client: RecordingClient) -> None:
        """It never came to a call."""
        client.fail_with(AWAY)
        with pytest.raises(VoyantValidationError):
            client.realtime.publish(CHANNEL, event="")
        with pytest.raises(ServiceUnavailableError):
            client.realtime.history(CHANNEL)

    def test_all_until_cleared(self, client: RecordingClient) -> None:
        """Every call, of whichever kind."""
        client.realtime.publish(CHANNEL, event="e")
        client.fail_with(AWAY, times=None)
        for _ in range(3):
            with pytest.raises(ServiceUnavailableError):
                client.realtime.presence.get(CHANNEL)
        client.clear()
        assert client.realtime.history(CHANNEL) == client.messages == []

    def test_within_publish_many(self, client: RecordingClient) -> None:
        """The error is the cause, as with a service that fails."""
        client.fail_with(InvalidRequestError("no", status=400, code="invalid_request"))
        with pytest.raises(PublishManyError) as caught:
            client.realtime.publish_many([{"channel": CHANNEL, "event": "e"}])
        assert isinstance(caught.value.__cause__, InvalidRequestError)

    @pytest.mark.parametrize(
        ("error", "times", "problem"),
        [
            (ServiceUnavailableError, 1, "error must be an exception, got <class '"),
            (AWAY, "2", "times must be a whole number of at least 1, or None for all, got '2'"),
        ],
    )
    def test_a_wrong_argument(self, client: RecordingClient, error: Any, times: Any, problem: str) -> None:
        """It is told at once, not by a later call."""
        with pytest.raises(VoyantConfigError, match=f"^fail_with: {problem}"):
            client.fail_with(error, times=times)
        client.realtime.publish(CHANNEL, event="e")


def test_a_key_used_for_something_else(client: RecordingClient) -> None:
    """As the server: 409."""
    client.realtime.publish(CHANNEL, event="e", idempotency_key="key-1")
    with pytest.raises(ConflictError):
        client.realtime.publish("orders:us", event="e", idempotency_key="key-1")


def test_many_threads(client: RecordingClient) -> None:
    """Each message has a place of its own."""

    def publish() -> None:
        for number in range(200):
            client.realtime.publish(CHANNEL, event="e", data=number)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [message.id for message in client.messages]
    assert ids == sorted(set(ids))
    assert len(ids) == 800
