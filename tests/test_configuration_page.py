"""The page on configuration agrees with the code: its table, its steps to new keys, and its log."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import attrs
import pytest

from tests.server.wire_client import mint, subscribe
from tests.waiting import until
from voyant_cloud.cli.json_log import JsonLines
from voyant_cloud.cli.serve import serve
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.api_keys import parse_api_key
from voyant_cloud.server.check import check_config
from voyant_cloud.server.config import ServerConfig, load_config
from voyant_cloud.server.config_sources import variable
from voyant_cloud.server.reload import RELOADED
from voyant_cloud.server.secret_file import load_key_ring
from voyant_cloud.server.settings import LIMIT, SETTINGS
from voyant_cloud.testing import VoyantServer

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "configuration.md").read_text()
TOLD_IN_WORDS = {"secret_file", "api_keys", "console"}
"""Their defaults depend on other settings."""


@attrs.frozen
class Row:
    """What the table says of a setting."""

    options: list[str]
    variable: str
    default: str
    values: str
    on_hang_up: str


def rows() -> dict[str, Row]:
    found = re.findall(r"^\| `([a-z_.]+)` \|(.*?)\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    return {name: Row(re.findall(r"`(\S+?)`", options), *rest) for name, options, *rest in found}


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(text) for text in found]


def test_the_table_has_every_setting() -> None:
    """Each once and in order, with its variable, the option that there is, its default, and whether it is reloaded."""
    table = rows()
    assert list(table) == list(SETTINGS)
    defaults = {each.name: each.shown for each in check_config(load_config(env={}))}
    options = {option for parameter in serve.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for name, row in table.items():
        assert row.variable == variable(name)
        assert set(row.options) <= options
        if name not in TOLD_IN_WORDS:
            assert row.default.strip("`") == defaults[name], name
        assert (row.on_hang_up == "yes") is (name in RELOADED)
    told = {option for row in table.values() for option in row.options}
    others = {"--config", "--check-config", "--access-log", "--no-access-log", "--json", "--quiet", "-q", "--debug"}
    assert options - told == others


@pytest.mark.parametrize("name", [name for name, row in rows().items() if re.match(r"\d+ to \d+", row.values)])
def test_ranges(name: str) -> None:
    """Both ends are taken, and what lies beyond them is not."""
    least, most = map(int, re.match(r"(\d+) to (\d+)", rows()[name].values).groups())  # type: ignore[union-attr]

    def load(value: int) -> ServerConfig:
        return load_config(env={variable(name): str(value)})

    load(least)
    load(most)
    for beyond in (least - 1, most + 1):
        with pytest.raises(VoyantConfigError, match=f"^{variable(name)}: .*{beyond}"):
            load(beyond)


def test_ranges_are_told_of_every_number() -> None:
    """No limit is without one."""
    assert all(re.match(r"\d+ to \d+", row.values) for name, row in rows().items() if name.startswith(LIMIT))


def test_the_steps_to_a_new_api_key(tmp_path: Path) -> None:
    """The file first takes both keys, then the new one alone."""
    path = tmp_path / "voyant-cloud.toml"
    taken = []
    for text in blocks("toml")[1:]:
        path.write_text(text)
        path.chmod(0o600)
        taken.append(load_config(config_file=str(path), env={}).api_keys)
    old, new = (parse_api_key(f"vck_the-{age}-key-of-the-shop") for age in ("old", "new"))
    assert taken == [(old, new), (new,)]


def test_the_steps_to_a_new_secret(tmp_path: Path) -> None:
    """The new key is known before it signs, and the old one for as long as its tokens live."""
    path = tmp_path / "keys"
    steps = []
    for text in (block for block in blocks("json") if '"keys"' in block):
        path.write_text(text.replace("…", "ab" * 32))
        path.chmod(0o600)
        steps.append([key.kid for key in load_key_ring(path).keys])
    old, new = steps[0]
    assert steps == [[old, new], [new, old], [new]]


def test_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The lines that it shows have the fields that real ones have, in their order and with values of their kinds."""
    shown = [json.loads(line) for block in blocks("json") if '"time"' in block for line in block.splitlines()]
    caplog.set_level("INFO", logger="voyant_cloud.server.access")
    with VoyantServer() as server, subscribe(server, "a", token=mint(server)):
        pass
    until(lambda: len(caplog.records) == 3)
    real = [json.loads(JsonLines(str).format(record)) for record in caplog.records]
    for one, other in zip(shown[:2], real[:2], strict=True):
        assert list(one) == list(other)
        assert [type(value) for value in one.values()] == [type(value) for value in other.values()]
        assert without_chance(one["message"]) == without_chance(other["message"])


def without_chance(message: str) -> str:
    return re.sub(r"[\d.]+ms|_[0-9a-f]{16}", "", message)


def test_an_error_is_as_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page quotes one."""
    monkeypatch.chdir(tmp_path)
    Path("voyant-cloud.toml").write_text("port = 70000")
    with pytest.raises(VoyantConfigError) as error:
        load_config(config_file="voyant-cloud.toml", env={})
    assert f"`{error.value}`" in " ".join(PAGE.split())
