"""The test runner: the real service runs beside the tests, in their process."""

from contextlib import ExitStack
from typing import Any, ClassVar

from django.test.runner import DiscoverRunner

from voyant_cloud.testing import VoyantServer


class RealtimeRunner(DiscoverRunner):
    """Starts a server before the first test, where ``get_client()`` finds it.

    Attributes:
        server: it.
    """

    server: ClassVar[VoyantServer]
    _running = ExitStack()

    def setup_test_environment(self, **kwargs: Any) -> None:
        """Start it."""
        type(self).server = self._running.enter_context(VoyantServer())
        self._running.enter_context(self.server.in_environment())
        super().setup_test_environment(**kwargs)

    def teardown_test_environment(self, **kwargs: Any) -> None:
        """Stop it."""
        super().teardown_test_environment(**kwargs)
        self._running.close()
