"""A channel's options: checked where they are given, the same as the constructor's, and without secrets."""

from __future__ import annotations

import inspect
from typing import Any

import attrs
import pytest

from voyant_cloud.config import DEFAULT_BASE_URL
from voyant_cloud.errors import VoyantConfigError, VoyantError, VoyantValidationError
from voyant_cloud.realtime.channel import RealtimeChannel, RealtimeChannelOptions


def options(**changes: Any) -> RealtimeChannelOptions:
    return RealtimeChannelOptions(**{"channel": "orders:eu", "token": "rtok_1", **changes})


def test_the_constructor_takes_the_same_options() -> None:
    """Names, order and defaults are one list."""
    parameters = list(inspect.signature(RealtimeChannel).parameters.values())
    fields = attrs.fields(RealtimeChannelOptions)
    assert [parameter.name for parameter in parameters] == [field.name for field in fields]
    for parameter, field in zip(parameters, fields, strict=True):
        expected = inspect.Parameter.empty if field.default is attrs.NOTHING else field.default
        assert parameter.default == expected, parameter.name


def test_nothing_secret_is_shown() -> None:
    """Neither the token nor a proxy's password."""
    shown = repr(options(token="rtok_secret", proxies={"http": "http://user:secret@proxy:1"}))
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"token": None}, "token: must be a str or a RealtimeTokenSummary, got NoneType"),
        ({"token": ""}, "token"),
        ({"token": "vck_key"}, "API key"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"reconnect": "yes"}, "reconnect"),
        ({"queue_size": 0}, "queue_size"),
        ({"queue_size": 1.5}, "queue_size"),
        ({"queue_size": True}, "queue_size"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"ping_after": -1}, "ping_after"),
        ({"pong_timeout": float("nan")}, "pong_timeout"),
        ({"pong_timeout": float("inf")}, "pong_timeout"),
        ({"pong_timeout": "5"}, "pong_timeout"),
        ({"proxies": "http://proxy:1"}, "proxies"),
        ({"proxies": {5: "http://proxy:1"}}, "proxies"),
        ({"verify": "/no/such/file"}, "verify"),
        ({"verify": 5}, "verify"),
        ({"on_gap": "ignore"}, "on_gap"),
        ({"threads": 4}, "threads: must be SharedThreads or None, got int"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, Any], match: str) -> None:
    """The error says which setting, before anything is opened."""
    with pytest.raises(VoyantConfigError, match=match):
        options(**change)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "a%2e", "x" * 201, None, 5])
def test_channel_names_are_checked(name: Any) -> None:
    """What the service would refuse, or read as another route, is not sent."""
    with pytest.raises(VoyantValidationError, match="channel"):
        options(channel=name)


@pytest.mark.parametrize("since_id", ["", "x" * 1001, 5])
def test_since_id_is_checked(since_id: Any) -> None:
    """An empty id would silently begin with live messages."""
    with pytest.raises(VoyantValidationError, match="since_id"):
        options(since_id=since_id)


def test_the_environment_gives_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for the client; an empty variable counts as unset."""
    assert options().base_url == DEFAULT_BASE_URL
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", "http://localhost:8787/")
    assert options().base_url == "http://localhost:8787"
    assert options(base_url="http://other:1").base_url == "http://other:1"
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", "")
    assert options().base_url == DEFAULT_BASE_URL


def test_a_wrong_setting_opens_nothing() -> None:
    """The constructor raises before it starts a thread."""
    with pytest.raises(VoyantError):
        RealtimeChannel(channel="..", token="rtok_1")
