"""The Django app: registers the system checks, and speaks up where nothing will run them."""

from __future__ import annotations

import logging
import sys
from typing import Final

from django.apps import AppConfig
from django.core import checks

from voyant_cloud.integrations.django import conf
from voyant_cloud.integrations.django.checks import check_settings, check_transport

__all__ = ["VoyantCloudConfig"]

logger = logging.getLogger("voyant_cloud")

_ENTRANCES: Final = ("django.core.asgi", "django.core.wsgi")


class VoyantCloudConfig(AppConfig):
    """``voyant_cloud.integrations.django`` in ``INSTALLED_APPS``."""

    name = "voyant_cloud.integrations.django"
    label = "voyant_cloud"
    verbose_name = "Voyant Cloud realtime"

    def ready(self) -> None:
        """Register the checks."""
        checks.register(check_settings)
        checks.register(check_transport, checks.Tags.security, deploy=True)
        # manage.py runs the checks by itself; under gunicorn and its like, which enter by one of these modules, nothing
        # does, and the first anyone heard of a missing key would be a failed request.
        if not sys.modules.keys().isdisjoint(_ENTRANCES):
            for problem in conf.problems():
                logger.error("%s %s", problem.text, problem.hint)
