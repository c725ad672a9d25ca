"""The keys of an application's configuration that begin with ``VOYANT_CLOUD_``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import click

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.integrations.settings import MISSING_KEY, Settings

__all__ = ["FlaskConfigError", "read_settings"]

_PREFIX: Final = "VOYANT_CLOUD_"


class FlaskConfigError(VoyantConfigError, click.ClickException):
    """The configuration is missing something or wrong; the ``flask`` command shows it without a traceback."""

    def __init__(self, problem: str) -> None:
        # Each base has an __init__ of its own, and click's keeps the text that it shows.
        click.ClickException.__init__(self, problem)


def read_settings(config: Mapping[str, Any], *, needs_key: bool = True) -> Settings:
    """Return the settings of an application.

    Args:
        config: its ``app.config``.
        needs_key: whether a client has to be made of them.

    Raises:
        FlaskConfigError: they are missing something or wrong; it says all that is.
    """
    given = {key.removeprefix(_PREFIX): value for key, value in config.items() if key.startswith(_PREFIX)}
    settings = Settings(given, lambda key: f'app.config["{_PREFIX}{key}"]')
    problems = [problem for problem in settings.problems() if needs_key or problem.code != MISSING_KEY]
    if problems:
        raise FlaskConfigError(" ".join(map(str, problems)))
    return settings
