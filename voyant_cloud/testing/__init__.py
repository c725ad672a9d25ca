"""For your own tests: the real server, in a thread of the test's process. Needs the extra ``[server]``."""

from __future__ import annotations

from voyant_cloud.testing.server import VoyantServer

__all__ = ["VoyantServer"]
