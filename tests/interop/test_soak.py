"""Both clients on one channel for a while, through drops and restarts, held against what was acknowledged.

``VOYANT_SOAK_SECONDS`` says for how long, 5 unless set.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialChannel, OfficialClient, OfficialError
from tests.interop.test_crossing import CHANNEL
from tests.realtime.channel_tools import Seen
from tests.waiting import PATIENCE, until
from voyant_cloud import PublishOutcomeUnknown, VoyantApiError, VoyantCloudClient, VoyantTransportError
from voyant_cloud.realtime import recovery
from voyant_cloud.realtime.backoff import Backoff
from voyant_cloud.testing import VoyantServer

SECONDS = float(os.environ.get("VOYANT_SOAK_SECONDS", "5"))
BEFORE_A_FAULT = (0.5, 2.0)
"""Seconds between one fault, once everybody is back, and the next."""


@pytest.mark.timeout(SECONDS + 120)
def test_soak(node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing acknowledged is lost, and neither side sees another order."""
    # The Python channel waits ever longer, up to 30 s, while no connection lasts for 10: too long for a soak of faults.
    monkeypatch.setattr(recovery, "Backoff", partial(Backoff, cap=2.0))
    with (
        VoyantServer(data=str(tmp_path / "voyant.db"), limits={"history_messages": 1_000_000}) as server,
        OfficialClient(node, server.url, server.api_key) as official,
        VoyantCloudClient(api_key=server.api_key, base_url=server.url) as python,
        python.realtime.channel(CHANNEL, client_id="python") as here,
    ):
        there = official.channel(CHANNEL)
        seen = Seen(here, "message", "gap")
        there.wait("connected")
        assert here.wait_connected(PATIENCE)
        # The official client has no position before its first message, so a drop would leave a hole.
        there.wait_for(official.publish(CHANNEL, "first")["id"])

        acknowledged: list[str] = []
        stop = threading.Event()
        publish = (
            lambda: python.realtime.publish(CHANNEL, event="python", data=random.random()).id,
            lambda: official.publish(CHANNEL, "official", data=random.random())["id"],
        )
        senders = [threading.Thread(target=send_until, args=(stop, each, acknowledged)) for each in publish]
        for sender in senders:
            sender.start()
        disturb_until(threading.Timer(SECONDS, stop.set), stop, server, there)
        for sender in senders:
            sender.join(PATIENCE)

        last = official.publish(CHANNEL, "last")["id"]
        got = list(dict.fromkeys(message["id"] for message in there.wait_for(last)))
        until(lambda: seen.ids[-1:] == [last])
        assert [name for name, _ in seen.all if name == "gap"] == []
        assert there.seen("error") == []
        assert len(seen.ids) == len(set(seen.ids))
        assert got == seen.ids
        assert set(acknowledged) < set(got)
        assert len(acknowledged) > 5 * SECONDS, "too little was published to prove anything"
        assert len(there.seen("connected")) > 1, "no fault happened"


def send_until(stop: threading.Event, publish: Callable[[], str], acknowledged: list[str]) -> None:
    """Publish about a hundred times a second; note what was acknowledged, and go on over every failure."""
    while not stop.wait(0.01):
        try:
            acknowledged.append(publish())
        except (VoyantTransportError, VoyantApiError, PublishOutcomeUnknown, OfficialError):
            continue


def disturb_until(timer: threading.Timer, stop: threading.Event, server: VoyantServer, there: OfficialChannel) -> None:
    """Cut all connections, or restart the server, again and again, each time once both are connected."""
    timer.start()
    while not stop.wait(random.uniform(*BEFORE_A_FAULT)):
        until(lambda: server.connections == 2)
        lives = len(there.seen("connected"))
        if random.random() < 0.5:
            server.drop_connections()
        else:
            server.restart()
        there.wait("connected", lives + 1)
    timer.join()
