"""Django, set up once in the tests' process without a trace outside it, and a service to publish to."""

from __future__ import annotations

from collections.abc import Iterator

import django
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from tests.integrations.django.project import settings as project
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

if not settings.configured:
    # By value, not by name: a settings module would change the process's time zone.
    settings.configure(**{name: value for name, value in vars(project).items() if name.isupper()})
    django.setup()


@pytest.fixture(scope="session", autouse=True)
def _tables() -> Iterator[None]:
    """The tables, in memory."""
    for alias in connections:
        call_command("migrate", database=alias, verbosity=0)
    yield
    connections.close_all()


@pytest.fixture(autouse=True)
def _empty_tables(_tables: None) -> Iterator[None]:
    """Leave no row behind."""
    yield
    for alias in connections:
        call_command("flush", database=alias, verbosity=0, interactive=False)


@pytest.fixture
def service(server: VoyantServer) -> Iterator[VoyantServer]:
    """A server, to which the project's settings lead."""
    with override_settings(VOYANT_CLOUD={"API_KEY": server.api_key, "API_URL": server.url, "RETRIES": 0}):
        yield server


@pytest.fixture
def reader(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client to look with."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        yield client
