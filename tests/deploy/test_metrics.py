"""What is written about the metrics agrees with what the server tells: the docs page and the Grafana dashboard."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server.wire_client import call
from voyant_cloud.testing import VoyantServer

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "examples/deploy/grafana-dashboard.json").read_text())
PAGE = (ROOT / "docs/metrics.md").read_text()
NAME = re.compile(r"\b(?:voyant|process|python)_[a-z_]+")


@pytest.fixture(scope="module")
def text() -> str:
    """A scrape."""
    with VoyantServer() as server:
        return call(server, "GET", "/metrics").text


def named(text: str) -> set[str]:
    """Return the names of our metrics."""
    return set(re.findall(r"^# TYPE (voyant_\w+) ", text, re.MULTILINE))


def expressions() -> list[str]:
    """Return what the dashboard asks for."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def test_the_page_lists_each_metric(text: str) -> None:
    """The table has every metric of ours once, and no other; its other names exist, too."""
    listed = re.findall(r"^\| `(voyant_\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(named(text))
    prose = PAGE.partition("## What is counted")[2]
    assert set(re.findall(r"`((?:voyant|process|python)_\w+)`", prose)) <= set(re.findall(r"^# TYPE (\w+)", text, re.M))


def test_the_page_shows_a_configuration_that_asks_the_right_path() -> None:
    """It is YAML, and leaves the path at Prometheus's own, which is the server's."""
    [shown] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [job] = yaml.safe_load(shown)["scrape_configs"]
    assert set(job) == {"job_name", "static_configs"}
    assert all(target.endswith(":8787") for target in job["static_configs"][0]["targets"])


def test_the_dashboard_asks_for_what_there_is(text: str) -> None:
    """Every name and label value in its expressions is in a scrape, and every metric of ours is on it."""
    samples = set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))
    asked = {name for expression in expressions() for name in NAME.findall(expression)}
    assert asked <= samples
    assert {re.sub("_bucket$|_sum$|_count$", "", name) for name in asked} >= named(text)
    for expression in expressions():
        for label, value in re.findall(r'(\w+)="([^"$]+)"', expression):
            assert f'{label}="{value}"' in text, expression
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            told = {"instance", *re.findall(r'(\w+)="', text)}
            assert set(labels.split(", ")) <= told, expression


def test_the_dashboard_is_one_for_any_grafana() -> None:
    """Its source and instances are chosen by variables, and its panels have ids and places of their own."""
    assert DASHBOARD["schemaVersion"] >= 36
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "instance"]
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for asking in [panel, *panel.get("targets", [])] if panel["type"] != "row" else []:
            assert asking["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for expression in expressions():
        assert expression.count("(") == expression.count(")")
        assert len(re.findall(r'\{instance=~"\$instance"', expression)) == len(NAME.findall(expression))
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
