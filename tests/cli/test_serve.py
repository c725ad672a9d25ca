"""``voyant-cloud serve`` where it starts nothing: bad settings, and ``--check-config``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import Run
from voyant_cloud.server.secret_file import create_key_ring
from voyant_cloud.server.settings import SETTINGS

KEY = "a-key-that-no-pattern-knows"
FILE = f"""
host = "0.0.0.0"
engine = "redis://user:word-in-the-url@127.0.0.1:1/0"
secret_file = "{{keys}}"
api_keys = ["{KEY}", "{KEY}-2:realtime:publish"]
allowed_origins = ["https://a.example", "https://b.example"]
[limits]
history_seconds = 60.5
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    create_key_ring(tmp_path / "keys")
    path = tmp_path / "voyant-cloud.toml"
    path.write_text(FILE.format(keys=tmp_path / "keys"))
    path.chmod(0o600)
    return str(path)


def test_check_config(run: Run, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting with its value and where it comes from; secrets as no more than a number; nothing is started."""
    monkeypatch.setenv("VOYANT_SERVER_CONFIG", file)
    monkeypatch.setenv("VOYANT_SERVER_ENGINE_PASSWORD", "hidden-in-redis")
    done = run("serve", "--check-config", "--port", "0")
    assert (done.code, done.err) == (0, "")
    rows = [tuple(line.split("\t")) for line in done.out.splitlines()]
    assert [row[0] for row in rows] == ["config", *SETTINGS]
    assert rows[:12] == [
        ("config", file, "VOYANT_SERVER_CONFIG"),
        ("host", "0.0.0.0", file),
        ("port", "0", "flag"),
        ("data", ":memory:", "default"),
        ("engine", "redis://127.0.0.1:1/0", file),
        ("engine_password", "set", "VOYANT_SERVER_ENGINE_PASSWORD"),
        ("secret_file", str(tmp_path / "keys"), file),
        ("api_keys", "2 keys", file),
        ("allowed_origins", "https://a.example https://b.example", file),
        ("console", "false", "default"),
        ("drain_seconds", "20", "default"),
        ("log_format", "text", "default"),
    ]
    assert ("limits.history_seconds", "60.5", file) in rows
    assert not any(secret in done.out for secret in (KEY, "hidden", "word-in"))
    assert run("serve", "--check-config", "--quiet").out == ""


def test_check_config_of_nothing(run: Run, tmp_path: Path) -> None:
    """Defaults are told, too, and no file is made beside the data."""
    [told] = run("serve", "--check-config", "--json", "--data", str(tmp_path / "v.db")).objects
    assert told["api_keys"] == {"value": "1 key, made at the start", "origin": "default"}
    assert told["secret_file"] == {"value": str(tmp_path / "v.db.secret"), "origin": "default"}
    assert told["allowed_origins"]["value"] == []
    assert told["engine"]["value"] is told["config"]["value"] is None
    assert told["port"]["value"] == 8787
    assert list(tmp_path.iterdir()) == []
    assert "engine\tnone\tdefault\n" in run("serve", "--check-config").out


@pytest.mark.parametrize("check", [["--check-config"], []])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "port: is 70000"),
        (["--config", "/none.toml"], "/none.toml: cannot be read: No such file or directory"),
        (["--engine", "http://:long-secret-word@h", "--secret-file", "/none"], "engine: the scheme is 'http'"),
        (["--engine", "redis://:long-secret-word#@h", "--secret-file", "/none"], "engine: there is a # in the URL"),
        (
            ["--engine", "rediss://h?ssl_ca_certs=/none", "--secret-file", "/none"],
            "'/none' cannot be read: No such file",
        ),
        (["--api-key", f"{KEY}!", "--host", "0.0.0.0"], "api_keys: a key of"),
        (["--api-key", f"{KEY}:long-secret-word"], "api_keys: key number 1 has a scope"),
        (["--limit", "speed=1"], "limit speed: there is no such limit"),
    ],
)
def test_bad_settings(run: Run, arguments: list[str], words: str, check: list[str]) -> None:
    """What can be known before a start is one line, the same with the check and without, and ends with 2."""
    done = run("serve", *arguments, *check)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not any(secret in done.err for secret in (KEY, "long-secret-word"))


def test_signing_keys_are_checked(run: Run, tmp_path: Path) -> None:
    """Where an engine needs them they must be there; where there are some they must be sound."""
    engine = ["--engine", "redis://h", "--secret-file", "/none"]
    assert "signing keys /none: there is no such file" in run("serve", "--check-config", *engine).err
    (tmp_path / "v.db.secret").touch(mode=0o644)
    done = run("serve", "--check-config", "--data", str(tmp_path / "v.db"))
    assert done.code == 2
    assert "others can read it (mode 0644)" in done.err
