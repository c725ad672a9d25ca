"""What every handler of a running server shares."""

from __future__ import annotations

import attrs
from aiohttp import web

from voyant_cloud.fast_check import FastCheck
from voyant_cloud.models import PublishRealtimeMessageInput
from voyant_cloud.server.api_keys import ApiKeys
from voyant_cloud.server.config import ServerConfig
from voyant_cloud.server.connection import Connection
from voyant_cloud.server.engine.base import Engine
from voyant_cloud.server.hub import Hub
from voyant_cloud.server.tally import Tally
from voyant_cloud.server.tokens import Tokens

__all__ = ["CONTEXT", "Context"]


@attrs.define
class Context:
    """The parts of one running server. ``config``, ``keys`` and ``tokens`` are others after a reload: look each time.

    Attributes:
        tally: what it counts.
        connections: every WebSocket that is open, or waits for the store, before its upgrade or after its end.
        publish_check: checks what clients publish over their WebSockets.
        draining: set once the server is on its way out: no new connections.
    """

    config: ServerConfig
    engine: Engine
    hub: Hub
    keys: ApiKeys
    tokens: Tokens
    tally: Tally
    connections: set[Connection] = attrs.field(factory=set)
    publish_check: FastCheck = attrs.field(init=False)
    draining: bool = False

    @publish_check.default
    def _limited(self) -> FastCheck:
        return FastCheck(PublishRealtimeMessageInput, most_bytes=self.config.limits.message_bytes)


CONTEXT = web.AppKey("voyant_cloud", Context)
