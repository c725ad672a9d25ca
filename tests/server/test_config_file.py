"""The TOML file of settings: what it may hold, who may read it, and what counts where several sources speak."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.config import ServerConfig, load_config

KEY = "vck_0123456789abcdef"
ALL = f"""
host = "0.0.0.0"
port = 9000
engine = "redis://127.0.0.1:6379/0"
engine_password = "hidden-in-redis"
secret_file = "keys"
api_keys = ["{KEY}", "{KEY}2:realtime:publish"]
allowed_origins = ["https://a.example", "https://b.example:8443"]
console = true
drain_seconds = 5
log_format = "json"

[limits]
history_messages = 5
history_seconds = 60
"""


def write(folder: Path, text: str | bytes, mode: int = 0o600) -> str:
    path = folder / "voyant-cloud.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return str(path)


def refused(**settings: Any) -> str:
    with pytest.raises(VoyantConfigError) as error:
        load_config(**{"env": {}, **settings})
    return str(error.value)


def test_every_setting(tmp_path: Path) -> None:
    """Each setting can stand in the file, and is known to come from there."""
    path = write(tmp_path, ALL)
    config = load_config(config_file=path, env={})
    expected = {
        "host": "0.0.0.0",
        "port": 9000,
        "engine": "redis://127.0.0.1:6379/0",
        "engine_password": "hidden-in-redis",
        "secret_file": "keys",
        "allowed_origins": ("https://a.example", "https://b.example:8443"),
        "console": True,
        "drain_seconds": 5,
        "log_format": "json",
        "config_file": path,
        "made_up_key": None,
    }
    assert {name: getattr(config, name) for name in expected} == expected
    assert [len(key.scopes) for key in config.api_keys] == [3, 1]
    assert (config.limits.history_messages, config.limits.history_seconds) == (5, 60)
    assert config.origins.pop("config") == "flag"
    assert set(config.origins.values()) == {path}
    assert load_config(config_file=write(tmp_path, 'data = "voyant.db"'), env={}).data == "voyant.db"


def test_flags_before_environment_before_file(tmp_path: Path) -> None:
    """Each source gives what those before it do not, and every value tells its own."""
    path = write(tmp_path, 'host = "::1"\nport = 1\ndrain_seconds = 1\n[limits]\nconnections = 1\nframes_burst = 1')
    env = {
        "VOYANT_SERVER_CONFIG": path,
        "VOYANT_SERVER_PORT": "2",
        "VOYANT_SERVER_DRAIN_SECONDS": "2",
        "VOYANT_SERVER_LIMIT_FRAMES_BURST": "2",
        "VOYANT_SERVER_HOST": "",
        "VOYANT_SERVER_ALLOWED_ORIGINS": " ",
    }
    config = load_config(drain_seconds=3, limits={"connections": 3}, env=env)
    assert (config.host, config.port, config.drain_seconds) == ("::1", 2, 3)
    assert (config.limits.connections, config.limits.frames_burst) == (3, 2)
    assert config.origins == {
        "config": "VOYANT_SERVER_CONFIG",
        "host": path,
        "port": "VOYANT_SERVER_PORT",
        "drain_seconds": "flag",
        "limits.connections": "flag",
        "limits.frames_burst": "VOYANT_SERVER_LIMIT_FRAMES_BURST",
    }
    other = write(tmp_path, "port = 4")
    assert load_config(config_file=other, env={"VOYANT_SERVER_CONFIG": "/missing"}).port == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "'prot': there is no such setting; known are host, port, data"),
        ("[limit]\nconnections = 1", "'limit': there is no such setting"),
        ("[limits]\nspeed = 1", "limit speed: there is no such limit; known are message_bytes"),
        ("limits = 5", "limits: must be a table, [limits]"),
        ("port = '1'", "port: must be a whole number, got '1'"),
        ("port = true", "port: must be a whole number, got True"),
        ("port = 1.5", "port: must be a whole number, got 1.5"),
        ("port = 70000", "port: is 70000, must be 0 (any free one) to 65535"),
        (f"port = 0x{'f' * 9000}", "port: is outside the 64 bits"),
        ("drain_seconds = '1'", "drain_seconds: must be a number, got '1'"),
        ("drain_seconds = nan", "drain_seconds: is nan, must be 0 to 25"),
        ("host = ''", "host: must be a string that is not empty, got ''"),
        (r'data = "a\u0000b"', "data: must be a string"),
        ("console = 'yes'", "console: must be true or false, got 'yes'"),
        ("console = 1", "console: must be true or false, got 1"),
        (
            "allowed_origins = 'https://a.example'",
            "allowed_origins: must be a list of strings, got 'https://a.example'",
        ),
        ("allowed_origins = ['http://[']", "allowed_origins: 'http://[' must be a scheme, host and port"),
        ("log_format = 'xml'", "log_format: is 'xml', must be one of text, json"),
        ("api_keys = ['short']", "api_keys: a key of 5 characters was given, number 1; a key has 16 to 200"),
        ("[limits]\nmessage_bytes = 65537", "limit message_bytes: is 65537, the contract allows at most 65536"),
        ("[limits]\nconnections = 'x'", "limits.connections: must be a whole number, got 'x'"),
        ("[limits]\nhistory_seconds = inf", "limit history_seconds: must be a number, got inf"),
        ("port = \nhost = 'a'", "is not TOML: Invalid value (at line 1, column 8)"),
        ("port = 1\nport = 2\n", "is not TOML: Cannot overwrite a value (at line 2, column 9)"),
        (f"port = {'9' * 5000}", "is not TOML: a number is too long"),
        (f"port = {'[' * 9000}", "is not TOML: a number is too long, or values are nested too deep"),
        (b"host = '\xff'", "is not UTF-8, from byte 8 on"),
        (b" " * (1024 * 1024 + 1), "is longer than 1048576 bytes"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str | bytes, words: str) -> None:
    """It names the file first, then the setting, what it needs and what it has, even where another source counts."""
    path = write(tmp_path, text)
    message = refused(config_file=path, host="::1", port=0, api_keys=[KEY])
    assert message.startswith(f"{path}: {words}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('engine_password = ["hidden-in-redis"]', "engine_password: must be a string that is not empty, got a value"),
        ('engine = {url = "redis://:hidden-in-redis@h"}', "engine: must be a string that is not empty, got a value"),
        ('api_keys = "hidden-in-redis"', "api_keys: must be a list of strings, got a value of type str"),
        ('api_keys = ["hidden-in-redis!"]', "api_keys: a key of 16 characters"),
        ('api_keys = ["hidden-in-redis"', "is not TOML"),
        ('engine = "redis://:hidden-in-redis@h"', "secret_file: nodes that share an engine"),
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, text: str, shown: str) -> None:
    """Neither a value of the wrong kind nor one out of range is repeated where it is a secret."""
    message = refused(config_file=write(tmp_path, text))
    assert shown in message
    assert "hidden" not in message


def test_the_environment_is_named_where_its_value_is_out_of_range() -> None:
    """What is wrong is looked for where it was given."""
    message = refused(env={"VOYANT_SERVER_PORT": "70000"})
    assert message == "VOYANT_SERVER_PORT: port: is 70000, must be 0 (any free one) to 65535"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        (f'api_keys = ["{KEY}"]', "api_keys"),
        ('engine_password = "x"', "engine_password"),
        ('engine = "redis://user:word@h"', "a password in engine"),
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_with_secrets_is_its_owners_alone(tmp_path: Path, text: str, held: str, mode: int) -> None:
    """Others who could read a secret are a reason to stop, with the remedy."""
    path = write(tmp_path, text, mode)
    expected = f"{path}: holds {held}: others can read it (mode {mode:04o}); run chmod 600 on it"
    assert refused(config_file=path) == expected


def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path) -> None:
    """A byte order mark is passed over, and an empty list of keys is no secret."""
    path = write(tmp_path, '\ufeffport = 1\nengine = "redis://user@h:6379"\nsecret_file = "k"\napi_keys = []', 0o644)
    assert load_config(config_file=path, env={}).made_up_key is not None


def test_no_file(tmp_path: Path) -> None:
    """What cannot be read is told with its reason, and a pipe is not waited for."""
    assert refused(config_file=str(tmp_path / "none")).endswith("none: cannot be read: No such file or directory")
    assert f"{tmp_path}: is a folder" in refused(config_file=str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is no regular file" in refused(config_file=str(tmp_path / "pipe"))


def test_secrets_are_told_for_masking(tmp_path: Path) -> None:
    """Whoever prints knows every secret, also of a source that does not count, and of one that is refused."""
    told: list[str] = []
    path = write(tmp_path, f'api_keys = ["{KEY}3"]\nengine_password = "password-one"')
    config: ServerConfig = load_config(
        engine="redis://u:password-two@h",
        secret_file="k",
        config_file=path,
        env={"VOYANT_SERVER_API_KEYS": f"{KEY}4:realtime:publish"},
        on_secret=told.append,
    )
    assert sorted(told) == ["password-one", "password-two", f"{KEY}3", f"{KEY}4"]
    for secret in told:
        assert secret not in repr(config)
    refused(api_keys=["short"], on_secret=told.append)
    assert told[-1] == "short"
