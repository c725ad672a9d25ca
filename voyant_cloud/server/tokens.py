"""Client tokens: ``rtok_`` and a JWT signed with HS256, minted and checked with one key ring."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
import jwt

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.refusal import Refusal

__all__ = [
    "LEEWAY",
    "MAX_TOKEN_CHARS",
    "ClientToken",
    "KeyRing",
    "SigningKey",
    "TokenRefusedError",
    "Tokens",
    "new_signing_key",
]

MAX_TOKEN_CHARS: Final = 4_096
"""A token travels in the request line, which HTTP servers cut at about 8,000 characters."""
MAX_LIFETIME: Final = 86_400
LEEWAY: Final = 30
_PREFIX: Final = "rtok_"
_ISSUER: Final = "voyant-cloud"
_AUDIENCE: Final = "voyant-realtime"
_CLAIMS: Final = ["iss", "aud", "sub", "cap", "iat", "exp", "jti"]
_MIN_SECRET: Final = 32
_MAX_PATTERNS: Final = 100


class TokenRefusedError(Exception):
    """The token is not valid. It says no more, so that nobody can learn from it."""


@attrs.frozen
class SigningKey:
    """A secret with the name that tokens carry.

    Attributes:
        kid: the key's id.
        secret: 32 bytes or more.
    """

    kid: str
    secret: bytes = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        if len(self.secret) < _MIN_SECRET:
            problem = f"is {len(self.secret)} bytes, at least {_MIN_SECRET} are required"
            raise VoyantConfigError(f"signing key {self.kid}: {problem}")


def new_signing_key() -> SigningKey:
    """Make a random key."""
    return SigningKey(secrets.token_hex(4), secrets.token_bytes(_MIN_SECRET))


@attrs.frozen
class KeyRing:
    """The first key signs; all of them verify, so that keys can be changed while tokens live."""

    keys: Sequence[SigningKey]

    @property
    def signing(self) -> SigningKey:
        """The key that signs."""
        return self.keys[0]

    def find(self, kid: object) -> SigningKey | None:
        """Return the key of that id."""
        return next((key for key in self.keys if key.kid == kid), None)


@attrs.frozen
class ClientToken:
    """What a valid token says.

    Attributes:
        client_id: whom it is for.
        capabilities: what it grants, by channel name or pattern.
        expires_at: when it stops working, in seconds since 1970.
    """

    client_id: str
    capabilities: Mapping[str, Sequence[str]]
    expires_at: int


class Tokens:
    """Mints and checks client tokens.

    Attributes:
        ring: the keys with which it does.
    """

    def __init__(self, ring: KeyRing, clock: Callable[[], float]) -> None:
        self.ring = ring
        self._clock = clock

    def mint(self, client_id: str, capabilities: Mapping[str, Sequence[str]], ttl_seconds: int) -> tuple[str, int]:
        """Make a token.

        Args:
            client_id: whom it is for.
            capabilities: what it grants, by channel name or pattern.
            ttl_seconds: how long it lives, 1 to 86,400.

        Returns:
            The token and when it expires, in seconds since 1970.

        Raises:
            Refusal: the capabilities make a token of more than 4,096 characters.
        """
        now = int(self._clock())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": client_id,
            "cap": {pattern: [str(verb) for verb in verbs] for pattern, verbs in capabilities.items()},
            "iat": now,
            "exp": now + ttl_seconds,
            "jti": secrets.token_hex(8),
        }
        key = self.ring.signing
        token = _PREFIX + jwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": key.kid})
        if len(token) > MAX_TOKEN_CHARS:
            problem = f"make a token of {len(token)} characters, at most {MAX_TOKEN_CHARS} are allowed"
            raise Refusal("invalid_request", f"capabilities: {problem}; grant fewer or shorter patterns")
        return token, now + ttl_seconds

    def check(self, token: str) -> ClientToken:
        """Read a token.

        Raises:
            TokenRefusedError: it is too long, not ours, changed, expired, or made for something else.
        """
        if len(token) > MAX_TOKEN_CHARS or not token.startswith(_PREFIX):
            raise TokenRefusedError
        try:
            claims = self._verified(token.removeprefix(_PREFIX))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise TokenRefusedError from None
        return self._bounded(claims)

    def _verified(self, text: str) -> dict[str, Any]:
        key = self.ring.find(jwt.get_unverified_header(text).get("kid"))
        if key is None:
            raise TokenRefusedError
        # Times are checked in _bounded, against this server's clock and as integers only.
        options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}
        claims: dict[str, Any] = jwt.decode(
            text, key.secret, algorithms=["HS256"], audience=_AUDIENCE, issuer=_ISSUER, options=options
        )
        return claims

    def _bounded(self, claims: dict[str, Any]) -> ClientToken:
        now = self._clock()
        issued, expires = claims["iat"], claims["exp"]
        sound = (
            type(issued) is int
            and type(expires) is int
            and issued <= now + LEEWAY
            and now <= expires + LEEWAY
            and 0 < expires - issued <= MAX_LIFETIME
            and isinstance(claims["sub"], str)
            and _is_capabilities(claims["cap"])
        )
        if not sound:
            raise TokenRefusedError
        return ClientToken(claims["sub"], claims["cap"], expires)


def _is_capabilities(value: object) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_PATTERNS
        and all(isinstance(verbs, list) and all(isinstance(verb, str) for verb in verbs) for verbs in value.values())
    )
