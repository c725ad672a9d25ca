"""Where a channel's tokens come from: one fixed token, or a callable that gives a new one when it is needed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from voyant_cloud.errors import (
    ForbiddenError,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantError,
    VoyantValidationError,
)
from voyant_cloud.models import RealtimeTokenSummary
from voyant_cloud.realtime.steps import Call
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
    callable that gives those is asked before each connect. One thread at a time uses it. The callable runs on that
    thread for a connect, and on another for a renewal; never on both at a time.

    Args:
        token: a token, or a callable that returns one. What is fixed was checked already.
        chance: gives a number from 0 to 1, such as ``random.random``.
        defer: calls what it is given on another thread, now or somewhat later.
    """

    def __init__(
        self, token: Token | TokenProvider, *, chance: Callable[[], float], defer: Callable[[Call], None]
    ) -> None:
        self._provider = token if callable(token) else None
        self._fixed = None if callable(token) else _text_of(token)
        self._chance = chance
        self._defer = defer
        self._token: str | None = None
        self._expires_at: float | None = None
        self._renew_at: float | None = None
        self._is_unused = False
        self._renewal: Future[Token] | None = None

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
            self._accept(self._next_token(), now)
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

    @property
    def is_renewing(self) -> bool:
        """Whether a renewal was started whose answer was not taken yet."""
        return self._renewal is not None

    def start_renewal(self) -> None:
        """Ask for a newer token, to connect with next; ``renewed`` takes the answer."""
        assert self._renewal is None
        # Until the answer comes, the present token is good to its end.
        self._renew_at = self._expires_at
        renewal = self._renewal = Future()
        self._defer(partial(self._ask_for, renewal))

    def renewed(self, now: float) -> bool:
        """Take the answer to ``start_renewal``, if it is there.

        Args:
            now: seconds since 1970.

        Returns:
            Whether there is another token now.

        Raises:
            TokenUnavailableError: the callable gave none. It is asked again some seconds later, or if that would end
                the same, at the next connect.
        """
        renewal = self._renewal
        if renewal is None or not renewal.done():
            return False
        self._renewal = None
        before = self._token
        try:
            self._accept(renewal.result(), now)
        except TokenUnavailableError as error:
            self._renew_at = None if error.is_final else now + _RETRY_RENEWAL * (1 + self._chance())
            raise
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

    def _next_token(self) -> Token:
        """Return the answer to a renewal, waiting for it, or ask now."""
        renewal, self._renewal = self._renewal, None
        # One that has not begun may wait for this very thread.
        if renewal is not None and not renewal.cancel() and renewal.exception() is None:
            return renewal.result()
        return self._ask()

    def _ask_for(self, renewal: Future[Token]) -> None:
        if not renewal.set_running_or_notify_cancel():
            return
        try:
            renewal.set_result(self._ask())
        except BaseException as error:  # noqa: BLE001 - whoever takes the answer gets it
            renewal.set_exception(error)

    def _ask(self) -> Token:
        assert self._provider is not None
        # Nothing is chained: what the callable raises may show what it holds.
        try:
            given = self._provider()
        except BaseException as error:  # noqa: BLE001 - it is the user's, and may raise anything
            # What this package raises says by itself what went wrong, most often where the SDK mints tokens.
            raised = "" if isinstance(error, VoyantError) else f"the token callable raised {type(error).__name__}: "
            problem = redact(f"{raised}{error}")
            retry_after = error.retry_after if isinstance(error, VoyantApiError) else None
            # What is no Exception, such as SystemExit, asks for an end.
            is_final = isinstance(error, _FINAL) or not isinstance(error, Exception)
            raise TokenUnavailableError(problem, is_final=is_final, retry_after=retry_after) from None
        try:
            return check_token(given, "token: the callable must return")
        except VoyantConfigError as error:
            raise TokenUnavailableError(str(error), is_final=True) from None

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
