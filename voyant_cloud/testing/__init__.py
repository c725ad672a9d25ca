"""For your own tests: the real server in the test's process, a client that only records, and asserts over both.

``VoyantServer`` needs the extra ``[server]`` and is loaded when it is asked for; the rest needs the SDK alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from voyant_cloud.testing.published import ANYTHING, MessageSource, Published
from voyant_cloud.testing.recording import RecordingClient

if TYPE_CHECKING:
    from voyant_cloud.testing.faults import Fault
    from voyant_cloud.testing.server import VoyantServer

__all__ = ["ANYTHING", "Fault", "MessageSource", "Published", "RecordingClient", "VoyantServer"]

_OF_THE_SERVER = {"Fault": "voyant_cloud.testing.faults", "VoyantServer": "voyant_cloud.testing.server"}


def __getattr__(name: str) -> Any:
    if name not in _OF_THE_SERVER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_OF_THE_SERVER[name])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "voyant_cloud":
            raise
        message = f'{name} needs the server ({error.name} is missing); run: pip install "voyant-cloud[server]"'
        raise ModuleNotFoundError(message, name=error.name) from error
    return getattr(module, name)
