"""Every engine keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.engine_contract import EngineContract
from tests.server.engine_harness import NewEngine
from voyant_cloud.server.engine.sqlite import SqliteEngine


class TestSqliteInMemory(EngineContract):
    """SQLite without a file."""

    @pytest.fixture
    def new_engine(self) -> NewEngine:
        return lambda **options: SqliteEngine(":memory:", **options)


class TestSqliteInFile(EngineContract):
    """SQLite on the disk."""

    @pytest.fixture
    def new_engine(self, tmp_path: Path) -> NewEngine:
        return lambda **options: SqliteEngine(str(tmp_path / "voyant.db"), **options)
