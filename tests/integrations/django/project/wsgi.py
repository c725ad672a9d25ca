"""The project under gunicorn. With --preload the parent makes the client, and uses it, before it forks."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.integrations.django.project.settings")
application = get_wsgi_application()

if os.environ.get("PROJECT_WARM_UP"):
    from voyant_cloud.integrations.django import get_client

    get_client().realtime.publish("orders:eu", event="warm-up")
