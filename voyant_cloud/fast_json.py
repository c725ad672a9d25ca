"""JSON that was written just as this side would write it: read with orjson where that is installed. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Final

from voyant_cloud import jsontext

ORJSON: Any = None
"""The module ``orjson``, where the extra ``speed`` is installed."""
if find_spec("orjson") is not None:
    # What orjson imports while it starts is imported before: Ctrl-C in the midst of that ends it by SIGSEGV.
    import uuid  # noqa: F401

    with contextlib.suppress(ImportError):
        import orjson as ORJSON

__all__ = ["ORJSON", "compact", "read_loosely", "read_written"]

_LEAST: Final = 1e-4
_MOST: Final = 1e16
"""Between these, every writer of JSON writes a number in the same way, and no parser has rounded a whole one."""
# With the letter first, since a fixed one is found without a look at every digit.
_EXPONENT: Final = re.compile("e[-+0-9](?<=[0-9]e.)")
_SMALL: Final = "0.0000"
"""Where a text has neither an exponent nor this, orjson wrote no number into it that is beyond those. Both may be part
of something else, too."""
_SPACE: Final = b" \t\r\n"


def read_loosely(text: bytes) -> Any:
    """Read one JSON value where whole numbers of more than 64 bits may come out rounded.

    Raises:
        ValueError, RecursionError, StopIteration: it is not JSON, or not for this parser.
    """
    if ORJSON is not None:
        return ORJSON.loads(text)
    decoded = text.decode()
    value, end = jsontext.scan(decoded, 0)
    if end != len(decoded):
        raise ValueError
    return value


def read_written(text: str) -> Any:
    """Read one JSON value as strictly as ``jsontext.loads``, where it stands just as it would be written.

    What is lost by reading, a repeated key or the digits of a number, would be missing where the value is written
    again; what is no JSON to others, such as half a character, would be written in another way. So one comparison
    stands for all the looks that a strict reader takes.

    Raises:
        ValueError, RecursionError, StopIteration: it stands otherwise, or is not JSON.
    """
    value: Any
    if ORJSON is None:
        value = read_loosely(text.encode())
        again = jsontext.encode(value)
    else:
        value = ORJSON.loads(text)
        again = ORJSON.dumps(value).decode()
    if again != text:
        raise ValueError
    return value


def compact(text: bytes) -> tuple[Any, str]:
    """Read a JSON value as strictly as ``jsontext.loads``, and write it as ``jsontext.dumps`` does.

    As ``read_written``, but for white space, of which a string has the same on either side.

    Returns:
        The value and its text.

    Raises:
        TypeError, ValueError, RecursionError, StopIteration: it stands otherwise, or is not JSON.
    """
    value = read_loosely(text)
    if ORJSON is None:
        written = jsontext.encode(value)
        encoded = written.encode()
    else:
        encoded = ORJSON.dumps(value)
        written = encoded.decode()
        if (_SMALL in written or _EXPONENT.search(written)) and not _has_plain_numbers((value,)):
            raise ValueError
    # Written is no other white space than a blank.
    if encoded.replace(b" ", b"") != text.translate(None, _SPACE):
        raise ValueError
    return value, written


def _has_plain_numbers(values: Iterable[Any]) -> bool:
    for value in values:
        kind = type(value)
        if kind is float:
            if value and not _LEAST <= abs(value) < _MOST:
                return False
        elif kind is dict:
            if not _has_plain_numbers(value.values()):
                return False
        elif kind is list and not _has_plain_numbers(value):
            return False
    return True
