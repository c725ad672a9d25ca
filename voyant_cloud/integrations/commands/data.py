"""The argument DATA of a command that publishes."""

from __future__ import annotations

import sys
from typing import Any

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantValidationError

__all__ = ["data_from"]


def data_from(given: str | None, *, as_text: bool) -> Any:
    """Return what is to be published.

    Args:
        given: the argument: JSON, ``-`` for standard input, or ``None`` for no data.
        as_text: whether it is text rather than JSON.

    Raises:
        VoyantValidationError: it is no JSON.
    """
    text = sys.stdin.read() if given == "-" else given
    if text is None or as_text:
        return text
    try:
        return jsontext.loads(text)
    except jsontext.JsonTextError as error:
        raise VoyantValidationError("DATA", f"{error}; quote it for your shell, or use --text for plain text") from None
