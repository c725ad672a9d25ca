"""Strict JSON text: what is written is RFC 8259 and UTF-8, what is read keeps every value or is refused."""

from __future__ import annotations

import json
import json.encoder
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

__all__ = [
    "MAX_DEPTH",
    "JsonTextError",
    "any_may_have_rounded",
    "dumps",
    "encode",
    "loads",
    "quote",
    "scan",
]

MAX_DEPTH = 64
"""How deep arrays and objects may be nested; both ends refuse more (the contract's ``x-max-depth``)."""


class JsonTextError(ValueError):
    """A value cannot be written as JSON, or a text is not JSON.

    Attributes:
        path: where in the value, as a suffix such as ``.items[3]``; empty for the value itself or a text.
        problem: what is wrong, with the limit where there is one.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}" if path else problem)


class _TooDeepError(JsonTextError):
    """Nested too deep; its path would be as long as the nesting, so none is given."""


def dumps(value: Any, *, max_depth: int = MAX_DEPTH) -> str:
    """Write *value* as compact JSON text that can be encoded as UTF-8.

    Args:
        value: dicts with string keys, lists, tuples, strings, numbers, booleans and ``None``.
        max_depth: how deep arrays and objects may be nested, 1 or more.

    Returns:
        The text, non-ASCII characters as they are.

    Raises:
        JsonTextError: for ``NaN``, infinities, lone surrogates, keys that are no strings, values of other types and
            nesting deeper than *max_depth*; it names the place.
    """
    try:
        text = encode(value)
        _look(value, max_depth)
        if not text.isascii():
            text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        # Only the slower look can say what is wrong, and where.
        _check(value, max_depth, max_depth)
        # str() refuses integers of more digits than sys.get_int_max_str_digits().
        raise JsonTextError("", "holds an integer with too many digits") from None
    return text


def loads(text: str | bytes, *, strict: bool = True) -> Any:
    """Read one JSON value.

    Args:
        text: JSON text, or its UTF-8 bytes. No byte order mark.
        strict: refuse repeated keys, lone surrogates and numbers that overflow a double. A server reads its callers'
            words so; a client, which reads what its service has checked already, need not pay for it.

    Returns:
        The value; integers of any size up to the interpreter's limit are kept exactly.

    Raises:
        JsonTextError: where the text is not RFC 8259 JSON or is nested too deep to read, and for what *strict* refuses.
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        value = _decode(_STRICT if strict else _LENIENT, text)
        # Escapes such as "\ud800" decode to lone surrogates, which no UTF-8 text can hold.
        if strict and "\\u" in text:
            _check_surrogates(value)
    except JsonTextError:
        raise
    except UnicodeDecodeError as error:
        raise JsonTextError("", f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise JsonTextError("", f"is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise JsonTextError("", f"is nested too deep, at most {MAX_DEPTH} is allowed") from None
    except ValueError:
        # int() refuses numbers of more digits than sys.get_int_max_str_digits().
        raise JsonTextError("", "holds an integer with too many digits") from None
    return value


def _decode(decoder: Any, text: str) -> Any:
    # As decode() does, but for white space around the value, which it looks for with regular expressions.
    try:
        value, end = decoder.scan_once(text, 0)
    except StopIteration:
        return decoder.decode(text)
    return value if end == len(text) else decoder.decode(text)


def any_may_have_rounded(values: Iterable[Any]) -> bool:
    """Tell whether a parser that has no integers of more than 64 bits may have made one of them a float.

    Args:
        values: what such a parser gave.
    """
    for value in values:
        kind = type(value)
        if kind is float:
            if not -_BEYOND_64_BITS < value < _BEYOND_64_BITS:
                return True
        elif kind is dict:
            if any_may_have_rounded(value.values()):
                return True
        elif kind is list and any_may_have_rounded(value):
            return True
    return False


def _look(value: Any, depth: int) -> None:
    """Raise for what the encoder lets pass: keys that are no strings, and more than *depth* arrays and objects deep."""
    if not isinstance(value, (dict, list, tuple)):
        return
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        # At the speed of C: it takes nothing but strings.
        "".join(value)
        value = value.values()
    if not _FLAT.issuperset(map(type, value)):
        for item in value:
            _look(item, depth - 1)


def _check(value: Any, depth: int, max_depth: int) -> None:
    if isinstance(value, str):
        _check_string(value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise JsonTextError("", f"{value} is not JSON")
    elif value is None or isinstance(value, int):
        return
    elif not isinstance(value, (dict, list, tuple)):
        raise JsonTextError("", f"{type(value).__name__} is not JSON")
    elif depth == 0:
        raise _TooDeepError("", f"is nested more than {max_depth} deep, at most {max_depth} is allowed")
    else:
        _check_items(value, depth - 1, max_depth)


def _check_items(value: dict[Any, Any] | list[Any] | tuple[Any, ...], depth: int, max_depth: int) -> None:
    keyed = isinstance(value, dict)
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if keyed:
            _check_key(key)
        try:
            _check(item, depth, max_depth)
        except _TooDeepError:
            raise
        except JsonTextError as error:
            # The path is put together only when there is something to report: this runs for every message.
            step = f".{key}" if keyed else f"[{key}]"
            raise JsonTextError(step + error.path, error.problem) from None


def _check_key(key: Any) -> None:
    if not isinstance(key, str):
        raise JsonTextError("", f"key {key!r} is {type(key).__name__}, a JSON key is a string")
    _check_string(key)


def _check_string(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise JsonTextError("", "contains a lone surrogate, which is not valid Unicode") from None


def _check_surrogates(value: Any) -> None:
    try:
        _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise JsonTextError("", "contains a lone surrogate, which is not valid Unicode") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise JsonTextError("", f"repeats the key {repeated[:80]!r} in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonTextError("", f"holds {text[:80]}, which is too large for a double")
    return number


def _refuse_constant(name: str) -> Any:
    raise JsonTextError("", f"holds {name}, which is not JSON")


def _refuse_type(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} is not JSON")


def _encoder() -> Callable[[Any], str]:
    """Return what writes a value: the standard encoder in C, made once and not anew for each value."""
    make_chunks = getattr(json.encoder, "c_make_encoder", None)
    if make_chunks is None:
        return _ENCODER.encode
    chunks = make_chunks(None, _refuse_type, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_BEYOND_64_BITS = 2.0**63
_FLAT = frozenset({str, int, float, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
encode = _encoder()
"""Writes a value as ``dumps`` does, but for its looks: at keys, at nesting and at what is no valid Unicode."""
quote: Final[Callable[[str], str]] = json.encoder.encode_basestring
"""Writes a string that is valid Unicode as a JSON string."""
_LENIENT = json.JSONDecoder(parse_constant=_refuse_constant)
scan: Callable[[str, int], tuple[Any, int]] = _LENIENT.scan_once  # type: ignore[attr-defined]
"""Reads one value that begins at a place in a text, leniently: ``scan(text, 0)`` gives it and where it ends."""
_STRICT = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_float=_finite, parse_constant=_refuse_constant)
