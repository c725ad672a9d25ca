"""The Lua scripts, one an operation, read once from the files beside this one."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

import attrs

__all__ = [
    "APPEND",
    "CHANNELS",
    "ENTER",
    "LEAVE",
    "OVERDUE",
    "READ",
    "REFRESH",
    "ROSTERS",
    "SCRIPTS",
    "STANDINGS",
    "SWEEP",
    "Script",
]


@attrs.frozen
class Script:
    """A script as Redis runs it.

    Attributes:
        text: its whole text.
        digest: what Redis knows it by once it has seen it.
    """

    text: str = attrs.field(repr=False)
    digest: str


def _script(*names: str, head: str = "") -> Script:
    folder = files(__package__).joinpath("redis_scripts")
    text = "\n".join([head, *(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# A Redis that is full refuses these before they begin, and not once half of them is done.
_ADDS: Final = "#!lua"
# These take away, or keep what is there: it would make room for nobody to refuse them.
_KEEPS: Final = "#!lua flags=allow-oom"

APPEND: Final = _script("clock", "channel", "append", head=_ADDS)
READ: Final = _script("clock", "channel", "read")
STANDINGS: Final = _script("of_kind", "standings")
CHANNELS: Final = _script("channels")
ENTER: Final = _script("clock", "of_kind", "members", "enter", head=_ADDS)
LEAVE: Final = _script("clock", "of_kind", "members", "leave", head=_KEEPS)
SWEEP: Final = _script("clock", "of_kind", "members", "sweep", head=_KEEPS)
OVERDUE: Final = _script("clock", "of_kind", "members", "overdue")
REFRESH: Final = _script("clock", "of_kind", "members", "refresh", head=_KEEPS)
ROSTERS: Final = _script("clock", "of_kind", "rosters")
SCRIPTS: Final = (APPEND, READ, STANDINGS, CHANNELS, ENTER, LEAVE, SWEEP, OVERDUE, REFRESH, ROSTERS)
