"""What must work, and what must be said, where the server's extra is not installed."""

from __future__ import annotations

import pytest

from tests.test_public_api import run

BLOCKED = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("aiohttp", "jwt", "uvloop", "click", "rich", "pytest"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""


def test_the_recording_client_needs_the_sdk_alone() -> None:
    """It publishes, and is asserted over."""
    code = """
from voyant_cloud.testing import Published, RecordingClient
client = RecordingClient()
client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_1"})
print(Published(client)("orders:eu").data)
print(sorted(name for name in sys.modules if name.startswith("voyant_cloud.server")))
"""
    assert run(BLOCKED + code) == "{'orderId': 'ord_1'}\n[]\n"


@pytest.mark.parametrize("name", ["VoyantServer", "Fault"])
def test_the_server_says_what_to_install(name: str) -> None:
    """In one line, as an import that failed."""
    code = f"""
try:
    from voyant_cloud.testing import {name}
except ModuleNotFoundError as error:
    print(error)
"""
    said = f'{name} needs the server (aiohttp is missing); run: pip install "voyant-cloud[server]"\n'
    assert run(BLOCKED + code) == said


def test_other_names_are_missing_as_usual() -> None:
    """A mistake in a name is no missing extra."""
    with pytest.raises(ImportError, match="cannot import name 'Voyant'"):
        from voyant_cloud.testing import Voyant  # type: ignore[attr-defined]  # noqa: F401


def test_the_plugin_costs_nothing() -> None:
    """pytest loads it in every run: it brings pytest and nothing else."""
    code = (
        "import pytest, sys; before = set(sys.modules); import _voyant_cloud_pytest; print(set(sys.modules) - before)"
    )
    assert run(code) == "{'_voyant_cloud_pytest'}\n"
