"""Presence, over real sockets: enter, update, leave, drops that are held, several connections."""

from __future__ import annotations

import socket as sockets
import struct

from tests.server.wire_client import members, mint, subscribe
from voyant_cloud.testing import VoyantServer


def test_presence_is_seen_by_all_and_listed(server: VoyantServer) -> None:
    """Enter, update and leave reach every subscriber, and REST lists who is there."""
    with subscribe(server) as watcher, subscribe(server, token=mint(server, clientId="alice")) as alice:
        alice.send(type="presence", action="enter", data={"name": "Alice"})
        entered = watcher.next("presence")
        assert (entered["action"], entered["clientId"], entered["data"]) == ("enter", "alice", {"name": "Alice"})
        [member] = members(server)
        assert (member["clientId"], member["data"]) == ("alice", {"name": "Alice"})
        assert member["joinedAt"] == entered["at"]
        alice.send(type="presence", action="update", data={"name": "Alice", "typing": True})
        assert watcher.next("presence")["action"] == "update"
        alice.send(type="presence", action="leave")
        assert watcher.next("presence")["action"] == "leave"
        assert members(server) == []


def test_a_clean_close_leaves_at_once(server: VoyantServer) -> None:
    """A close with 1000 is a leave."""
    with subscribe(server) as watcher:
        with subscribe(server, token=mint(server, clientId="alice")) as alice:
            alice.send(type="presence", action="enter")
            assert watcher.next("presence")["action"] == "enter"
            alice.raw.send_close(1000)
            assert watcher.next("presence")["action"] == "leave"


def test_a_drop_is_held_and_a_return_is_no_event() -> None:
    """A member whose connection drops is held; when it enters again in time, nobody is told anything."""
    with VoyantServer(presence_grace=30.0) as server:
        token = mint(server, clientId="alice")
        with subscribe(server) as watcher:
            with subscribe(server, token=token) as alice:
                alice.send(type="presence", action="enter", data=1)
                assert watcher.next("presence")["action"] == "enter"
                joined = members(server)[0]["joinedAt"]
                alice.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
            assert members(server)[0]["clientId"] == "alice"
            with subscribe(server, token=token) as alice:
                alice.send(type="presence", action="enter", data=1)
                alice.send(type="publish", event="e")
                assert watcher.next("message")["event"] == "e"
                assert members(server)[0]["joinedAt"] == joined


def test_a_drop_without_return_leaves_after_the_grace() -> None:
    """Held members leave when the grace is over."""
    with VoyantServer(presence_grace=0.2) as server, subscribe(server) as watcher:
        with subscribe(server, token=mint(server, clientId="alice")) as alice:
            alice.send(type="presence", action="enter")
            assert watcher.next("presence")["action"] == "enter"
            alice.raw.sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        assert watcher.next("presence")["action"] == "leave"
        assert members(server) == []


def test_three_connections_of_one_client_are_one_member(server: VoyantServer) -> None:
    """One enter for the first and one leave for the last, however many connections."""
    token = mint(server, clientId="alice")
    with subscribe(server) as watcher:
        with subscribe(server, token=token) as first, subscribe(server, token=token) as second:
            for each in (first, second):
                each.send(type="presence", action="enter", data=1)
                each.send(type="publish", event="entered")
            kinds = [watcher.next()["type"] for _ in range(3)]
            assert sorted(kinds) == ["message", "message", "presence"]
            first.raw.send_close(1000)
            second.send(type="publish", event="still here")
            assert watcher.next("message")["event"] == "still here"
            second.raw.send_close(1000)
            assert watcher.next("presence")["action"] == "leave"
