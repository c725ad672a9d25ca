"""Fixtures for tests with the official client, and what becomes of them without Node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.node_process import FOLDER, PACKAGES, NodeProcess
from tests.interop.official import OfficialClient
from tests.node import require_node
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    """A Node process."""
    require_node(FOLDER, *PACKAGES)
    with NodeProcess() as process:
        yield process


@pytest.fixture
def official(node: NodeProcess, server: VoyantServer) -> Iterator[OfficialClient]:
    """The official client, on this test's server."""
    with OfficialClient(node, server.url, server.api_key) as client:
        yield client


@pytest.fixture
def python(server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """The Python client, on this test's server."""
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        yield client
