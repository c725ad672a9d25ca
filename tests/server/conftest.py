"""What pytest has to know before it imports the server's tests."""

import pytest

# Their assertions explain themselves only if pytest rewrites them, as it does by itself in test files alone.
pytest.register_assert_rewrite("tests.server.engine_contract", "tests.server.presence_contract")
