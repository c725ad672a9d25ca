"""How a command ended, and what runs one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """What it printed with ``--json``."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]
