"""What a token does not allow: refused before the upgrade, or with an error event while the connection stays."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.node_process import NodeProcess
from tests.interop.official import OfficialChannel, OfficialClient
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


class Clock:
    """The server's clock, which a test may put forward."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def refused(channel: OfficialChannel, status: int) -> None:
    """Expect that a connection was never made, and that the client saw why."""
    assert str(status) in channel.wait("refused")[0]
    assert channel.wait("disconnected")[0]["code"] == 1006
    assert channel.seen("connected") == []


class TestBeforeTheUpgrade:
    @pytest.mark.parametrize(
        "capabilities",
        [
            {CHANNEL: ["publish", "presence"]},
            {"orders": ["subscribe"]},
            {"Orders:*": ["subscribe"]},
            {"orders:eu:*": ["subscribe"]},
            {"orders:e": ["subscribe"]},
        ],
    )
    def test_without_subscribe(self, official: OfficialClient, capabilities: dict[str, list[str]]) -> None:
        """403 for a token that does not grant ``subscribe`` on just this channel."""
        token = official.mint("user_42", capabilities)["token"]
        refused(official.channel(CHANNEL, token=token, reconnect=False), 403)

    def test_no_token(self, official: OfficialClient, server: VoyantServer) -> None:
        """401 for what is no client token, an API key among it."""
        for token in ("", "rtok_wrong", server.api_key):
            refused(official.channel(CHANNEL, token=token, reconnect=False), 401)

    @pytest.mark.parametrize("name", ["", "..", "with space", "x" * 201, "\N{ROCKET}"])
    def test_a_bad_channel(self, official: OfficialClient, name: str) -> None:
        """400 for a name that can be none."""
        token = official.mint("user_42", {"*": ["subscribe"]})["token"]
        refused(official.channel(name, token=token, reconnect=False), 400)

    def test_it_does_not_hammer(self, official: OfficialClient, server: VoyantServer) -> None:
        """Refused before the upgrade, the client's delays grow; after it, they would start over each time."""
        channel = official.channel(CHANNEL, "publish")
        first, second, third = (dial["at"] for dial in channel.wait("dial", 3))
        # Each delay is drawn from the upper half of 1 s, then of 2 s. Timers may be a little early.
        assert second - first >= 0.49
        assert third - second >= 0.99
        assert channel.seen("connected") == []
        assert server.connections == 0

    def test_all_connections_in_use(self, node: NodeProcess) -> None:
        """503; the client comes back by itself once there is room."""
        with (
            VoyantServer(limits={"connections": 1}) as server,
            OfficialClient(node, server.url, server.api_key) as official,
        ):
            first = official.channel(CHANNEL)
            first.wait("connected")
            second = official.channel(CHANNEL)
            refused(second, 503)
            first.close()
            second.wait("connected")


class TestWhileConnected:
    @pytest.mark.parametrize(
        ("verbs", "method", "args", "missing"),
        [
            (["subscribe", "presence"], "publish", ["e"], "publish"),
            (["subscribe", "publish"], "enterPresence", [{"name": "Alice"}], "presence"),
            (["subscribe", "publish"], "updatePresence", [{"name": "Alice"}], "presence"),
            (["subscribe", "publish"], "leavePresence", [], "presence"),
        ],
    )
    def test_a_missing_capability(
        self, official: OfficialClient, verbs: list[str], method: str, args: list[Any], missing: str
    ) -> None:
        """``forbidden`` names what lacks, nothing happens, and messages go on arriving."""
        channel = official.channel(CHANNEL, *verbs)
        channel.wait("connected")
        channel.call(method, *args)
        [error] = channel.wait("error")
        assert error["code"] == "forbidden"
        assert missing in error["message"]
        after = official.publish(CHANNEL, "after")
        assert channel.wait_for(after["id"]) == [after]
        assert channel.seen("presence") == []
        assert official.presence(CHANNEL) == []
        assert channel.seen("disconnected") == []


class TestExpiry:
    def test_token_expiring_and_expired(self, node: NodeProcess) -> None:
        """The notice before the end is passed over; at the end it is 4401, and from then on 401."""
        clock = Clock()
        with (
            VoyantServer(clock=clock) as server,
            OfficialClient(node, server.url, server.api_key) as official,
        ):
            token = official.mint("user_42", {CHANNEL: ["subscribe"]}, ttlSeconds=600)["token"]
            channel = official.channel(CHANNEL, token=token, frames=True)
            channel.wait("connected")
            clock.now += 580
            assert channel.wait("frame", 2)[1]["type"] == "token_expiring"
            heard = official.publish(CHANNEL, "e")
            assert channel.wait_for(heard["id"]) == [heard]
            clock.now += 60
            [end] = channel.wait("disconnected")
            assert (end["code"], end["willReconnect"]) == (4401, True)
            assert "401" in channel.wait("refused")[0]
            assert channel.seen("error") == []
