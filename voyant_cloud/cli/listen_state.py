"""Where ``voyant-cloud listen`` stands, kept in a file so that the next run goes on from there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from voyant_cloud import jsontext
from voyant_cloud.cli import files
from voyant_cloud.cli.exits import CommandError, ExitCode
from voyant_cloud.cli.output import as_json

__all__ = ["ListenState"]


class ListenState:
    """The file that ``--state`` names: ``{"channel": …, "lastMessageId": …}``.

    Args:
        path: the file; made by the first ``save``.
        channel: the channel that is listened to.

    Attributes:
        last_message_id: what was saved last, ``None`` where nothing was.

    Raises:
        CommandError: the file is damaged, or of another channel, or could not be written.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, channel: str) -> None:
        self._path = path
        self._channel = channel
        files.require_regular(path)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            # Now, rather than with the first message.
            raise CommandError(f"--state: {path.parent} is no folder that can be written to", ExitCode.USAGE)
        self.last_message_id = self._load()

    def save(self, message_id: str | None) -> None:
        """Remember the newest message that was dealt with, if that is news.

        Raises:
            OSError: the file cannot be written; it is as it was.
        """
        if message_id is None or message_id == self.last_message_id:
            return
        text = as_json({"channel": self._channel, "lastMessageId": message_id})
        files.replace(self._path, f"{text}\n".encode()).close()
        self.last_message_id = message_id

    def _load(self) -> str | None:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        state = _parse(content)
        channel, message_id = state.get("channel"), state.get("lastMessageId")
        if not isinstance(channel, str) or not isinstance(message_id, str) or not message_id:
            raise CommandError(
                f"--state: {self._path} is not a state of listen; remove it to begin with live messages", ExitCode.USAGE
            )
        if channel != self._channel:
            raise CommandError(
                f"--state: {self._path} is of the channel {channel}, not {self._channel}; name another file",
                ExitCode.USAGE,
            )
        return message_id


def _parse(content: bytes) -> dict[str, Any]:
    try:
        state = jsontext.loads(content)
    except jsontext.JsonTextError:
        return {}
    return state if isinstance(state, dict) else {}
