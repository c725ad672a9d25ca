"""Text from elsewhere, made safe for a terminal; pure."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["visible", "visible_lines"]

# C0, DEL, C1, and what changes the direction of text: in a terminal they could act, or show what is not there. Lone
# surrogates cannot be written at all.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Return *text* with every character that could act on a terminal shown as an escape, such as ``\\x1b``."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """Return *text* made visible, with its lines as they are."""
    return "\n".join(map(visible, text.split("\n")))
