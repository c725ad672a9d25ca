"""Where a channel's tokens come from: one fixed token, or a callable that gives a new one when it is needed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from voyant_cloud.errors import (
    ForbiddenError,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantValidationError,
)
from voyant_cloud.models import RealtimeTokenSummary
from voyant_cloud.urls import redact

__all__ = ["Token", "TokenProvider", "TokenSource", "TokenUnavailableError", "check_token"]

Token = str | RealtimeTokenSummary
TokenProvider = Callable[[], Token]

_LONGEST_MARGIN: Final = 30.0
_MARGIN_SHARE: Final = 0.1
_SHORTEST_LIFETIME: Final = 2.0
_RETRY_RENEWAL: Final = 5.0
_VISIBLE_ASCII: Final = re.compile(r"[!-~]{1,8192}")
_API_KEY_PREFIX: Final = "vck_"
# What these say does not change by asking again.
_FINAL: Final = (UnauthorizedError, ForbiddenError, VoyantConfigError, VoyantValidationError)


class TokenUnavailableError(Exception):
    """The callable gave no token.

    Attributes:
        problem: why, in words; safe to log.
        is_final: whether asking again would end the same.
        retry_after: seconds that the service asked to wait, or ``None``.
    """

    def __init__(self, problem: str, *, is_final: bool, retry_after: float | None = None) -> None:
        self.problem = problem
        self.is_final = is_final
        self.retry_after = retry_after
        super().__init__(problem)


def check_token(value: Any, what: str) -> Token:
    """Return a token that may be sent.

    Args:
        value: the token.
        what: where it is from, for the error.

    Raises:
        VoyantConfigError: it is no token; the error does not show it.
    """
    text = value.token if isinstance(value, RealtimeTokenSummary) else value
    if not isinstance(text, str):
        raise VoyantConfigError(f"{what} a str or a RealtimeTokenSummary, got {type(value).__name__}")
    if text.startswith(_API_KEY_PREFIX):
        raise VoyantConfigError(f"{what} a client token, got an API key; mint a token with it")
    if not _VISIBLE_ASCII.fullmatch(text):
        raise VoyantConfigError(f"{what} 1 to 8192 visible ASCII characters, got {len(text)} that are not all so")
    checked: Token = value
    return checked


class TokenSource:
    """Gives the token for each connect, and says when a newer one is due.

    A token whose expiry is known is used again until shortly before it. Of a plain string nothing is known, so a
    callable that gives those is asked before each connect. One thread uses it, and the callable runs on that thread.

    Args:
        token: a token, or a callable that returns one. What is fixed was checked already.
        chance: gives a number from 0 to 1, such as ``random.random``.
    """

    def __init__(self, token: Token | TokenProvider, *, chance: Callable[[], float]) -> None:
        self._provider = token if callable(token) else None
        self._fixed = None if callable(token) else _text_of(token)
        self._chance = chance
        self._token: str | None = None
        self._expires_at: float | None = None
        self._renew_at: float | None = None
        self._is_unused = False

    @property
    def renewable(self) -> bool:
        """Whether another token can be had."""
        return self._provider is not None

    def token_for_connect(self, now: float) -> str:
        """Return the token to connect with; it asks the callable where it must.

        Args:
            now: seconds since 1970.

        Raises:
            TokenUnavailableError: the callable gave none.
        """
        if self._fixed is not None:
            return self._fixed
        if self._token is None or not (self._is_unused or self._is_good_at(now)):
            self._ask(now)
        assert self._token is not None
        self._is_unused = False
        return self._token

    def discard(self) -> None:
        """Forget the present token: the service refused it."""
        self._token = self._expires_at = self._renew_at = None

    def renewal_in(self, now: float) -> float:
        """Return the seconds until the present token should be renewed: 0 or less if it is time, else possibly never.

        Args:
            now: seconds since 1970.
        """
        return math.inf if self._renew_at is None else self._renew_at - now

    def renew(self, now: float) -> bool:
        """Ask for a newer token, to connect with next.

        Args:
            now: seconds since 1970.

        Returns:
            Whether there is another one now.

        Raises:
            TokenUnavailableError: the callable gave none. It is asked again some seconds later.
        """
        before = self._token
        self._renew_at = now + _RETRY_RENEWAL * (1 + self._chance())
        self._ask(now)
        if self._token != before:
            self._is_unused = True
            return True
        # The callable keeps its tokens for longer; half of what is left is a good time to ask again.
        left = self._expires_at - now if self._expires_at is not None else 0.0
        self._renew_at = now + left / 2 if left > _SHORTEST_LIFETIME else None
        return False

    def _is_good_at(self, now: float) -> bool:
        if self._expires_at is None or self._renew_at is None:
            return False
        return now < min(self._expires_at, self._renew_at)

    def _ask(self, now: float) -> None:
        assert self._provider is not None
        # Nothing is chained: what the callable raises may show what it holds.
        try:
            given = self._provider()
        except Exception as error:  # noqa: BLE001 - it is the user's, and may raise anything
            problem = redact(f"the token callable raised {type(error).__name__}: {error}")
            retry_after = error.retry_after if isinstance(error, VoyantApiError) else None
            is_final = isinstance(error, _FINAL)
            raise TokenUnavailableError(problem, is_final=is_final, retry_after=retry_after) from None
        try:
            token = check_token(given, "token: the callable must return")
        except VoyantConfigError as error:
            raise TokenUnavailableError(str(error), is_final=True) from None
        self._accept(token, now)

    def _accept(self, token: Token, now: float) -> None:
        self._token = _text_of(token)
        self._expires_at = self._renew_at = None
        if not isinstance(token, RealtimeTokenSummary):
            return
        lifetime = token.expires_at.timestamp() - now
        # A lifetime of next to nothing is a clock that goes wrong; then the service says when the token ends.
        if lifetime >= _SHORTEST_LIFETIME:
            margin = min(_LONGEST_MARGIN, lifetime * _MARGIN_SHARE) * (1 + self._chance() / 2)
            self._expires_at = now + lifetime
            self._renew_at = self._expires_at - margin


def _text_of(token: Token) -> str:
    return token.token if isinstance(token, RealtimeTokenSummary) else token
