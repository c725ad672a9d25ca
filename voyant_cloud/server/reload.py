"""The configuration read again while the server runs: keys and origins are taken, and no connection is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.app import Server
from voyant_cloud.server.config import ServerConfig
from voyant_cloud.server.secret_file import load_key_ring
from voyant_cloud.server.settings import LIMIT, SETTINGS
from voyant_cloud.server.tokens import KeyRing

__all__ = ["RELOADED", "Reloader"]

RELOADED: Final = frozenset({"api_keys", "allowed_origins"})
"""The settings that change without a restart; beside them what is in ``secret_file``."""
_log = logging.getLogger("voyant_cloud.server")


class Reloader:
    """Reads a server's configuration again, one time after the other, each time that it is asked to.

    Args:
        server: the server, which must have been started before ``run`` is.
        load: reads the configuration from where it came from at the start.
    """

    def __init__(self, server: Server, load: Callable[[], ServerConfig]) -> None:
        self._server = server
        self._load = load
        self._wanted = asyncio.Event()

    def ask(self) -> None:
        """Have it read again. What is asked for while it is being read is done after that, once."""
        self._wanted.set()

    async def run(self) -> None:
        """Do what is asked for, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._reload()

    async def _reload(self) -> None:
        context = self._server.context
        running, ring = context.config, context.tokens.ring
        try:
            # Files are read elsewhere, so that a slow disk holds nobody up.
            config, new_ring = await asyncio.to_thread(self._read, running, ring)
        except VoyantConfigError as error:
            _log.error("the configuration cannot be taken, and nothing is changed: %s", error)
            return
        except Exception:  # noqa: BLE001 - the next request must still be heard
            _log.exception("the configuration could not be read, and nothing is changed")
            return
        others = [name for name in SETTINGS if name not in RELOADED and _of(config, name) != _of(running, name)]
        if others:
            _log.warning("what only a restart changes is left as it was: %s", ", ".join(others))
        self._server.adopt(config, new_ring)
        changes = [
            *_difference("api_keys", running.api_keys, config.api_keys),
            *_difference("signing keys", ring.keys, new_ring.keys),
            *(["another one signs"] if new_ring.signing != ring.signing else []),
            *_difference("allowed_origins", running.allowed_origins, config.allowed_origins),
        ]
        _log.info("the configuration was read again: %s", "; ".join(changes) or "nothing is changed")

    def _read(self, running: ServerConfig, ring: KeyRing) -> tuple[ServerConfig, KeyRing]:
        config = self._load()
        if config.made_up_key is not None:
            # Nobody would be told of another one.
            if running.made_up_key is None:
                raise VoyantConfigError("api_keys: none is given any more")
            config = attrs.evolve(config, api_keys=running.api_keys, made_up_key=running.made_up_key)
        path = running.secret_path
        return config, ring if path is None else load_key_ring(path)


def _of(config: ServerConfig, name: str) -> Any:
    return getattr(config.limits, name.removeprefix(LIMIT)) if name.startswith(LIMIT) else getattr(config, name)


def _difference(name: str, before: Sequence[Hashable], after: Sequence[Hashable]) -> list[str]:
    added, removed = len(set(after) - set(before)), len(set(before) - set(after))
    parts = [f"{count} {what}" for count, what in ((added, "added"), (removed, "removed")) if count]
    return [f"{name}: {', '.join(parts)}, {len(after)} now"] if parts else []
