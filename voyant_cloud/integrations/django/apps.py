"""The Django app: registers the system checks, and speaks up where nothing will run them."""

from __future__ import annotations

import logging
import sys

from django.apps import AppConfig
from django.core import checks

from voyant_cloud.integrations.django import conf
from voyant_cloud.integrations.django.checks import check_settings, check_transport

__all__ = ["VoyantCloudConfig"]

logger = logging.getLogger("voyant_cloud")


class VoyantCloudConfig(AppConfig):
    """``voyant_cloud.integrations.django`` in ``INSTALLED_APPS``."""

    name = "voyant_cloud.integrations.django"
    label = "voyant_cloud"
    verbose_name = "Voyant Cloud realtime"

    def ready(self) -> None:
        """Register the checks."""
        checks.register(check_settings)
        checks.register(check_transport, checks.Tags.security, deploy=True)
        # A management command runs the checks by itself; under gunicorn and its like nothing does, and the first
        # anyone heard of a missing key would be a failed request.
        if "django.core.management" not in sys.modules:
            for problem in conf.problems():
                logger.error("%s %s", problem.text, problem.hint)
