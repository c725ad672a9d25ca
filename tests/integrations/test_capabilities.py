"""The capability helper: what it grants, and what it refuses before a service has to."""

from __future__ import annotations

import uuid
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
    with pytest.raises(VoyantValidationError, match=r"are 101, and a token holds at most 100"):
        owned_objects("orders", range(101))


def test_everything_under() -> None:
    """A prefix becomes a pattern."""
    assert everything_under("orders:eu", ["subscribe"]) == {"orders:eu:*": ["subscribe"]}


def test_combined() -> None:
    """Grants add up, also on one channel."""
    both = combined(own_channel(1), {"user:1": ["presence", "subscribe"]}, {}, everything_under("news"))
    assert both == {"user:1": ["subscribe", "presence"], "news:*": ["subscribe"]}
    assert combined() == {}


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
