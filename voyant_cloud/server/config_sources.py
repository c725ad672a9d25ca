"""Where settings are given: on the command line, in the environment, in a TOML file; and which of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.config_file import read_config_file
from voyant_cloud.server.settings import LIMIT, SETTINGS, from_text, password_in, require_known_limits

__all__ = ["CONFIG", "Given", "Source", "secrets_of", "sources", "variable"]

CONFIG: Final = "config"
"""The setting that names the file. It is no ``SETTINGS``: a file cannot name another one."""
_FLAG: Final = "flag"
_PREFIX: Final = "VOYANT_SERVER_"


@attrs.frozen
class Given:
    """A setting's value.

    Attributes:
        value: of the kind that ``SETTINGS`` names.
        origin: ``flag``, the environment's variable, or the path of the file.
    """

    value: Any = attrs.field(repr=False)
    origin: str

    def wrong(self, problem: object) -> VoyantConfigError:
        """Return the error that says where the value was given, and what is wrong with it."""
        return VoyantConfigError(str(problem) if self.origin == _FLAG else f"{self.origin}: {problem}")


Source = dict[str, Given]
"""What one source gives, by the names of ``SETTINGS``, and perhaps ``CONFIG``."""


def sources(flags: Mapping[str, Any], limits: Mapping[str, float], env: Mapping[str, str]) -> list[Source]:
    """Read every source. This order is the precedence: what a later one gives counts.

    Args:
        flags: what the command line or a caller says, ``None`` and empty for nothing.
        limits: the same of limits, by their own names.
        env: the environment; an empty value, or one of spaces alone, counts as unset.

    Raises:
        VoyantConfigError: a source cannot be read, names a setting that there is not, or has a value of another kind.
    """
    require_known_limits(limits)
    said = {**flags, **{f"{LIMIT}{name}": value for name, value in limits.items()}}
    by_flag = {name: Given(value, _FLAG) for name, value in said.items() if not _is_nothing(value)}
    by_environment = _environment(env)
    path = {**by_environment, **by_flag}.get(CONFIG)
    return [_file(path.value) if path else {}, by_environment, by_flag]


def variable(name: str) -> str:
    """Return the environment's name of a setting."""
    return _PREFIX + name.replace(LIMIT, "limit_").upper()


def secrets_of(source: Source) -> list[str]:
    """Return the API keys, without their scopes, and the passwords that a source gives."""
    value = {name: given.value for name, given in source.items()}
    keys = [text.strip().partition(":")[0] for text in value.get("api_keys", ())]
    return [each for each in (*keys, value.get("engine_password"), password_in(value.get("engine", ""))) if each]


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, Sequence) and not value)


def _environment(env: Mapping[str, str]) -> Source:
    names = {variable(name): name for name in (CONFIG, *SETTINGS)}
    given: Source = {}
    for key, text in env.items():
        if not key.startswith(_PREFIX) or not text.strip():
            continue
        if key not in names:
            known = ", ".join([*(each for each in names if "_LIMIT_" not in each), f"{_PREFIX}LIMIT_<NAME>"])
            raise VoyantConfigError(f"{key}: there is no such setting; known are {known}")
        name = names[key]
        try:
            given[name] = Given(text if name == CONFIG else from_text(name, text), key)
        except ValueError as error:
            raise VoyantConfigError(f"{key}: {error}") from None
    return given


def _file(path: str) -> Source:
    return {name: Given(value, path) for name, value in read_config_file(Path(path)).items()}
