"""Which methods the official client has, so that a newer version cannot bring one that nothing here tests."""

from __future__ import annotations

import re

from tests.interop.node_process import FOLDER, NodeProcess

_CLASS = re.compile(r"^export declare class RealtimeChannel \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_PUBLIC_METHOD = re.compile(r"^    (?!private|constructor)(\w+)[<(]", re.MULTILINE)


def test_rest(node: NodeProcess) -> None:
    """``client.realtime``, all of it in ``test_rest.py``."""
    node.ask("client", env={"VOYANT_CLOUD_API_KEY": "key"}, overrides={})
    assert node.ask("surface") == ["publish", "publishBatch", "history", "presence.get", "tokens.mint"]


def test_channel(node: NodeProcess) -> None:
    """``RealtimeChannel``, all of it in ``test_channel.py`` and ``test_presence.py``."""
    declared = (FOLDER / "node_modules/@voyant-travel/cloud-sdk/dist/realtime.d.ts").read_text()
    [body] = _CLASS.findall(declared)
    assert _PUBLIC_METHOD.findall(body) == [
        "on",
        "publish",
        "enterPresence",
        "updatePresence",
        "leavePresence",
        "close",
    ]


def test_events(node: NodeProcess) -> None:
    """The events that ``driver.mjs`` registers for are all there are."""
    declared = (FOLDER / "node_modules/@voyant-travel/cloud-sdk/dist/realtime.d.ts").read_text()
    [body] = re.findall(r"export interface RealtimeChannelEventMap \{(.*?)\}", declared, re.DOTALL)
    assert re.findall(r"(\w+):", body) == ["connected", "message", "presence", "error", "disconnected"]


def test_without_a_key(node: NodeProcess) -> None:
    """An empty key in the environment is no key: there is no client then."""
    assert node.ask("client", env={"VOYANT_CLOUD_API_KEY": ""}, overrides={}) is False
