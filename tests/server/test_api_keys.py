"""API keys and what they may do."""

from __future__ import annotations

import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.api_keys import SCOPES, ApiKeys, generate_api_key, parse_api_key

KEY = "vck_0123456789abcdef"


def test_a_key_without_scopes_has_all() -> None:
    """``KEY`` alone may do everything."""
    assert parse_api_key(KEY).scopes == SCOPES


def test_a_key_has_the_scopes_it_is_given() -> None:
    """``KEY:scope,scope`` may do just that, though scopes hold colons themselves."""
    assert parse_api_key(f"{KEY}:realtime:publish,realtime:tokens").scopes == {"realtime:publish", "realtime:tokens"}


@pytest.mark.parametrize(
    "text", ["", "short", "x" * 201, "with space in the key", "schlüssel-schlüssel", KEY + "\n\nx"]
)
def test_misshapen_keys_are_refused_without_being_shown(text: str) -> None:
    """A key of the wrong shape names its length only."""
    with pytest.raises(VoyantConfigError, match=r"characters was given") as refused:
        parse_api_key(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("scopes", ["", "publish", "realtime:publish,", "realtime:all", "rest-of-a-secret"])
def test_unknown_scopes_are_refused(scopes: str) -> None:
    """The key is named by its number beside the known scopes; what is behind a colon may be secret, too."""
    with pytest.raises(VoyantConfigError, match=r"key number 2 has .* known are realtime:publish") as refused:
        parse_api_key(f"{KEY}:{scopes}", 2)
    assert KEY not in str(refused.value)
    assert "rest-of" not in str(refused.value)


def test_keys_are_found_by_their_text_only() -> None:
    """The right key is found; any other text, ASCII or not, is not."""
    keys = ApiKeys([parse_api_key(KEY)])
    assert keys.find(KEY) is not None
    for other in ("", KEY[:-1], KEY + "x", KEY.upper(), "clé", "\udcff"):
        assert keys.find(other) is None


def test_keys_are_not_kept() -> None:
    """Neither the key nor its digest shows in a repr."""
    key = parse_api_key(KEY)
    assert KEY not in repr(key)
    assert key.name not in repr(key)


def test_made_up_keys_are_long_and_differ() -> None:
    """A generated key is taken, and no two are alike."""
    made = {generate_api_key() for _ in range(50)}
    assert len(made) == 50
    assert all(parse_api_key(key).scopes == SCOPES for key in made)


def test_a_server_needs_a_key() -> None:
    """No key at all is a mistake in the set-up."""
    with pytest.raises(VoyantConfigError, match="at least one API key"):
        ApiKeys([])
