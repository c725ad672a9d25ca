"""The Django app of the outbox, apart from the main one: who does not want its table need not have it."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["VoyantOutboxConfig"]


class VoyantOutboxConfig(AppConfig):
    """``voyant_cloud.integrations.django.outbox`` in ``INSTALLED_APPS``."""

    name = "voyant_cloud.integrations.django.outbox"
    label = "voyant_cloud_outbox"
    verbose_name = "Voyant Cloud outbox"
    default_auto_field = "django.db.models.BigAutoField"
