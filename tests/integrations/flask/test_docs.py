"""The page about Flask as a new user follows it: an application made of its blocks, whose tests pass."""

from __future__ import annotations

import re

import pytest

from tests.inner_pytest import run_pytest
from tests.processes import ROOT
from voyant_cloud.integrations.settings import KEYS

pytest_plugins = ["pytester"]

PAGE = (ROOT / "docs/flask.md").read_text()
BLOCK = re.compile(r'```python title="([a-z_/]+\.py)"\n(.*?)```', re.DOTALL)


def test_the_page_works(pytester: pytest.Pytester) -> None:
    """Each block is the file that its title names, after the blocks of that name before, and its tests pass."""
    files: dict[str, str] = {}
    for name, text in BLOCK.findall(PAGE):
        files[name] = files.get(name, "") + text
    assert PAGE.count("```python") == len(BLOCK.findall(PAGE))
    for name, text in files.items():
        path = pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    done = run_pytest(pytester)
    done.assert_outcomes(passed=2)


def test_its_settings_are_all() -> None:
    """The table of settings is the list of those there are."""
    table = PAGE.partition("is | default |")[2].partition("\n\n")[0]
    named = re.findall(r"`VOYANT_CLOUD_([A-Z_]+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:]))
    assert set(named) == set(KEYS)
