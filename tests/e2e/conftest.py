"""Fixtures for tests in a real browser."""

from __future__ import annotations

from tests.browser import chromium, open_page, pytest_runtest_makereport

__all__ = ["chromium", "open_page", "pytest_runtest_makereport"]
