"""A client's settings: what is taken from where, what is refused, and that no secret is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voyant_cloud.config import (
    DEFAULT_BASE_URL,
    ClientConfig,
    base_url_from,
    read_base_url,
    read_timeout,
    settings_from,
)
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.retry import RetryPolicy

KEY = "vk_0123456789"


def test_defaults() -> None:
    """An API key is all that is needed."""
    config = ClientConfig(api_key=KEY)
    assert config.base_url == DEFAULT_BASE_URL == "https://api.voyant.travel"
    assert config.user_agent.startswith("voyant-cloud-python/")
    assert config.timeout == (5.0, 30.0)
    assert config.retries == RetryPolicy()


def test_repr_hides_secrets() -> None:
    """Neither the key nor a proxy's password is in the repr."""
    config = ClientConfig(api_key=KEY, proxies={"https": "http://user:hunter22@proxy:3128"})
    assert KEY not in repr(config)
    assert "hunter22" not in repr(config)


@pytest.mark.parametrize("key", ["", None, 5, "with space", "line\n", "tab\tbed", "schlüssel", "nul\0"])
def test_bad_api_key(key: Any) -> None:
    """A key that cannot stand in a header is refused, and not shown."""
    with pytest.raises(VoyantConfigError, match=r"^api_key: ") as caught:
        ClientConfig(api_key=key)
    assert not key or str(key) not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://[::1]:8787/voyant//", "http://[::1]:8787/voyant"),
    ],
)
def test_base_url(url: str, expected: str) -> None:
    """Host, port and path are kept, slashes at the end are not."""
    assert read_base_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com",
        "wss://example.com",
        "https://",
        "https:///path",
        "https://example.com:99999",
        "https://example.com:port",
        "https://[::1",
        "https://exa mple.com",
        "https://example.com/\n",
        "https://example.com?x=1",
        "https://example.com/#",
        "https://user@example.com",
        None,
        5,
    ],
)
def test_bad_base_url(url: Any) -> None:
    """Anything but the address of an HTTP service is refused."""
    with pytest.raises(VoyantConfigError, match=r"^base_url: "):
        read_base_url(url)


def test_password_in_base_url_is_not_shown() -> None:
    """The refusal of a URL with a password does not repeat the password."""
    with pytest.raises(VoyantConfigError) as caught:
        read_base_url("https://user:hunter22@example.com")
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "env", "expected"),
    [
        ("http://a.example", {"VOYANT_CLOUD_API_URL": "http://b.example"}, "http://a.example"),
        (None, {"VOYANT_CLOUD_API_URL": "http://b.example/"}, "http://b.example"),
        (None, {"VOYANT_CLOUD_API_URL": ""}, DEFAULT_BASE_URL),
        (None, {}, DEFAULT_BASE_URL),
    ],
)
def test_base_url_from(value: str | None, env: dict[str, str], expected: str) -> None:
    """An argument wins over the environment, where empty counts as unset."""
    assert base_url_from(value, env) == expected


def test_a_key_in_the_wrong_setting() -> None:
    """What is no address may be a secret that was put into the wrong place, so it is not shown."""
    for value in ("live-key-0123456789", "user:hunter2@example.com"):
        with pytest.raises(VoyantConfigError) as caught:
            base_url_from(value, {})
        assert str(caught.value).endswith(f", got {len(value)} characters without one")
    with pytest.raises(VoyantConfigError, match="api_key: must be a str, got bytes"):
        ClientConfig(api_key=b"vck_1")  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "pair"), [(3, (3.0, 3.0)), (0.5, (0.5, 0.5)), ((1, 60), (1.0, 60.0))])
def test_timeout(value: Any, pair: tuple[float, float]) -> None:
    """One number stands for both parts."""
    assert read_timeout(value) == pair


@pytest.mark.parametrize(
    "value",
    [0, -1, True, None, "5", float("nan"), float("inf"), 86_401, 1e300, 10**400, (1,), (1, 2, 3), (1, 0), (1, None)],
)
def test_bad_timeout(value: Any) -> None:
    """There is no call without a timeout."""
    with pytest.raises(VoyantConfigError, match=r"^timeout: "):
        read_timeout(value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("user_agent", ""),
        ("user_agent", "a\r\nX-Injected: 1"),
        ("user_agent", " leading"),
        ("user_agent", None),
        ("auth_header", ""),
        ("auth_header", "Two Words"),
        ("auth_header", "X:Y"),
        ("auth_scheme", "Bearer secret-key"),
        ("verify", "/nowhere/ca.pem"),
        ("verify", 5),
        ("verify", b"/ca.pem"),
        ("proxies", "http://proxy:3128"),
        ("proxies", {"https": 3128}),
        ("proxies", {"https": "http://user:hunter22@"}),
        ("proxies", {"https": "http://[hunter22"}),
        ("retries", -1),
        ("retries", "3"),
    ],
)
def test_bad_setting(setting: str, value: Any) -> None:
    """A wrong setting is refused by name; what may hold a secret is not shown."""
    with pytest.raises(VoyantConfigError, match=setting) as caught:
        ClientConfig(api_key=KEY, **{setting: value})
    assert "hunter22" not in str(caught.value)
    assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["", None])
def test_no_scheme(scheme: str | None) -> None:
    """An empty scheme is none."""
    assert ClientConfig(api_key=KEY, auth_scheme=scheme).auth_scheme is None


def test_verify(tmp_path: Path) -> None:
    """The path of a CA bundle may be a path object."""
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    assert ClientConfig(api_key=KEY, verify=bundle).verify == str(bundle)
    assert ClientConfig(api_key=KEY, verify=False).verify is False


def test_proxies_are_copied() -> None:
    """What the caller does to the dict afterwards changes nothing."""
    proxies = {"https": "proxy.example.com:3128", "http": "", "no_proxy": "localhost,127.0.0.1"}
    config = ClientConfig(api_key=KEY, proxies=proxies)
    proxies["https"] = "other:1"
    assert config.proxies == {"https": "proxy.example.com:3128", "http": "", "no_proxy": "localhost,127.0.0.1"}


ENV = {
    "VOYANT_CLOUD_API_KEY": "vk_env",
    "VOYANT_CLOUD_API_URL": "http://env.example",
    "VOYANT_CLOUD_USER_AGENT": "env/1",
}


@pytest.mark.parametrize(
    ("env", "overrides", "expected"),
    [
        ({}, {}, {}),
        (dict.fromkeys(ENV, ""), {}, {}),
        (ENV, {}, {"api_key": "vk_env", "base_url": "http://env.example", "user_agent": "env/1"}),
        ({"VOYANT_CLOUD_API_KEY": "vk_env"}, {"api_key": "vk_arg"}, {"api_key": "vk_arg"}),
        ({"VOYANT_CLOUD_API_KEY": "vk_env"}, {"api_key": "", "base_url": None}, {"api_key": "vk_env"}),
        ({}, {"auth_scheme": "", "retries": 0}, {"auth_scheme": "", "retries": 0}),
    ],
)
def test_settings_from(env: dict[str, str], overrides: dict[str, Any], expected: dict[str, Any]) -> None:
    """Overrides win over the environment, and empty ones count as not given; other settings pass as they are."""
    assert settings_from(env, overrides) == expected
