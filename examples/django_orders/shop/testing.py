"""The test runner: the real service runs beside the tests, in their process."""

import os
from typing import Any, ClassVar

from django.test.runner import DiscoverRunner

from voyant_cloud.testing import VoyantServer


class RealtimeRunner(DiscoverRunner):
    """Starts a server before the first test, where ``get_client()`` finds it.

    Attributes:
        server: it.
    """

    server: ClassVar[VoyantServer]

    def setup_test_environment(self, **kwargs: Any) -> None:
        """Start it."""
        type(self).server = VoyantServer().start()
        os.environ.update(self.server.environment)
        super().setup_test_environment(**kwargs)

    def teardown_test_environment(self, **kwargs: Any) -> None:
        """Stop it."""
        super().teardown_test_environment(**kwargs)
        self.server.stop()
