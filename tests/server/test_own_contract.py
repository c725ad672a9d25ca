"""The server against its own contract: schemathesis makes requests of every kind, good and bad, a bounded number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from voyant_cloud.testing import VoyantServer

SPEC = Path(__file__).resolve().parents[2] / "openapi" / "voyant-cloud.yaml"
# Unknown query parameters are passed over, since a newer client may send them; that is no failure to make requests of.
config = schemathesis.Config.from_dict({"generation": {"allow-extra-parameters": False}})
schema = schemathesis.openapi.from_path(SPEC, config=config)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[VoyantServer]:
    """One server for all generated requests."""
    with VoyantServer() as running:
        yield running


# A WebSocket upgrade is no plain request; test_ws.py holds its answers against the contract's.
@schema.exclude(operation_id="connect").parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_contract_says(case: schemathesis.Case, shared_server: VoyantServer) -> None:
    """Status, headers and body of every answer are documented, bad input is refused and good input taken."""
    # Ids are opaque in the contract, so most texts that are valid for it were never given by any server.
    excluded = [positive_data_acceptance] if "sinceId" in (case.query or {}) else []
    headers = {"Authorization": f"Bearer {shared_server.api_key}"}
    case.call_and_validate(base_url=shared_server.url, headers=headers, timeout=10, excluded_checks=excluded)
