"""Realtime for Django: add ``voyant_cloud.integrations.django`` to ``INSTALLED_APPS``. Needs the extra ``[django]``.

``views.TokenView`` is imported from its own module: like every view that asks who is logged in, it can only be loaded
once Django's apps are.
"""

from __future__ import annotations

from voyant_cloud.integrations.django.client import channel_url, get_client, using_client
from voyant_cloud.integrations.django.publishing import publish_batch_on_commit, publish_on_commit

__all__ = ["channel_url", "get_client", "publish_batch_on_commit", "publish_on_commit", "using_client"]
