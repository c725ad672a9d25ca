"""An application, and the service that it publishes to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.integrations.flask.project.app import create_app
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import Published, VoyantServer


@pytest.fixture
def app(server: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """An application that finds its service in the environment."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return create_app(VOYANT_CLOUD_RETRIES=0)


@pytest.fixture
def published(server: VoyantServer) -> Published:
    """What was published, by whomever."""
    return Published(server)


@pytest.fixture
def reader(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client to look with."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        yield client
