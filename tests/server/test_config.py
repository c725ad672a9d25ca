"""How a server's settings come together, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voyant_cloud.errors import VoyantConfigError, VoyantValidationError
from voyant_cloud.server.api_keys import parse_api_key
from voyant_cloud.server.config import load_config
from voyant_cloud.server.limits import Limits

KEY = "vck_0123456789abcdef"


def test_defaults_listen_on_the_loopback_with_a_key_of_their_own() -> None:
    """With nothing given there is a made-up key, and it is the one that is taken."""
    config = load_config(env={})
    assert (config.host, config.port, config.data) == ("127.0.0.1", 8787, ":memory:")
    assert config.made_up_key is not None
    assert config.api_keys == (parse_api_key(config.made_up_key),)
    assert config.made_up_key not in repr(config)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_elsewhere_a_key_must_be_given(host: str) -> None:
    """A made-up key is for the loopback only."""
    with pytest.raises(VoyantConfigError, match="needs a key of your own"):
        load_config(host=host, env={})
    assert load_config(host=host, api_keys=[KEY], env={}).made_up_key is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_every_loopback_name_counts(host: str) -> None:
    """All of 127.0.0.0/8, ::1 and localhost are the loopback."""
    assert load_config(host=host, env={}).made_up_key is not None


def test_arguments_come_before_the_environment() -> None:
    """An argument wins, the environment fills the rest, an empty value is no value."""
    env = {
        "VOYANT_SERVER_HOST": "::1",
        "VOYANT_SERVER_PORT": "1234",
        "VOYANT_SERVER_DATA": "",
        "VOYANT_SERVER_API_KEYS": f"{KEY} {KEY}2:realtime:publish",
        "VOYANT_SERVER_ALLOWED_ORIGINS": "https://a.example https://b.example:8443",
        "VOYANT_SERVER_LIMIT_HISTORY_MESSAGES": "5",
        "VOYANT_SERVER_DRAIN_SECONDS": "0",
    }
    config = load_config(port=0, env=env)
    assert (config.host, config.port, config.data, config.drain_seconds) == ("::1", 0, ":memory:", 0.0)
    assert [len(key.scopes) for key in config.api_keys] == [3, 1]
    assert config.allowed_origins == ("https://a.example", "https://b.example:8443")
    assert config.limits.history_messages == 5
    assert load_config(limits={"history_messages": 7}, env=env).limits.history_messages == 7


@pytest.mark.parametrize(
    ("host", "console", "served"),
    [
        ("127.0.0.1", None, True),
        ("::1", None, True),
        ("localhost", None, True),
        ("0.0.0.0", None, False),
        ("::", None, False),
        ("voyant.example", None, False),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, False),
    ],
)
def test_console_is_for_the_loopback_unless_told(host: str, console: bool | None, served: bool) -> None:
    """Who says nothing about the console has it where nobody else can reach it."""
    assert load_config(host=host, console=console, api_keys=[KEY], env={}).serves_console is served


@pytest.mark.parametrize(
    ("text", "console"),
    [*((text, True) for text in ("true", "1", "yes", "ON")), *((text, False) for text in ("False", "0", "no", "off"))],
)
def test_console_by_environment(text: str, console: bool) -> None:
    """The variable takes the usual words in any case; an argument wins; empty is unset."""
    env = {"VOYANT_SERVER_CONSOLE": text}
    assert load_config(env=env).console is console
    assert load_config(console=not console, env=env).console is not console
    assert load_config(env={"VOYANT_SERVER_CONSOLE": ""}).console is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"port": 65_536}, "port: is 65536"),
        ({"port": -1}, "port: is -1"),
        ({"drain_seconds": -1.0}, "drain_seconds: is -1"),
        ({"allowed_origins": ["example.com"]}, "allowed_origins: 'example.com'"),
        ({"allowed_origins": ["https://example.com/path"]}, "scheme, host and port"),
        ({"limits": {"speed": 1}}, "limit speed: there is no such limit; known are message_bytes"),
        ({"limits": {"message_bytes": 65_537}}, "limit message_bytes: is 65537, the contract allows at most 65536"),
        ({"limits": {"batch_messages": 0}}, "limit batch_messages: is 0, at least 1"),
        ({"limits": {"connections": True}}, "limit connections: must be a whole number, got True"),
        ({"limits": {"connections": float("nan")}}, "limit connections: must be a whole number, got nan"),
        ({"limits": {"presence_members": 1.5}}, "limit presence_members: must be a whole number, got 1.5"),
        ({"limits": {"history_seconds": float("nan")}}, "limit history_seconds: must be a number, got nan"),
        ({"limits": {"history_seconds": float("inf")}}, "limit history_seconds: must be a number, got inf"),
        ({"limits": {"frame_bytes": 2**31}}, "limit frame_bytes: is 2147483648, allowed is at most 2147483647"),
        ({"env": {"VOYANT_SERVER_API_KEY": "x"}}, "VOYANT_SERVER_API_KEY: there is no such setting"),
        ({"env": {"VOYANT_SERVER_CONSOLE": "maybe"}}, "VOYANT_SERVER_CONSOLE: must be one of true, 1, yes, on, false"),
        ({"api_keys": [KEY, "short"]}, "api_keys: a key of 5 characters was given, number 2; a key has 16 to 200"),
        ({"api_keys": [KEY, f"{KEY}:x"]}, "api_keys: key number 2 has a scope behind its colon that there is not"),
        ({"engine_password": "pw"}, "engine_password: is set, and there is no engine"),
        ({"drain_seconds": 26.0}, "drain_seconds: is 26.0, must be 0 to 25"),
        ({"env": {"VOYANT_SERVER_PORT": "x"}}, "VOYANT_SERVER_PORT: must be a number, got 'x'"),
        ({"env": {"VOYANT_SERVER_LIMIT_CONNECTIONS": "x"}}, "VOYANT_SERVER_LIMIT_CONNECTIONS: must be a number"),
    ],
)
def test_bad_settings_are_named_with_limit_and_value(settings: dict[str, Any], message: str) -> None:
    """Each wrong setting gets one line that names it."""
    with pytest.raises(VoyantConfigError) as refused:
        load_config(**{"env": {}, **settings})
    assert message in str(refused.value)


def test_the_secret_lies_beside_the_data() -> None:
    """The signing keys' file follows the database's path; in memory there is none."""
    assert load_config(data="/srv/voyant.db", env={}).secret_path == Path("/srv/voyant.db.secret")
    assert load_config(env={}).secret_path is None


def test_lower_limits_are_enforced() -> None:
    """Limits below the contract's refuse what the models let pass, with size and limit."""
    limits = Limits(message_bytes=10, presence_bytes=5, batch_messages=2)
    limits.check_message("f.data", '"12345678"')
    with pytest.raises(VoyantValidationError, match="is 11 bytes of JSON, at most 10"):
        limits.check_message("f.data", '"123456789"')
    with pytest.raises(VoyantValidationError, match="is 6 bytes of JSON, at most 5"):
        limits.check_presence("f.data", '"éé"')
    limits.check_batch("f.messages", 2)
    with pytest.raises(VoyantValidationError, match="has 3 items, at most 2"):
        limits.check_batch("f.messages", 3)
