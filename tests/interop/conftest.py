"""Fixtures for tests with the official client, and what becomes of them without Node."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.interop.node_process import NodeProcess, what_is_missing
from tests.interop.official import OfficialClient
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer


@pytest.fixture(scope="session")
def _missing() -> str | None:
    return what_is_missing()


@pytest.fixture(scope="module")
def node(_missing: str | None) -> Iterator[NodeProcess]:
    """A Node process. Without Node a test is skipped, or fails if ``VOYANT_REQUIRE_NODE`` is 1, as in CI."""
    if _missing is not None and os.environ.get("VOYANT_REQUIRE_NODE") == "1":
        pytest.fail(_missing)
    if _missing is not None:
        pytest.skip(_missing)
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
