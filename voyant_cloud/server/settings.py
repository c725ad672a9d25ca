"""The server's settings: their names, what kind of value each takes, and how it is read from text and TOML; pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.limits import Limits

__all__ = ["LIMIT", "SETTINGS", "Kind", "from_text", "from_toml", "password_in", "require_known_limits"]

LIMIT: Final = "limits."
"""What stands before a limit's name among the other settings."""
_SECRETS: Final = frozenset({"engine", "engine_password", "api_keys"})
_FLAGS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_SHOWN: Final = 80
_TOML_INTEGERS: Final = 2**63


class Kind(Enum):
    """What kind of value a setting takes; the value is how errors call it."""

    TEXT = "a string that is not empty"
    WHOLE = "a whole number"
    NUMBER = "a number"
    FLAG = "true or false"
    LIST = "a list of strings"


SETTINGS: Final = {
    "host": Kind.TEXT,
    "port": Kind.WHOLE,
    "data": Kind.TEXT,
    "engine": Kind.TEXT,
    "engine_password": Kind.TEXT,
    "secret_file": Kind.TEXT,
    "api_keys": Kind.LIST,
    "allowed_origins": Kind.LIST,
    "console": Kind.FLAG,
    "drain_seconds": Kind.NUMBER,
    "log_format": Kind.TEXT,
    **{
        f"{LIMIT}{field.name}": Kind.NUMBER if isinstance(field.default, float) else Kind.WHOLE
        for field in attrs.fields(Limits)
    },
}
"""Every setting in the order in which it is told; limits as ``limits.<name>``."""


def from_text(name: str, text: str) -> Any:
    """Read a value as the environment holds it.

    Args:
        name: the setting's.
        text: what was given, not empty; the members of a list stand between spaces.

    Raises:
        ValueError: it is of another kind; the message follows upon the setting's name.
    """
    kind = SETTINGS[name]
    if kind is Kind.LIST:
        return text.split()
    if kind is Kind.FLAG:
        if text.lower() not in _FLAGS:
            raise ValueError(f"must be one of {', '.join(_FLAGS)}, got {text[:_SHOWN]!r}")
        return _FLAGS[text.lower()]
    if kind is Kind.TEXT:
        return text
    try:
        return int(text) if kind is Kind.WHOLE else float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text[:_SHOWN]!r}") from None


def from_toml(name: str, value: object) -> Any:
    """Take a value as TOML holds it.

    Args:
        name: the setting's.
        value: what was given.

    Raises:
        ValueError: it is of another kind; the message follows upon the setting's name and shows no secret.
    """
    kind = SETTINGS[name]
    if isinstance(value, int) and abs(value) >= _TOML_INTEGERS:
        raise ValueError("is outside the 64 bits that TOML's integers have")
    if not _is_of(kind, value):
        shown = f"a value of type {type(value).__name__}" if name in _SECRETS else f"{value!r:.{_SHOWN}}"
        raise ValueError(f"must be {kind.value}, got {shown}")
    return value


def require_known_limits(names: Iterable[str]) -> None:
    """Check names of limits, without ``limits.`` before them.

    Raises:
        VoyantConfigError: there is no limit of that name.
    """
    known = attrs.fields_dict(Limits)
    for name in sorted(set(names) - set(known)):
        raise VoyantConfigError(f"limit {name[:_SHOWN]}: there is no such limit; known are {', '.join(known)}")


def password_in(url: str) -> str:
    """Return the password in an engine's URL, empty where there is none."""
    return url.partition("://")[2].rpartition("@")[0].partition(":")[2]


def _is_of(kind: Kind, value: object) -> bool:
    if kind is Kind.LIST:
        return isinstance(value, list) and all(_is_text(item) for item in value)
    if isinstance(value, bool) or kind is Kind.FLAG:
        return isinstance(value, bool) and kind is Kind.FLAG
    if kind is Kind.TEXT:
        return _is_text(value)
    return isinstance(value, (int, float) if kind is Kind.NUMBER else int)


def _is_text(value: object) -> bool:
    # Paths and hosts with a NUL cannot be told to the system.
    return isinstance(value, str) and value != "" and "\0" not in value
