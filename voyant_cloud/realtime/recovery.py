"""What follows when a connection ends or cannot be made: how long to wait, a new token, or the end. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

import attrs

from voyant_cloud.errors import RealtimeAuthError, RealtimeClosedError, RealtimeError, VoyantApiError
from voyant_cloud.realtime.backoff import Backoff
from voyant_cloud.realtime.frames import CloseCode

__all__ = ["LONGEST_DELAY", "PROVED_AFTER", "Fate", "Recovery", "Verdict", "fate_of"]

PROVED_AFTER: Final = 10.0
"""Seconds that a connection must be live before the failures that preceded it are forgotten."""
LONGEST_DELAY: Final = 300.0
"""The most seconds that the service is believed when it asks to come back later."""

_ABUSE_DELAY: Final = 30.0
_JITTER: Final = 1.0
_MALFORMED_IN_A_ROW: Final = 3
_RENEWAL_INTERVAL: Final = 1.0
_RETRY_AFTER: Final = re.compile(r"\bretry-after=(\d{1,9}(?:\.\d{1,9})?)")
_PASSING_REFUSALS: Final = frozenset({408, 425, 429})


class Fate(Enum):
    """What a close code says about the next connection."""

    RESUME = "resume"
    RESTARTING = "restarting"
    """Resume after the delay that the reason names."""
    MALFORMED = "malformed"
    """One side does not understand the other; after a few times in a row it never will."""
    REFUSED = "refused"
    TOKEN_REFUSED = "token refused"  # noqa: S105 - a word, no secret
    ABUSE = "abuse"


_FATES: Final = {
    CloseCode.SERVICE_RESTART: Fate.RESTARTING,
    CloseCode.PROTOCOL_ERROR: Fate.MALFORMED,
    CloseCode.INVALID_UTF8: Fate.MALFORMED,
    CloseCode.TOO_BIG: Fate.MALFORMED,
    CloseCode.UNSUPPORTED_DATA: Fate.REFUSED,
    CloseCode.POLICY_VIOLATION: Fate.REFUSED,
    CloseCode.TOKEN_EXPIRED: Fate.TOKEN_REFUSED,
    CloseCode.FORBIDDEN: Fate.TOKEN_REFUSED,
    CloseCode.ABUSE: Fate.ABUSE,
}
_TERMINAL: Final = range(4500, 5000)


def fate_of(code: int) -> Fate:
    """Return what a close code says. Codes that are not known mean ``RESUME``, but 4500 to 4999 ``REFUSED``."""
    return Fate.REFUSED if code in _TERMINAL else _FATES.get(code, Fate.RESUME)  # type: ignore[call-overload]


@attrs.frozen(kw_only=True)
class Verdict:
    """What is to follow.

    Attributes:
        delay: seconds to wait before the next attempt.
        new_token: whether that attempt needs another token than the last.
        error: why there is to be none; then the rest means nothing.
    """

    delay: float = 0.0
    new_token: bool = False
    error: RealtimeError | None = None


class Recovery:
    """Remembers how connections ended, and says what follows.

    A connection proves itself by being live for ``PROVED_AFTER`` seconds. Only that resets the backoff and the
    counters: a service which accepts and closes at once is not hammered.

    Args:
        reconnect: whether to connect again at all.
        renewable: whether another token can be had.
        chance: gives a number from 0 to 1, such as ``random.random``.
    """

    def __init__(self, *, reconnect: bool, renewable: bool, chance: Callable[[], float]) -> None:
        self._reconnect = reconnect
        self._renewable = renewable
        self._chance = chance
        self._backoff = Backoff(chance=chance)
        self._live_since: float | None = None
        self._malformed = 0
        self._token_refused = False
        self._was_live = False

    def went_live(self, now: float) -> None:
        """Note that the service said ``connected``.

        Args:
            now: the monotonic clock, in seconds.
        """
        self._live_since = now
        self._was_live = True

    def closed(self, code: int, reason: str, now: float) -> Verdict:
        """Say what follows the end of a connection.

        Args:
            code: the close code; 1006 where there was none.
            reason: the close frame's, or what happened, in words.
            now: the monotonic clock, in seconds.
        """
        proved = self._settle(now)
        fate = fate_of(code)
        self._malformed = self._malformed + 1 if fate is Fate.MALFORMED else 0
        words = f"the connection ended: {code} {reason}".rstrip()
        if fate is Fate.TOKEN_REFUSED:
            return self._token_was_refused(words, code="token_expired" if code == CloseCode.TOKEN_EXPIRED else None)
        if fate is Fate.REFUSED or self._malformed >= _MALFORMED_IN_A_ROW:
            return _stop(words, code=str(code))
        if not self._reconnect:
            return Verdict(error=RealtimeClosedError(words))
        return Verdict(delay=self._delay_after(fate, reason, proved))

    def refused(self, error: VoyantApiError) -> Verdict:
        """Say what follows when the service answers the connect with an HTTP status.

        Args:
            error: the answer.
        """
        words = f"the service refused the connection: {error}"
        if error.status in (401, 403):
            return self._token_was_refused(words, code=error.code)
        if 400 <= error.status < 500 and error.status not in _PASSING_REFUSALS:
            return _stop(words, code=error.code)
        return self._again(words, at_least=error.retry_after)

    def unreachable(self, problem: str, *, is_lasting: bool = False) -> Verdict:
        """Say what follows when no connection was had.

        Args:
            problem: why, in words.
            is_lasting: whether another attempt would most likely end the same, as with a certificate that is not
                trusted. After the channel was live, even that is tried again: the service can repair it.
        """
        words = f"no connection: {problem}"
        return _stop(words, code="unreachable") if is_lasting and not self._was_live else self._again(words)

    def without_token(self, problem: str, *, is_final: bool, retry_after: float | None = None) -> Verdict:
        """Say what follows when no token was had.

        Args:
            problem: why, in words.
            is_final: whether another attempt would end the same.
            retry_after: seconds that the service which mints tokens asked to wait, or ``None``.
        """
        words = f"no token: {problem}"
        if is_final:
            return Verdict(error=RealtimeAuthError(words, code="no_token"))
        return self._again(words, at_least=retry_after)

    def planned(self, now: float) -> Verdict:
        """Say what follows a connection that was given up for one with a newer token.

        Args:
            now: the monotonic clock, in seconds.
        """
        alive = now - self._live_since if self._live_since is not None else 0.0
        self._settle(now)
        # Whatever a service says of its tokens, it is not connected to more often than this.
        return Verdict(delay=max(0.0, _RENEWAL_INTERVAL - alive))

    def _settle(self, now: float) -> bool:
        proved = self._live_since is not None and now - self._live_since >= PROVED_AFTER
        self._live_since = None
        if proved:
            self._backoff.reset()
            self._malformed = 0
            self._token_refused = False
        return proved

    def _token_was_refused(self, words: str, *, code: str | None) -> Verdict:
        if not self._renewable:
            hint = "; pass a callable that returns tokens to have them renewed"
            return Verdict(error=RealtimeAuthError(words + hint, code=code))
        if self._token_refused:
            return Verdict(error=RealtimeAuthError(f"{words}; so was the token before", code=code))
        if not self._reconnect:
            return Verdict(error=RealtimeAuthError(words, code=code))
        self._token_refused = True
        return Verdict(new_token=True)

    def _again(self, words: str, *, at_least: float | None = None) -> Verdict:
        if not self._reconnect:
            return Verdict(error=RealtimeClosedError(words))
        return Verdict(delay=max(self._backoff.next_delay(), self._asked(at_least)))

    def _delay_after(self, fate: Fate, reason: str, proved: bool) -> float:
        delay = self._backoff.next_delay()
        if fate is Fate.ABUSE:
            return max(delay, _ABUSE_DELAY + self._chance() * _JITTER)
        named = _RETRY_AFTER.search(reason) if fate is Fate.RESTARTING else None
        if named is None:
            return delay
        asked = self._asked(float(named[1]))
        return asked if proved else max(asked, delay)

    def _asked(self, seconds: float | None) -> float:
        return 0.0 if seconds is None else min(seconds, LONGEST_DELAY) + self._chance() * _JITTER


def _stop(words: str, *, code: str) -> Verdict:
    return Verdict(error=RealtimeError(words, code=code))
