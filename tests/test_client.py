"""The client and its constructors."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from tests.fake_service import FakeService, answer
from voyant_cloud.client import (
    VoyantCloudClient,
    create_voyant_cloud_client,
    get_voyant_cloud_client,
    try_get_voyant_cloud_client,
)
from voyant_cloud.config import ClientConfig
from voyant_cloud.errors import VoyantConfigError

KEY = "vk_a0b1c2d3e4"
ENV = {"VOYANT_CLOUD_API_KEY": KEY, "VOYANT_CLOUD_API_URL": "http://env.example", "VOYANT_CLOUD_USER_AGENT": "env/1"}


def test_repr_masks_the_key() -> None:
    """The repr says where to, and not with what."""
    client = VoyantCloudClient(api_key=KEY, base_url="http://127.0.0.1:8787/")
    assert repr(client) == "VoyantCloudClient(base_url='http://127.0.0.1:8787', api_key='***')"


@pytest.mark.parametrize("attempt", [pickle.dumps, copy.copy, copy.deepcopy])
def test_no_copies(attempt: Any) -> None:
    """A client is neither pickled nor copied by accident."""
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        attempt(VoyantCloudClient(api_key=KEY))


def test_with_block_closes() -> None:
    """A with block closes the client."""
    with VoyantCloudClient(api_key=KEY) as client:
        pass
    with pytest.raises(VoyantConfigError, match="is closed"):
        client.realtime.presence.get("orders:eu")


def test_every_setting_has_its_argument() -> None:
    """The client takes what the configuration knows, and a session."""
    arguments = set(inspect.signature(VoyantCloudClient).parameters)
    assert arguments == {field.name for field in ClientConfig.__attrs_attrs__} | {"session"}


@pytest.mark.parametrize("session", [5, "session", object()])
def test_no_session(session: Any) -> None:
    """What is no session is refused by name."""
    with pytest.raises(VoyantConfigError, match=r"^session: must be a requests\.Session, got "):
        VoyantCloudClient(api_key=KEY, session=session)


def test_settings_arrive() -> None:
    """What the client is given is what goes over the wire."""
    with FakeService(answer({"data": []})) as service:
        client = create_voyant_cloud_client(api_key=KEY, base_url=service.url, user_agent="shop/1", auth_scheme="Key")
        assert client.realtime.presence.get("orders:eu") == []
    assert service.requests[0].headers["authorization"] == f"Key {KEY}"
    assert service.requests[0].headers["x-voyant-sdk"] == "shop/1"


@pytest.mark.parametrize("make", [get_voyant_cloud_client, try_get_voyant_cloud_client])
class TestEnvironment:
    """Clients that the environment sets up."""

    def test_given_mapping(self, make: Any) -> None:
        """Key, address and user agent are taken from the mapping."""
        client = make(ENV)
        assert client.base_url == "http://env.example"
        assert (client._transport.config.api_key, client._transport.config.user_agent) == (KEY, "env/1")

    def test_process(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a mapping it is the process's environment."""
        for name, value in ENV.items():
            monkeypatch.setenv(name, value)
        assert make().base_url == "http://env.example"

    def test_empty_address(self, make: Any) -> None:
        """An empty string counts as unset."""
        client = make({"VOYANT_CLOUD_API_KEY": KEY, "VOYANT_CLOUD_API_URL": "", "VOYANT_CLOUD_USER_AGENT": ""})
        assert client.base_url == "https://api.voyant.travel"

    def test_only_the_given_mapping(self, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The process's environment does not shine through a mapping that was given."""
        monkeypatch.setenv("VOYANT_CLOUD_API_URL", "http://elsewhere.example")
        assert make({"VOYANT_CLOUD_API_KEY": KEY}).base_url == "https://api.voyant.travel"

    def test_overrides(self, make: Any) -> None:
        """Arguments win, unless they are empty."""
        client = make(ENV, base_url="http://arg.example", api_key="", user_agent=None, retries=0)
        assert client.base_url == "http://arg.example"
        assert client._transport.config.api_key == KEY
        assert client._transport.config.retries.retries == 0

    @pytest.mark.parametrize("env", [ENV | {"VOYANT_CLOUD_API_URL": "nowhere"}, ENV | {"VOYANT_CLOUD_API_KEY": "a b"}])
    def test_wrong_setting(self, make: Any, env: dict[str, str]) -> None:
        """A setting that is there and wrong is an error, whoever asks."""
        with pytest.raises(VoyantConfigError):
            make(env)


@pytest.mark.parametrize("env", [{}, {"VOYANT_CLOUD_API_KEY": ""}])
def test_no_key(env: dict[str, str]) -> None:
    """Without a key, one raises and says which variable, the other returns None."""
    with pytest.raises(VoyantConfigError, match="api_key: is missing; pass api_key=… or set VOYANT_CLOUD_API_KEY"):
        get_voyant_cloud_client(env)
    assert try_get_voyant_cloud_client(env) is None
