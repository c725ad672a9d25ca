"""Asserts over what was published, and the text of their failures."""

from __future__ import annotations

import threading
from unittest import mock

import pytest

from tests.waiting import PATIENCE
from voyant_cloud.testing import Published, RecordingClient


@pytest.fixture
def client() -> RecordingClient:
    """Where messages are published."""
    return RecordingClient()


@pytest.fixture
def seen(client: RecordingClient) -> Published:
    """What was."""
    return Published(client)


def orders(client: RecordingClient) -> None:
    client.realtime.publish("orders:us", event="order.updated", data={"orderId": "ord_2", "status": "paid"})
    client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_1", "status": "open"})
    client.realtime.publish("orders:eu", event="order.created", data=None)


class TestFound:
    """What is there."""

    def test_is_returned(self, client: RecordingClient, seen: Published) -> None:
        """The newest that matches."""
        orders(client)
        client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_1", "status": "paid"})
        assert seen("orders:eu", event="order.updated").data["status"] == "paid"
        assert seen(data_contains={"orderId": "ord_2"}).channel == "orders:us"
        assert seen("orders:eu", event="order.updated", data={"orderId": mock.ANY, "status": "open"})
        assert seen(data=None).event == "order.created"

    def test_is_counted_and_listed(self, client: RecordingClient, seen: Published) -> None:
        """Oldest first."""
        orders(client)
        assert seen.count() == 3
        assert seen.count("orders:eu") == 2
        assert seen.count(event="order.deleted") == 0
        assert [message.channel for message in seen.messages(event="order.updated")] == ["orders:us", "orders:eu"]

    def test_nothing(self, client: RecordingClient, seen: Published) -> None:
        """Nothing at all, or nothing like it."""
        seen.nothing()
        orders(client)
        seen.nothing("orders:uk")
        seen.nothing(data_contains={"status": "gone"})

    def test_what_comes_later(self, client: RecordingClient, seen: Published) -> None:
        """Another thread has the time that it is given."""
        later = threading.Timer(0.1, orders, [client])
        later.start()
        assert seen("orders:eu", event="order.updated", within=PATIENCE)
        later.join()


class TestMissing:
    """What is not there."""

    def test_the_nearest_are_shown(self, client: RecordingClient, seen: Published) -> None:
        """Each with what is wrong with it."""
        orders(client)
        for number in range(2):
            client.realtime.publish("other", event="tick", data=number)
        with pytest.raises(AssertionError) as caught:
            seen("orders:eu", event="order.updated", data={"orderId": "ord_1", "status": "paid"})
        assert (
            str(caught.value)
            == """\
no such message was published:
    channel: orders:eu
    event: order.updated
    data: {"orderId": "ord_1", "status": "paid"}
5 messages were published, nearest first:
  1 orders:eu order.updated
      data, - as wanted, + as published:
          {
            "orderId": "ord_1"
        -   "status": "paid"
        +   "status": "open"
          }
  2 orders:us order.updated
      channel: 'orders:eu' was wanted
      data, - as wanted, + as published:
          {
        -   "orderId": "ord_1"
        +   "orderId": "ord_2"
            "status": "paid"
          }
  3 orders:eu order.created
      event: 'order.updated' was wanted
      data, - as wanted, + as published:
        + null
        - {
        -   "orderId": "ord_1"
        -   "status": "paid"
        - }
    … and 2 more"""
        )

    def test_nothing_at_all(self, seen: Published) -> None:
        """It says so, and does not wait."""
        with pytest.raises(AssertionError, match=r"(?s)channel: orders:eu\nnothing was published at all$"):
            seen("orders:eu")

    def test_after_waiting(self, client: RecordingClient, seen: Published) -> None:
        """The time that it is given ends."""
        client.realtime.publish("c", event="e")
        with pytest.raises(AssertionError, match="1 message was published, nearest first:"):
            seen("d", within=0.05)

    def test_among_thousands(self, client: RecordingClient, seen: Published) -> None:
        """A failure takes no longer than a test may."""
        client.realtime.publish_many(
            {"channel": f"c{number % 7}", "event": "e", "data": ["x" * 100] * 100} for number in range(2000)
        )
        with pytest.raises(AssertionError, match="and 1997 more"):
            seen("c1", data=["x"])


class TestUnexpected:
    """What should not be there."""

    def test_is_listed(self, client: RecordingClient, seen: Published) -> None:
        """With its data."""
        orders(client)
        with pytest.raises(AssertionError) as caught:
            seen.nothing("orders:eu")
        assert (
            str(caught.value)
            == """\
2 messages were published that should not have been:
    channel: orders:eu
  1 orders:eu order.updated {"orderId": "ord_1", "status": "open"}
  2 orders:eu order.created null"""
        )

    def test_a_long_list_is_cut(self, client: RecordingClient, seen: Published) -> None:
        """After ten."""
        client.realtime.publish_batch([{"channel": "c", "event": "e"}] * 30)
        with pytest.raises(AssertionError, match=r"and 20 more$"):
            seen.nothing()
