"""API keys: kept as SHA-256, compared in constant time, each with its scopes; pure."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

import attrs

from voyant_cloud.errors import VoyantConfigError

__all__ = ["SCOPES", "ApiKey", "ApiKeys", "generate_api_key", "parse_api_key"]

SCOPES: Final = frozenset({"realtime:publish", "realtime:subscribe", "realtime:tokens"})
_SHAPE: Final = re.compile(r"[A-Za-z0-9._~+/=-]{16,200}", re.ASCII)


@attrs.frozen
class ApiKey:
    """What is known of an API key: never the key itself.

    Attributes:
        digest: SHA-256 of the key.
        scopes: what it may do.
    """

    digest: bytes = attrs.field(repr=False)
    scopes: frozenset[str]

    @property
    def name(self) -> str:
        """Names the key in records without telling anything about it."""
        return self.digest.hex()[:12]


class ApiKeys:
    """The keys that a server takes."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = tuple(keys)
        if not self._keys:
            raise VoyantConfigError("api_keys: at least one API key is required")

    def find(self, key: str) -> ApiKey | None:
        """Look a key up; every stored key is compared, so that the time taken tells nothing."""
        digest = _digest(key)
        found = [known for known in self._keys if hmac.compare_digest(known.digest, digest)]
        return found[0] if found else None


def parse_api_key(text: str, number: int = 1) -> ApiKey:
    """Read ``KEY`` or ``KEY:scope,scope`` as given on a command line; without scopes the key has all.

    Args:
        text: what was given.
        number: where it stands among the keys that were given, from 1; an error names it by that.

    Raises:
        VoyantConfigError: for a key of another shape or an unknown scope. Nothing of the text is shown: what looks like
            a scope may be the rest of a key that holds a colon.
    """
    key, colon, listed = text.strip().partition(":")
    if not _SHAPE.fullmatch(key):
        raise VoyantConfigError(
            f"api_keys: a key of {len(key)} characters was given, number {number}; a key has 16 to 200 of"
            " A-Z a-z 0-9 . _ ~ + / = -"
        )
    scopes = frozenset(scope.strip() for scope in listed.split(",")) if colon else SCOPES
    if not scopes <= SCOPES:
        raise VoyantConfigError(
            f"api_keys: key number {number} has a scope behind its colon that there is not; known are"
            f" {', '.join(sorted(SCOPES))}, with commas between them, and a key itself has no colon"
        )
    return ApiKey(_digest(key), scopes)


def generate_api_key() -> str:
    """Make a key that nobody can guess."""
    return "vck_" + secrets.token_urlsafe(32).replace("_", "-")


def _digest(key: str) -> bytes:
    # surrogateescape: header bytes that are no UTF-8 must compare unequal, not raise.
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
