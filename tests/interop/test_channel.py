"""The official ``RealtimeChannel`` on this server: connecting, receiving, publishing, closing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fake_realtime import FakeRealtime, message_frame
from tests.interop.official import OfficialClient, OfficialError
from tests.interop.test_rest import EVERY_KIND_OF_JSON
from tests.waiting import until
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


class TestReceiving:
    def test_connected(self, official: OfficialClient) -> None:
        """The first event says which channel is live; what the frame has beyond that disturbs nothing."""
        channel = official.channel(CHANNEL, frames=True)
        assert channel.wait("connected") == [{"channel": CHANNEL}]
        assert channel.wait("frame")[0].keys() > {"type", "channel", "lastId"}

    @pytest.mark.parametrize("data", EVERY_KIND_OF_JSON)
    def test_every_kind_of_json(self, official: OfficialClient, data: Any) -> None:
        """A message arrives with all its fields, the same as the publisher was told."""
        channel = official.channel(CHANNEL)
        channel.wait("connected")
        stored = official.publish(CHANNEL, "order.updated", data=data)
        assert channel.wait("message") == [stored]

    def test_a_batch(self, official: OfficialClient) -> None:
        """A batch arrives in its order, without what went to other channels."""
        channel = official.channel("orders:0")
        channel.wait("connected")
        given = [{"channel": f"orders:{number % 3}", "event": "e", "data": number} for number in range(99)]
        stored = [message for message in official.publish_batch(given) if message["channel"] == "orders:0"]
        assert channel.wait_for(stored[-1]["id"]) == stored

    def test_unsubscribe(self, official: OfficialClient) -> None:
        """After the function that ``on`` returned, messages are for the other handlers only; the channel stays."""
        channel, other = official.channel(CHANNEL), official.channel(CHANNEL)
        for each in (channel, other):
            each.wait("connected")
        channel.off("message")
        unheard = official.publish(CHANNEL, "e")
        other.wait_for(unheard["id"])
        channel.on("message")
        heard = official.publish(CHANNEL, "e")
        assert channel.wait_for(heard["id"]) == [heard]

    def test_several_channels_at_once(self, official: OfficialClient) -> None:
        """Each gets its own messages, in order, and nothing of the others."""
        names = [f"room:{number}" for number in range(20)]
        channels = {name: official.channel(name) for name in names}
        for channel in channels.values():
            channel.wait("connected")
        last = official.publish_batch([{"channel": name, "event": "e", "data": n} for n in range(5) for name in names])[
            -len(names) :
        ]
        for message in last:
            got = channels[message["channel"]].wait_for(message["id"])
            assert [(each["channel"], each["data"]) for each in got] == [(message["channel"], n) for n in range(5)]

    def test_frames_of_a_newer_service(self, official: OfficialClient) -> None:
        """It passes over frames and fields that it does not know, which is why this server may have some of its own."""
        with FakeRealtime() as service:
            channel = official.channel(CHANNEL, token="rtok_1", baseUrl=service.url, reconnect=False)
            peer = service.accept()
            peer.go_live(lastId="m0", recovered=True, invented={"a": 1})
            for frame in ({"type": "invented"}, {"type": "token_expiring", "expiresAt": "soon"}, {}, {"type": None}):
                peer.send(frame)
            peer.send({**message_frame("m1"), "invented": 1})
            assert channel.wait("message")[0]["id"] == "m1"
            assert [event for event, _ in channel.timeline] == ["dial", "connected", "message"]


class TestPublishing:
    @pytest.mark.parametrize("data", EVERY_KIND_OF_JSON)
    def test_every_kind_of_json(self, official: OfficialClient, data: Any) -> None:
        """What is published over the socket comes back to its publisher, and is in the history."""
        channel = official.channel(CHANNEL, "subscribe", "publish")
        channel.wait("connected")
        channel.publish("cursor.moved", data)
        [message] = channel.wait("message")
        assert (message["channel"], message["event"], message["data"]) == (CHANNEL, "cursor.moved", data)
        assert official.history(CHANNEL) == [message]

    def test_without_data(self, official: OfficialClient) -> None:
        """Data that is left out is null."""
        channel = official.channel(CHANNEL, "subscribe", "publish")
        channel.wait("connected")
        channel.publish("ping")
        assert channel.wait("message")[0]["data"] is None

    def test_many_in_a_row(self, official: OfficialClient) -> None:
        """The order of sending is the order that all subscribers get."""
        channel, other = official.channel(CHANNEL, "subscribe", "publish"), official.channel(CHANNEL)
        for each in (channel, other):
            each.wait("connected")
        for number in range(80):
            channel.publish("e", number)
        assert [message["data"] for message in channel.wait("message", 80)] == list(range(80))
        assert other.wait("message", 80) == channel.wait("message", 80)

    @pytest.mark.parametrize(
        ("event", "data", "code"),
        [("", 1, "invalid_request"), ("x" * 201, 1, "invalid_request"), ("e", "x" * 65_535, "payload_too_large")],
        ids=["empty event", "long event", "large data"],
    )
    def test_a_bad_message(self, official: OfficialClient, event: str, data: Any, code: str) -> None:
        """It becomes an ``error`` event; the connection stays, and the next message gets through."""
        channel = official.channel(CHANNEL, "subscribe", "publish")
        channel.wait("connected")
        channel.publish(event, data)
        [error] = channel.wait("error")
        assert set(error) == {"code", "message"}
        assert error["code"] == code
        channel.publish("good")
        assert channel.wait("message")[0]["event"] == "good"
        assert channel.seen("disconnected") == []

    def test_too_many_at_once(self, official: OfficialClient) -> None:
        """What is over the limit is dropped with ``rate_limited``, and the connection stays."""
        channel = official.channel(CHANNEL, "subscribe", "publish")
        channel.wait("connected")
        for number in range(300):
            channel.publish("e", number)
        assert channel.wait("error")[0]["code"] == "rate_limited"
        assert [message["data"] for message in channel.wait("message", 100)] == list(range(100))
        assert channel.seen("disconnected") == []


class TestClosing:
    def test_close(self, official: OfficialClient, server: VoyantServer) -> None:
        """Both ends part with 1000, and the client does not come back."""
        channel = official.channel(CHANNEL)
        channel.wait("connected")
        channel.close()
        [end] = channel.wait("disconnected")
        assert (end["code"], end["willReconnect"]) == (1000, False)
        until(lambda: server.connections == 0)

    def test_sending_after_it(self, official: OfficialClient) -> None:
        """A closed channel sends nothing any more."""
        channel = official.channel(CHANNEL, "subscribe", "publish", "presence")
        channel.wait("connected")
        channel.close()
        for send in (lambda: channel.publish("e"), channel.enter_presence, channel.leave_presence):
            with pytest.raises(OfficialError, match="is closed"):
                send()

    def test_sending_while_disconnected(self, official: OfficialClient, server: VoyantServer) -> None:
        """It is rejected, not queued; once connected again, it works again."""
        channel = official.channel(CHANNEL, "subscribe", "publish", "presence")
        channel.wait("connected")
        server.drop_connections()
        channel.wait("disconnected")
        for send in (lambda: channel.publish("lost"), channel.enter_presence, channel.update_presence):
            with pytest.raises(OfficialError, match="is not connected"):
                send()
        channel.wait("connected", 2)
        channel.publish("sent")
        assert [message["event"] for message in channel.wait("message")] == ["sent"]

    def test_reconnect_switched_off(self, official: OfficialClient, server: VoyantServer) -> None:
        """Then a drop is the end."""
        channel = official.channel(CHANNEL, reconnect=False)
        channel.wait("connected")
        server.drop_connections()
        [end] = channel.wait("disconnected")
        assert (end["code"], end["willReconnect"]) == (1006, False)
