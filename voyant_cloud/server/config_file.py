"""The server's TOML file: read whole, each value of the right kind, private where it holds secrets."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.private_file import require_private
from voyant_cloud.server.settings import LIMIT, SETTINGS, from_toml, password_in, require_known_limits

__all__ = ["read_config_file"]

_MOST: Final = 1024 * 1024
_LIMITS: Final = LIMIT.rstrip(".")


def read_config_file(path: Path) -> dict[str, Any]:
    """Read the file's settings, by the names of ``SETTINGS``.

    Args:
        path: a regular file of at most 1 MiB: ``port = 8787`` and so on, limits in a table ``[limits]``.

    Raises:
        VoyantConfigError: it cannot be read, is no TOML, has a setting that there is not or a value of another kind, or
            holds a secret and others can read it. The message names the file and shows no secret.
    """
    mode, data = _read(path)
    try:
        values = _values(_parse(data))
    except ValueError as error:
        raise VoyantConfigError(f"{path}: {error}") from None
    held = _secrets_in(values)
    if held:
        require_private(mode, f"{path}: holds {held}")
    return values


def _read(path: Path) -> tuple[int, bytes]:
    try:
        # Not by opening it: that would wait for a pipe's writer.
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise VoyantConfigError(f"{path}: is {what}; the configuration is one TOML file")
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise VoyantConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > _MOST:
        raise VoyantConfigError(f"{path}: is longer than {_MOST} bytes")
    return mode, data


def _parse(data: bytes) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8, from byte {error.start} on") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # It tells line and column, and no more of the text than a character.
        raise ValueError(f"is not TOML: {error}") from None
    except (ValueError, RecursionError):
        raise ValueError("is not TOML: a number is too long, or values are nested too deep") from None


def _values(document: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in document.items() if name != _LIMITS}
    known = [name for name in SETTINGS if not name.startswith(LIMIT)]
    for name in plain:
        if name not in known:
            raise ValueError(f"{name[:80]!r}: there is no such setting; known are {', '.join(known)} and [{_LIMITS}]")
    limits = document.get(_LIMITS, {})
    if not isinstance(limits, dict):
        raise ValueError(f"{_LIMITS}: must be a table, [{_LIMITS}], with a line for each limit")
    require_known_limits(limits)
    return {name: _value(name, value) for name, value in [*plain.items(), *_named(limits)]}


def _named(limits: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(f"{LIMIT}{name}", value) for name, value in limits.items()]


def _value(name: str, value: object) -> Any:
    try:
        return from_toml(name, value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _secrets_in(values: Mapping[str, Any]) -> str:
    held = [name for name in ("api_keys", "engine_password") if values.get(name)]
    if password_in(values.get("engine", "")):
        held.append("a password in engine")
    return ", ".join(held)
