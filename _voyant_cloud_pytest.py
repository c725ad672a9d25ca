"""The pytest plugin: fixtures for a server, a client, and asserts over what was published.

pytest imports the plugins of all installed packages in every run. So this module lies beside the package, whose import
takes half a second, and imports it where a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from voyant_cloud import VoyantCloudClient
    from voyant_cloud.testing import Published, VoyantServer

_SCOPE = "voyant_server_scope"
_SCOPES = ("function", "class", "module", "package", "session")
_SHARED = pytest.StashKey["VoyantServer | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting."""
    text = f"the scope of voyant_server: {', '.join(_SCOPES)}; each test finds it empty"
    parser.addini(_SCOPE, text, default="function")


def pytest_configure(config: pytest.Config) -> None:
    """Check the setting, over which pytest would break off with a traceback of its own."""
    given = config.getini(_SCOPE)
    if given not in _SCOPES:
        raise pytest.UsageError(f"{_SCOPE}: must be one of {', '.join(_SCOPES)}, got {given!r}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Empty a shared server before each test: any may ask for it later, and where it is empty it costs nothing."""
    server = item.config.stash.get(_SHARED, None)
    if server is not None:
        server.reset()


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return config.getini(_SCOPE)


@pytest.fixture(scope=_scope)
def voyant_server_settings() -> dict[str, Any]:
    """Arguments for ``VoyantServer``; override it to give some, such as ``{"limits": {"history_messages": 10}}``."""
    return {}


@pytest.fixture(scope=_scope)
def voyant_server(request: pytest.FixtureRequest, voyant_server_settings: dict[str, Any]) -> Iterator[VoyantServer]:
    """The real server, on a free port. While it runs, environment and Django's setting lead to it."""
    from voyant_cloud.testing import VoyantServer

    with VoyantServer(**voyant_server_settings) as server, server.in_environment():
        request.config.stash[_SHARED] = server if request.scope != "function" else None
        yield server
        request.config.stash[_SHARED] = None


@pytest.fixture
def voyant_client(voyant_server: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client of ``voyant_server``, which no proxy stands before."""
    from voyant_cloud import VoyantCloudClient

    server = voyant_server
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url, proxies={"http": ""}) as client:
        yield client


@pytest.fixture
def published(voyant_server: VoyantServer) -> Published:
    """What was published to ``voyant_server``, by whomever: ``published("orders:eu", event="order.updated")``."""
    from voyant_cloud.testing import Published

    return Published(voyant_server)
