"""The capability helper: what it grants, and what it refuses before a service has to."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from voyant_cloud import VoyantCloudClient, VoyantValidationError
from voyant_cloud.integrations.capabilities import (
    channel_of,
    check_capabilities,
    combined,
    everything_under,
    own_channel,
    owned_objects,
)
from voyant_cloud.testing import VoyantServer

KEY = uuid.UUID("0192f3c4-7a1b-4c2d-9e8f-001122334455")


class User:
    """As frameworks have it: its text is its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


def test_own_channel() -> None:
    """A user is granted one channel, to subscribe unless told otherwise."""
    assert own_channel(42) == {"user:42": ["subscribe"]}
    assert own_channel(KEY, ["subscribe", "presence"], prefix="shop:customer") == {
        f"shop:customer:{KEY}": ["subscribe", "presence"]
    }


def test_owned_objects() -> None:
    """Each object's channel is granted, and none where there is none."""
    assert owned_objects("orders", [1, 7]) == {"orders:1": ["subscribe"], "orders:7": ["subscribe"]}
    assert owned_objects("orders", []) == {}
    assert list(owned_objects("orders", range(100))) == [channel_of("orders", number) for number in range(100)]


def test_too_many_objects() -> None:
    """More than a token holds is refused with the number of both."""
    with pytest.raises(VoyantValidationError, match=r"are more than 100, the most channels that a token holds"):
        owned_objects("orders", range(101))


def test_everything_under() -> None:
    """A prefix becomes a pattern."""
    assert everything_under("orders:eu", ["subscribe"]) == {"orders:eu:*": ["subscribe"]}


def test_combined() -> None:
    """Grants add up, also on one channel."""
    both = combined(own_channel(1), {"user:1": ["presence", "subscribe"]}, {}, everything_under("news"))
    assert both == {"user:1": ["subscribe", "presence"], "news:*": ["subscribe"]}
    assert combined() == {}


@pytest.mark.parametrize("identifiers", ["17", b"17", {1: 2}, None, 5])
def test_no_list_of_keys(identifiers: Any) -> None:
    """A single key in place of a list would grant the channels of its characters."""
    with pytest.raises(VoyantValidationError, match="identifiers: must be a list of keys"):
        owned_objects("orders", identifiers)


@pytest.mark.parametrize("identifier", [7.0, float("nan"), Decimal(7), object(), b"7", User("42"), 10**50])
def test_objects_are_no_keys(identifier: Any) -> None:
    """An object's name is no key: a user may have chosen it to be somebody else's."""
    with pytest.raises(VoyantValidationError, match="identifier: must be a key"):
        own_channel(identifier)


@pytest.mark.parametrize("identifier", ["*", "1:*", "1:2", ":", "", None, True, "a b", "é", "1\n", "x" * 200])
def test_identifiers_that_widen(identifier: Any) -> None:
    """An id that would name another channel, or many, is refused."""
    with pytest.raises(VoyantValidationError):
        own_channel(identifier)


@pytest.mark.parametrize("prefix", ["", "*", "orders:", "orders:*", ":orders", "a::b", None, "orders\n"])
def test_prefixes_that_are_none(prefix: Any) -> None:
    """So is a prefix that is not the first part of a channel."""
    for grant in (lambda: everything_under(prefix), lambda: owned_objects(prefix, [])):
        with pytest.raises(VoyantValidationError, match="prefix"):
            grant()


@pytest.mark.parametrize(
    "capabilities",
    [{"orders*": ["subscribe"]}, {"*:eu": ["subscribe"]}, {"a": []}, {"a": ["read"]}, {}, {"a": "subscribe"}],
)
def test_wrong_capabilities(capabilities: Any) -> None:
    """Wildcards anywhere else, unknown verbs and empty grants are refused."""
    with pytest.raises(VoyantValidationError):
        check_capabilities(capabilities)


def test_the_service_takes_them(server: VoyantServer) -> None:
    """A token can be had for what the helper makes."""
    granted = combined(own_channel("a.b@c=d-e_f,g;h"), owned_objects("orders", [1, KEY]), everything_under("news"))
    with VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client:
        assert client.realtime.tokens.mint(client_id="42", capabilities=granted).token
