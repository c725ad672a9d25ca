"""What a configuration comes to, and whether a server could be started with it, without starting one."""

from __future__ import annotations

from typing import Any

import attrs

from voyant_cloud.server.app import new_engine
from voyant_cloud.server.config import ServerConfig
from voyant_cloud.server.config_sources import CONFIG
from voyant_cloud.server.secret_file import load_key_ring
from voyant_cloud.server.settings import LIMIT, SETTINGS

__all__ = ["CheckedSetting", "check_config"]

_DEFAULT = "default"


@attrs.frozen
class CheckedSetting:
    """A setting for people to look at.

    Attributes:
        name: as in ``SETTINGS``, or ``config`` for the file.
        value: as JSON has it; ``None`` where there is none. Of secrets it tells how many there are, or that it is set.
        origin: ``flag``, the environment's variable, the path of the file, or ``default``.
    """

    name: str
    value: Any
    origin: str

    @property
    def shown(self) -> str:
        """The value as text."""
        if self.value is None:
            return "none"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if isinstance(self.value, list):
            return " ".join(self.value) or "none"
        is_whole = isinstance(self.value, float) and self.value.is_integer()
        return str(int(self.value) if is_whole else self.value)


def check_config(config: ServerConfig) -> list[CheckedSetting]:
    """Return every setting in the order of ``SETTINGS``; nothing is opened but the signing keys' file, nothing is made.

    Raises:
        VoyantConfigError: the engine's URL is wrong or its extra is missing, or the signing keys cannot be read.
    """
    new_engine(config)
    path = config.secret_path
    # Without an engine the server makes the file where there is none.
    if path is not None and (config.engine is not None or path.exists()):
        load_key_ring(path)
    return [
        CheckedSetting(name, _value(config, name), config.origins.get(name, _DEFAULT)) for name in (CONFIG, *SETTINGS)
    ]


def _value(config: ServerConfig, name: str) -> Any:
    if name.startswith(LIMIT):
        return getattr(config.limits, name.removeprefix(LIMIT))
    if name == "api_keys":
        count = len(config.api_keys)
        made_up = "" if config.made_up_key is None else ", made at the start"
        return f"{count} {'key' if count == 1 else 'keys'}{made_up}"
    values = {
        CONFIG: config.config_file,
        "engine": config.engine and config.kept_in,
        "engine_password": config.engine_password and "set",
        "secret_file": config.secret_path and str(config.secret_path),
        "allowed_origins": list(config.allowed_origins),
        "console": config.serves_console,
    }
    return values[name] if name in values else getattr(config, name)
