"""One oracle for every fault: the publisher's log of acknowledged ids against what the handler received.

Lost 0, repeated 0, out of order 0, unless a gap was signalled.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from tests.waiting import PATIENCE, until
from voyant_cloud import (
    PublishOutcomeUnknown,
    RealtimeChannel,
    RealtimeMessageSummary,
    VoyantApiError,
    VoyantCloudClient,
    VoyantTransportError,
)

__all__ = ["CHANNEL", "KEY", "Receiver", "assert_oracle", "survive", "time_for_some_messages"]

CHANNEL = "orders:eu"
KEY = "vck_0123456789abcdef"


class Receiver:
    """What a channel's handler saw, and the gaps it was told of."""

    def __init__(self, channel: RealtimeChannel) -> None:
        self.ids: list[str] = []
        self.gaps: list[object] = []
        self._changed = threading.Condition()
        channel.on("message", self._take)
        channel.on("gap", self.gaps.append)

    def _take(self, message: RealtimeMessageSummary) -> None:
        with self._changed:
            self.ids.append(message.id)
            self._changed.notify_all()

    def wait_for(self, message_id: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: message_id in self.ids, PATIENCE), "the last message never came"


def assert_oracle(acknowledged: list[str], receiver: Receiver) -> None:
    """Everything acknowledged was received once, in the order of ids, and no gap was needed."""
    assert receiver.gaps == []
    assert len(receiver.ids) == len(set(receiver.ids)), "a message was repeated"
    assert receiver.ids == sorted(receiver.ids, key=lambda text: text[-12:]), "messages came out of order"
    assert set(acknowledged) <= set(receiver.ids), "an acknowledged message was lost"


def publish_until(stop: threading.Event, client: VoyantCloudClient, acknowledged: list[str]) -> None:
    """Publish as fast as it goes; note what was acknowledged, and go on over every failure."""
    number = 0
    while not stop.is_set():
        try:
            acknowledged.append(client.realtime.publish(CHANNEL, event="e", data=number).id)
        except (VoyantTransportError, VoyantApiError, PublishOutcomeUnknown):
            stop.wait(0.02)
        number += 1


def survive(client: VoyantCloudClient, fault: Callable[[], None]) -> None:
    """Publish to a subscriber through a fault and hold the result against the oracle."""
    with client.realtime.channel(CHANNEL, client_id="survivor") as channel:
        receiver = Receiver(channel)
        assert channel.wait_connected(PATIENCE)
        acknowledged: list[str] = []
        stop = threading.Event()
        publisher = threading.Thread(target=publish_until, args=(stop, client, acknowledged))
        publisher.start()
        try:
            fault()
        finally:
            stop.set()
            publisher.join()
        last = client.realtime.publish(CHANNEL, event="last").id
        receiver.wait_for(last)
        assert len(acknowledged) > 20, "too little was published to prove anything"
        assert_oracle([*acknowledged, last], receiver)


def time_for_some_messages(client: VoyantCloudClient) -> None:
    """Wait until the channel's history has grown by a random number of messages."""
    seen = newest(client)
    grown = random.randint(10, 60)
    until(lambda: newest(client) >= seen + grown)


def newest(client: VoyantCloudClient) -> int:
    found = client.realtime.history(CHANNEL, limit=1)
    return int(found[-1].id[-12:]) if found else 0
