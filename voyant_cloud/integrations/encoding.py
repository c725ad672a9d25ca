"""Data as a framework's own JSON encoder writes it: dates, decimals, UUIDs and the like become text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voyant_cloud import jsontext
from voyant_cloud.errors import VoyantValidationError

__all__ = ["plain"]


def plain(data: Any, dumps: Callable[[Any], str]) -> Any:
    """Return *data* as it arrives at a subscriber, a copy that shares nothing with it.

    Args:
        data: what the caller wants published.
        dumps: the framework's encoder.

    Raises:
        VoyantValidationError: it holds what the encoder cannot write, or what RFC 8259 has no word for.
    """
    try:
        return jsontext.loads(dumps(data))
    except RecursionError:
        raise VoyantValidationError("data", f"is nested too deep, at most {jsontext.MAX_DEPTH} is allowed") from None
    except (TypeError, ValueError) as error:
        # An encoder names types, not values. A lone surrogate and NaN are found by the strict reader.
        raise VoyantValidationError("data", str(error)) from None
