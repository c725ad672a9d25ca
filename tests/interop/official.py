"""The official TypeScript client, as Python tests drive it: its methods under Python names, plain JSON in and out."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from tests.interop.node_process import NodeProcess, OfficialError
from tests.waiting import PATIENCE

__all__ = ["OfficialChannel", "OfficialClient", "OfficialError"]


class OfficialClient:
    """A ``VoyantCloudClient`` of npm's package. A context manager that closes the channels it opened.

    Args:
        node: the process it lives in; one client at a time.
        url: the service's address.
        api_key: the key for REST.
    """

    def __init__(self, node: NodeProcess, url: str, api_key: str) -> None:
        self.node = node
        self.url = url
        self.connect_to(url, api_key)

    def connect_to(self, url: str, api_key: str, **overrides: Any) -> bool:
        """Make the client for REST anew; false where the official client finds no key."""
        env = {"VOYANT_CLOUD_API_URL": url, "VOYANT_CLOUD_API_KEY": api_key}
        made: bool = self.node.ask("client", env=env, overrides=overrides)
        return made

    # client.realtime

    def publish(self, channel: str, event: str, **data: Any) -> dict[str, Any]:
        """Call ``publish(channel, {event, data})``; without ``data=`` the official client is given none."""
        return self.rest("publish", channel, {"event": event, **data})

    def publish_batch(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Call ``publishBatch({messages})``."""
        return self.rest("publishBatch", {"messages": list(messages)})

    def history(self, channel: str, **query: Any) -> list[dict[str, Any]]:
        """Call ``history(channel, query)``; without a query with the channel alone."""
        return self.rest("history", channel, *([query] if query else []))

    def presence(self, channel: str) -> list[dict[str, Any]]:
        """Call ``presence.get(channel)``."""
        return self.rest("presence.get", channel)

    def mint(self, client_id: str, capabilities: dict[str, list[str]], **options: Any) -> dict[str, Any]:
        """Call ``tokens.mint({clientId, capabilities, …})``."""
        return self.rest("tokens.mint", {"clientId": client_id, "capabilities": capabilities, **options})

    def rest(self, method: str, *args: Any) -> Any:
        """Call any method of ``client.realtime``.

        Raises:
            OfficialError: the client threw.
        """
        return self.call(f"realtime.{method}", *args)

    def call(self, method: str, *args: Any) -> Any:
        """Call any method of the client, such as ``vault.listVaults``.

        Raises:
            OfficialError: the client threw.
        """
        return self.node.ask("rest", method=method, args=args)

    # Channels

    def channel(
        self, channel: str, *verbs: str, client_id: str = "official", frames: bool = False, **options: Any
    ) -> OfficialChannel:
        """Open a ``RealtimeChannel``, with a token that grants *verbs* unless *options* have one.

        Args:
            channel: its name.
            verbs: what the minted token grants on it, ``subscribe`` if none is named.
            client_id: whose token that is.
            frames: whether raw frames are told as ``frame`` events.
            options: of the official constructor, such as ``sinceId``.
        """
        if "token" not in options:
            options["token"] = self.mint(client_id, {channel: list(verbs or ["subscribe"])})["token"]
        opened = OfficialChannel(self.node, f"{channel}#{len(self.node.listeners)}")
        self.node.listeners[opened.name] = opened.take
        opened.open({"channel": channel, "baseUrl": self.url, **options}, frames)
        return opened

    def __enter__(self) -> OfficialClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.node.ask("close all")


class OfficialChannel:
    """One ``RealtimeChannel`` in the Node process, with the events it told of so far.

    Attributes:
        name: what the driver calls it.
        timeline: its events so far, of all kinds, as (event, payload).
    """

    def __init__(self, node: NodeProcess, name: str) -> None:
        self.name = name
        self._node = node
        self._changed = threading.Condition()
        self._events: defaultdict[str, list[Any]] = defaultdict(list)
        self._ids: set[str] = set()
        self.timeline: list[tuple[str, Any]] = []

    def open(self, options: dict[str, Any], frames: bool) -> None:
        """Construct it, which connects."""
        self._node.ask("open", name=self.name, options=options, frames=frames)

    # Its methods. Arguments left out are left out there, too.

    def publish(self, event: str, *data: Any) -> None:
        """Call ``publish``."""
        self.call("publish", event, *data)

    def enter_presence(self, *data: Any) -> None:
        """Call ``enterPresence``."""
        self.call("enterPresence", *data)

    def update_presence(self, *data: Any) -> None:
        """Call ``updatePresence``."""
        self.call("updatePresence", *data)

    def leave_presence(self) -> None:
        """Call ``leavePresence``."""
        self.call("leavePresence")

    def close(self) -> None:
        """Call ``close``."""
        self.call("close")

    def call(self, method: str, *args: Any) -> Any:
        """Call any method.

        Raises:
            OfficialError: it threw.
        """
        return self._node.ask("call", name=self.name, method=method, args=args)

    # What lies around it

    def off(self, event: str) -> None:
        """Call what ``on`` returned for *event*."""
        self._node.ask("off", name=self.name, event=event)

    def on(self, event: str) -> None:
        """Register a handler again."""
        self._node.ask("on", name=self.name, event=event)

    def pause(self) -> None:
        """Read no more from the socket."""
        self._node.ask("pause", name=self.name)

    def resume(self) -> None:
        """Go on reading."""
        self._node.ask("resume", name=self.name)

    # What it told of

    def seen(self, event: str) -> list[Any]:
        """Return the payloads of one kind of event so far."""
        with self._changed:
            return list(self._events[event])

    def wait(self, event: str, count: int = 1) -> list[Any]:
        """Wait until there are *count* events of a kind and return them."""
        with self._changed:
            found = self._events[event]
            came = self._changed.wait_for(lambda: len(found) >= count, PATIENCE)
            assert came, f"only {len(found)} of {count} {event} events came; the last of all: {self.timeline[-20:]}"
            return found[:count]

    def wait_for(self, message_id: str) -> list[dict[str, Any]]:
        """Wait for a message and return all up to now."""
        with self._changed:
            came = self._changed.wait_for(lambda: message_id in self._ids, PATIENCE)
            assert came, f"{message_id} did not come; the last of all: {self.timeline[-20:]}"
            return list(self._events["message"])

    def take(self, event: str, payload: Any) -> None:
        """Note an event."""
        with self._changed:
            self.timeline.append((event, payload))
            self._events[event].append(payload)
            if event == "message":
                self._ids.add(payload["id"])
            self._changed.notify_all()
