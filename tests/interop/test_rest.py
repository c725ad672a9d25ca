"""Every REST method of the official client, answered by this server."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from tests.interop.official import OfficialClient
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"
MESSAGE_FIELDS = {"id", "channel", "event", "data", "publishedAt"}
WIRE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def nested(depth: int) -> Any:
    """Return an object with lists in lists, *depth* levels in all."""
    value: Any = "deep"
    for _ in range(depth - 1):
        value = [value]
    return {"nested": value}


EVERY_KIND_OF_JSON = [
    pytest.param(value, id=name)
    for name, value in {
        "object": {"orderId": "ord_1", "lines": [{"sku": "a", "count": 2}]},
        "empty object": {},
        "empty list": [],
        "list": [1, "two", None, [3]],
        "text": "plain",
        "empty text": "",
        "true": True,
        "false": False,
        "zero": 0,
        "null": None,
        "negative": -17,
        "largest exact integer": 2**53 - 1,
        "smallest exact integer": -(2**53) + 1,
        "fraction": 0.1,
        "largest number": 1.7976931348623157e308,
        "smallest number": 5e-324,
        "number with an exponent": 1e21,
        "letters": "Größe, Žluťoučký, Ελληνικά, 日本語, العربية",
        "emoji": "\N{ROCKET} and \N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}",
        "escapes": 'quote " backslash \\ tab \t line \n nul \0 separators \u2028\u2029 del \x7f',
        "odd keys": {"": 1, "__proto__": 2, "a.b": 3, "\N{ROCKET}": 4},
        "64 levels": nested(64),
        "64 KiB": "x" * (65_536 - 2),
    }.items()
]


class TestPublish:
    @pytest.mark.parametrize("data", EVERY_KIND_OF_JSON)
    def test_every_kind_of_json(self, official: OfficialClient, data: Any) -> None:
        """What goes in comes out, in the answer and in the history."""
        answer = official.publish(CHANNEL, "order.updated", data=data)
        assert set(answer) == MESSAGE_FIELDS
        assert (answer["channel"], answer["event"], answer["data"]) == (CHANNEL, "order.updated", data)
        assert answer["id"].startswith("rtm_")
        assert WIRE_TIME.fullmatch(answer["publishedAt"])
        assert official.history(CHANNEL) == [answer]

    def test_without_data(self, official: OfficialClient) -> None:
        """Data that is left out is null."""
        answer = official.publish(CHANNEL, "ping")
        assert answer["data"] is None
        assert official.history(CHANNEL) == [answer]

    @pytest.mark.parametrize("channel", ["a", "orders:eu:1", "A-Z_0.9,;=@", "x" * 200])
    def test_every_kind_of_channel(self, official: OfficialClient, channel: str) -> None:
        """The official client does not escape names, and allowed ones need it to nowhere."""
        assert official.publish(channel, "e", data=1)["channel"] == channel
        assert [message["channel"] for message in official.history(channel)] == [channel]

    @pytest.mark.parametrize("event", ["e", "with space", "Größe/\N{ROCKET}?#%", "x" * 200])
    def test_every_kind_of_event_name(self, official: OfficialClient, event: str) -> None:
        """An event's name is any text of 1 to 200 characters."""
        assert official.publish(CHANNEL, event)["event"] == event


class TestPublishBatch:
    def test_its_order(self, official: OfficialClient) -> None:
        """The answer lists the messages as they were given, and each channel keeps that order."""
        given = [{"channel": f"orders:{number % 3}", "event": "e", "data": number} for number in range(100)]
        answer = official.publish_batch(given)
        assert all(set(message) == MESSAGE_FIELDS for message in answer)
        assert [{"channel": m["channel"], "event": m["event"], "data": m["data"]} for m in answer] == given
        for channel in ("orders:0", "orders:1", "orders:2"):
            assert official.history(channel) == [message for message in answer if message["channel"] == channel]

    def test_without_data(self, official: OfficialClient) -> None:
        """Data that is left out is null, in a batch, too."""
        [answer] = official.publish_batch([{"channel": CHANNEL, "event": "e"}])
        assert answer["data"] is None


class TestHistory:
    def test_of_an_unused_channel(self, official: OfficialClient) -> None:
        """A channel needs no creation: it has an empty history."""
        assert official.history("never:used") == []

    def test_default_and_limit(self, official: OfficialClient) -> None:
        """Without a position the newest come, oldest first, 100 of them unless a limit says otherwise."""
        for start in (0, 100):
            official.publish_batch([{"channel": CHANNEL, "event": "e", "data": start + n} for n in range(100)])
        assert [message["data"] for message in official.history(CHANNEL)] == list(range(100, 200))
        assert [message["data"] for message in official.history(CHANNEL, limit=3)] == [197, 198, 199]
        assert [message["data"] for message in official.history(CHANNEL, limit=1000)] == list(range(200))

    def test_since_id(self, official: OfficialClient) -> None:
        """With a position the first after it come, so that pages can be turned to the end."""
        stored = official.publish_batch([{"channel": CHANNEL, "event": "e", "data": n} for n in range(10)])
        assert official.history(CHANNEL, sinceId=stored[3]["id"], limit=4) == stored[4:8]
        assert official.history(CHANNEL, sinceId=stored[7]["id"]) == stored[8:]
        assert official.history(CHANNEL, sinceId=stored[9]["id"]) == []

    def test_values_that_are_null(self, official: OfficialClient) -> None:
        """The official client leaves them out of the query."""
        stored = official.publish(CHANNEL, "e")
        assert official.history(CHANNEL, limit=None, sinceId=None) == [stored]


class TestPresence:
    def test_nobody(self, official: OfficialClient) -> None:
        """A channel where nobody is has an empty list."""
        assert official.presence(CHANNEL) == []

    def test_members(self, official: OfficialClient) -> None:
        """Each member has its id, its data and since when it is there."""
        for name, data in (("user_1", [{"name": "Alice"}]), ("user_2", [])):
            channel = official.channel(CHANNEL, "subscribe", "presence", client_id=name)
            channel.wait("connected")
            channel.enter_presence(*data)
            channel.wait("presence")
        members = official.presence(CHANNEL)
        assert all(WIRE_TIME.fullmatch(member.pop("joinedAt")) for member in members)
        assert sorted(members, key=lambda member: member["clientId"]) == [
            {"clientId": "user_1", "data": {"name": "Alice"}},
            {"clientId": "user_2", "data": None},
        ]


class TestMint:
    @pytest.mark.parametrize(
        ("options", "seconds"), [({}, 3600), ({"ttlSeconds": 60}, 60), ({"ttlSeconds": 86400}, 86400)]
    )
    def test_its_lifetime(self, official: OfficialClient, options: dict[str, int], seconds: int) -> None:
        """It says when it expires: an hour from now, or as long as was asked for."""
        answer = official.mint("user_42", {CHANNEL: ["subscribe"]}, **options)
        assert set(answer) == {"token", "expiresAt"}
        assert answer["token"].startswith("rtok_")
        assert WIRE_TIME.fullmatch(answer["expiresAt"])
        left = dt.datetime.fromisoformat(answer["expiresAt"]) - dt.datetime.now(dt.UTC)
        assert seconds - 30 < left.total_seconds() <= seconds

    @pytest.mark.parametrize("pattern", [CHANNEL, "orders:*", "*"])
    def test_exact_names_and_wildcards(self, official: OfficialClient, pattern: str) -> None:
        """A name, a trailing wildcard and a lone one let their bearer in."""
        token = official.mint("user_42", {pattern: ["subscribe"], "other": ["publish"]})["token"]
        assert official.channel(CHANNEL, token=token).wait("connected") == [{"channel": CHANNEL}]


class TestClient:
    def test_a_base_url_that_ends_in_a_slash(self, official: OfficialClient, server: VoyantServer) -> None:
        """It is the same address, for REST and for a channel."""
        official.connect_to(server.url + "/", server.api_key)
        stored = official.publish(CHANNEL, "e")
        channel = official.channel(CHANNEL, baseUrl=server.url + "/")
        channel.wait("connected")
        assert official.history(CHANNEL) == [stored]

    def test_its_other_headers(self, official: OfficialClient, server: VoyantServer) -> None:
        """A user agent and headers of one's own disturb nothing."""
        official.connect_to(server.url, server.api_key, userAgent="shop/1.0", headers={"x-shop": "1"})
        assert official.publish(CHANNEL, "e")["event"] == "e"

    def test_what_python_reads(self, official: OfficialClient, python: VoyantCloudClient) -> None:
        """The Python client reads the same message from the history."""
        stored = official.publish(CHANNEL, "e", data={"name": "Größe \N{ROCKET}"})
        [read] = python.realtime.history(CHANNEL)
        assert (read.id, read.channel, read.event, read.data) == (stored["id"], CHANNEL, "e", stored["data"])
