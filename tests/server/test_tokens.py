"""Client tokens: what is minted is taken back, and every forgery is refused alike."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.refusal import Refusal
from voyant_cloud.server.tokens import KeyRing, SigningKey, TokenRefusedError, Tokens, new_signing_key

NOW = int(time.time())
KEY = SigningKey("k1", b"0" * 32)
CAPABILITIES = {"orders:*": ["subscribe"]}
CLAIMS: dict[str, Any] = {
    "iss": "voyant-cloud",
    "aud": "voyant-realtime",
    "sub": "user_42",
    "cap": CAPABILITIES,
    "iat": NOW,
    "exp": NOW + 60,
    "jti": "1",
}


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def tokens(clock: Clock | None = None, *keys: SigningKey) -> Tokens:
    return Tokens(KeyRing(keys or (KEY,)), clock or Clock(NOW))


def forge(*, key: bytes = KEY.secret, kid: str | None = "k1", algorithm: str = "HS256", **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    headers = {"kid": kid} if kid else {}
    return "rtok_" + jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def unsigned(alg: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"rtok_{part({'alg': alg, 'typ': 'JWT', 'kid': 'k1'})}.{part(CLAIMS)}."


def test_minted_tokens_are_taken() -> None:
    """A token says whom it is for, what it grants and when it ends."""
    minted, expires = tokens().mint("user_42", CAPABILITIES, 60)
    checked = tokens().check(minted)
    assert (checked.client_id, checked.capabilities, checked.expires_at) == ("user_42", CAPABILITIES, NOW + 60)
    assert expires == NOW + 60


def test_the_forger_of_these_tests_can_make_a_good_one() -> None:
    """Without a change, what the forgeries start from is taken; so each refusal has its own cause."""
    assert tokens().check(forge()).client_id == "user_42"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rtok_",
        forge()[5:],
        forge()[:-4],
        forge() + "A" * 5_000,
        unsigned("none"),
        unsigned("None"),
        unsigned("nOnE"),
        forge(key=b"1" * 32),
        forge(kid=None),
        forge(kid="other"),
        forge(algorithm="HS512", key=KEY.secret * 2),
        forge(exp=None),
        forge(iat=None),
        forge(jti=None),
        forge(sub=None),
        forge(cap=None),
        forge(aud=None),
        forge(aud="other"),
        forge(iss="other"),
        forge(exp=1e300),
        forge(exp=True),
        forge(exp=NOW + 86_401),
        forge(exp=NOW - 31, iat=NOW - 60),
        forge(iat=NOW + 31, exp=NOW + 60),
        forge(exp=NOW, iat=NOW),
        forge(cap=["orders:*"]),
        forge(cap={"orders:*": "subscribe"}),
        forge(cap={f"c{n}": [] for n in range(101)}),
        forge(sub=5),
        "vck_not-a-token-but-an-api-key",
        "rtok_é.ü.ß",
    ],
)
def test_forgeries_are_refused_and_told_nothing(token: str) -> None:
    """Whatever is wrong with a token, the answer is the same and empty."""
    with pytest.raises(TokenRefusedError) as refused:
        tokens().check(token)
    assert str(refused.value) == ""


def test_swapped_payload_is_refused() -> None:
    """A payload under another token's signature is refused."""
    head, _, signature = forge().split(".")
    _, payload, _ = forge(sub="admin").split(".")
    with pytest.raises(TokenRefusedError):
        tokens().check(f"{head}.{payload}.{signature}")


@pytest.mark.parametrize(("apart", "taken"), [(20, True), (-20, True), (120, False), (-120, False)])
def test_clocks_may_differ_by_the_leeway(apart: int, taken: bool) -> None:
    """Clocks 20 s apart work, 120 s apart do not, in either direction."""
    minted, _ = tokens(Clock(NOW + apart)).mint("user_42", CAPABILITIES, 10 if apart < 0 else 60)
    if taken:
        assert tokens().check(minted).client_id == "user_42"
    else:
        with pytest.raises(TokenRefusedError):
            tokens().check(minted)


def test_every_key_of_the_ring_verifies_and_the_first_signs() -> None:
    """Tokens live on while the signing key changes."""
    old, new = new_signing_key(), new_signing_key()
    minted, _ = tokens(None, old).mint("user_42", CAPABILITIES, 60)
    assert tokens(None, new, old).check(minted).client_id == "user_42"
    with pytest.raises(TokenRefusedError):
        tokens(None, new).check(minted)


def test_short_secrets_are_refused_and_never_shown() -> None:
    """A secret of 31 bytes does not start a server, and no secret shows in a repr."""
    with pytest.raises(VoyantConfigError, match="is 31 bytes, at least 32"):
        SigningKey("k1", b"s" * 31)
    assert "000" not in repr(KEY)


def test_a_token_too_long_for_a_request_line_is_not_minted() -> None:
    """100 long patterns are refused when minting, with the sizes."""
    patterns = {f"{'x' * 150}{n}": ["subscribe"] for n in range(100)}
    with pytest.raises(Refusal, match=r"make a token of \d+ characters, at most 4096"):
        tokens().mint("user_42", patterns, 60)
