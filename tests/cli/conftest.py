"""Commands run in the test's own process, which is quick; ``tests/e2e`` runs the executable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.commands import Done, Run
from voyant_cloud import VoyantCloudClient
from voyant_cloud.cli.main import run_command
from voyant_cloud.testing import VoyantServer


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command, with the arguments given, and return how it ended."""

    def run_here(*arguments: str) -> Done:
        capfd.readouterr()
        code = run_command(arguments)
        said = capfd.readouterr()
        return Done(code, said.out, said.err)

    return run_here


@pytest.fixture
def service(server: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> VoyantServer:
    """A server that commands find by the environment."""
    monkeypatch.setenv("VOYANT_CLOUD_API_KEY", server.api_key)
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", server.url)
    return server


@pytest.fixture
def client(service: VoyantServer) -> Iterator[VoyantCloudClient]:
    """A client of that server."""
    with VoyantCloudClient(api_key=service.api_key, base_url=service.url) as client:
        yield client
