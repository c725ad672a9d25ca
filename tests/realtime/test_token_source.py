"""Token sources: fixed or renewed, asked no more often than needed, and never shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
from collections.abc import Callable
from concurrent.futures import wait
from typing import Any

import pytest

from tests.fake_realtime import PATIENCE
from voyant_cloud.errors import VoyantConfigError, VoyantTransportError, VoyantValidationError, api_error
from voyant_cloud.models import RealtimeTokenSummary
from voyant_cloud.realtime.own_threads import OwnThreads
from voyant_cloud.realtime.token_source import TokenSource, TokenUnavailableError, check_token

NOW = 1_764_000_000.0


def summary(number: int, lifetime: float, now: float = NOW) -> RealtimeTokenSummary:
    return RealtimeTokenSummary(token=f"rtok_{number}", expires_at=dt.datetime.fromtimestamp(now + lifetime, dt.UTC))


def source_of(token: Any, *, chance: float = 0.0) -> TokenSource:
    return TokenSource(token, chance=lambda: chance, defer=OwnThreads().defer)


class Minter:
    """Gives numbered tokens and counts them."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.calls = 0
        self._make = make

    def __call__(self) -> Any:
        self.calls += 1
        return self._make(self.calls)


def renew(source: TokenSource, now: float) -> bool:
    source.start_renewal()
    assert source._renewal is not None
    wait([source._renewal], PATIENCE)
    return source.renewed(now)


def raising(error: BaseException) -> TokenSource:
    def provide() -> str:
        raise error

    return source_of(provide)


# Fixed tokens


@pytest.mark.parametrize("token", ["rtok_1", summary(1, 60)])
def test_a_fixed_token_is_always_the_same(token: Any) -> None:
    """There is no other, so it is not even dropped when it was refused."""
    source = source_of(token)
    assert not source.renewable
    assert source.token_for_connect(NOW) == "rtok_1"
    source.discard()
    assert source.token_for_connect(NOW + 9999) == "rtok_1"
    assert source.renewal_in(NOW + 9999) == math.inf


# Callables


def test_a_plain_string_is_asked_for_before_each_connect() -> None:
    """Nothing is known of its expiry."""
    minter = Minter(lambda number: f"rtok_{number}")
    source = source_of(minter)
    assert [source.token_for_connect(NOW) for _ in range(3)] == ["rtok_1", "rtok_2", "rtok_3"]
    assert source.renewal_in(NOW) == math.inf


def test_a_known_expiry_is_used_up_to_its_margin() -> None:
    """A token of an hour is good until 30 s before its end."""
    minter = Minter(lambda number: summary(number, 3600 * number))
    source = source_of(minter)
    assert source.token_for_connect(NOW) == "rtok_1"
    assert source.token_for_connect(NOW + 3569) == "rtok_1"
    assert source.renewal_in(NOW + 3569) == pytest.approx(1.0)
    assert source.token_for_connect(NOW + 3570) == "rtok_2"
    assert minter.calls == 2


@pytest.mark.parametrize(
    ("lifetime", "chance", "margin"), [(3600, 0.0, 30), (3600, 1.0, 45), (100, 0.0, 10), (100, 1.0, 15)]
)
def test_the_margin_is_a_tenth_and_at_most_thirty_seconds(lifetime: float, chance: float, margin: float) -> None:
    """With jitter on top, so that many clients do not renew together."""
    source = source_of(Minter(lambda number: summary(number, lifetime)), chance=chance)
    source.token_for_connect(NOW)
    assert source.renewal_in(NOW) == pytest.approx(lifetime - margin)


@pytest.mark.parametrize("lifetime", [-3600, 0, 1.9])
def test_an_expiry_that_cannot_be_right_counts_as_unknown(lifetime: float) -> None:
    """A clock that goes wrong must not make the channel renew without end."""
    minter = Minter(lambda number: summary(number, lifetime))
    source = source_of(minter)
    assert source.token_for_connect(NOW) == "rtok_1"
    assert source.renewal_in(NOW) == math.inf
    assert source.token_for_connect(NOW) == "rtok_2"


def test_a_refused_token_is_not_used_again() -> None:
    """Whatever its expiry says, the service knows better."""
    source = source_of(Minter(lambda number: summary(number, 3600)))
    source.token_for_connect(NOW)
    source.discard()
    assert source.token_for_connect(NOW) == "rtok_2"


# Renewal


@pytest.mark.parametrize("make", [lambda number: f"rtok_{number}", lambda number: summary(number, 3600)])
def test_a_renewed_token_is_the_one_to_connect_with(make: Callable[[int], Any]) -> None:
    """It was asked for ahead of the connect, which asks no second time."""
    minter = Minter(make)
    source = source_of(minter)
    source.token_for_connect(NOW)
    assert renew(source, NOW + 1)
    assert source.token_for_connect(NOW + 2) == "rtok_2"
    assert minter.calls == 2


def test_a_callable_that_keeps_its_tokens_is_asked_again_later() -> None:
    """The same token is no reason to connect anew; half of what is left is waited."""
    source = source_of(Minter(lambda _: summary(1, 100)))
    source.token_for_connect(NOW)
    assert not renew(source, NOW + 90)
    assert source.renewal_in(NOW + 90) == pytest.approx(5.0)


def test_a_callable_that_keeps_a_plain_token_is_left_alone() -> None:
    """Nothing is known of its expiry, so there is no time to ask again."""
    source = source_of(lambda: "rtok_1")
    source.token_for_connect(NOW)
    assert not renew(source, NOW)
    assert source.renewal_in(NOW) == math.inf


def test_a_renewal_that_fails_is_tried_again() -> None:
    """The present token is still good, so there is no hurry and no end."""

    def provide(number: int) -> RealtimeTokenSummary:
        if number == 2:
            raise VoyantTransportError("down")
        return summary(number, 100)

    source = source_of(Minter(provide))
    source.token_for_connect(NOW)
    with pytest.raises(TokenUnavailableError) as caught:
        renew(source, NOW + 90)
    assert not caught.value.is_final
    assert source.renewal_in(NOW + 90) == pytest.approx(5.0)
    assert source.token_for_connect(NOW + 91) == "rtok_1"
    assert renew(source, NOW + 95)


def test_a_token_that_could_not_be_renewed_is_not_used_past_its_end() -> None:
    """The next connect asks anew."""

    def provide(number: int) -> RealtimeTokenSummary:
        if number == 2:
            raise VoyantTransportError("down")
        return summary(number, 100)

    source = source_of(Minter(provide), chance=1.0)
    source.token_for_connect(NOW)
    with pytest.raises(TokenUnavailableError):
        renew(source, NOW + 95)
    assert source.token_for_connect(NOW + 101) == "rtok_3"


def test_a_renewal_that_has_not_begun_is_not_waited_for() -> None:
    """The thread that would do it may be the very one that connects; it asks by itself, and nobody asks again."""
    deferred: list[Callable[[], None]] = []
    mint = Minter(lambda number: summary(number, 100))
    source = TokenSource(mint, chance=lambda: 0.0, defer=deferred.append)
    assert source.token_for_connect(NOW) == "rtok_1"
    source.start_renewal()
    assert source.token_for_connect(NOW + 101) == "rtok_2"
    deferred[0]()
    assert mint.calls == 2


def test_a_renewal_that_hangs_holds_up_nothing() -> None:
    """Until the answer comes the present token is used, up to its end; the callable is not asked a second time."""
    go_on = threading.Event()

    def provide(number: int) -> RealtimeTokenSummary:
        if number > 1:
            go_on.wait(PATIENCE)
        return summary(number, 100 * number)

    minter = Minter(provide)
    source = source_of(minter)
    source.token_for_connect(NOW)
    source.start_renewal()
    assert source.is_renewing
    assert not source.renewed(NOW + 95)
    assert source.token_for_connect(NOW + 99) == "rtok_1"
    go_on.set()
    assert source.token_for_connect(NOW + 100) == "rtok_2"
    assert not source.is_renewing
    assert minter.calls == 2


def test_a_renewal_that_is_refused_is_tried_again_at_the_next_connect() -> None:
    """The present token may work for long yet; there is no use in asking before."""

    def provide(number: int) -> RealtimeTokenSummary:
        if number == 2:
            raise api_error(status=403, code=None, message="no")
        return summary(number, 100)

    source = source_of(Minter(provide))
    source.token_for_connect(NOW)
    with pytest.raises(TokenUnavailableError):
        renew(source, NOW + 90)
    assert source.renewal_in(NOW + 99) == math.inf
    assert source.token_for_connect(NOW + 91) == "rtok_3"


def test_a_renewal_that_failed_unseen_is_no_answer_to_a_connect() -> None:
    """The connection ended in between; the connect asks for itself."""
    answers = iter(["rtok_1", OSError("down"), "rtok_3"])

    def provide() -> Any:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    source = source_of(provide)
    source.token_for_connect(NOW)
    source.start_renewal()
    assert source.token_for_connect(NOW + 1) == "rtok_3"


# Callables that fail


@pytest.mark.parametrize(
    "error",
    [
        api_error(status=401, code=None, message="no"),
        api_error(status=403, code=None, message="no"),
        VoyantConfigError("no"),
        VoyantValidationError("a.b", "no"),
        SystemExit(1),
        asyncio.CancelledError(),
    ],
)
def test_errors_that_stay_are_final(error: BaseException) -> None:
    """Asking again would end the same."""
    with pytest.raises(TokenUnavailableError) as caught:
        raising(error).token_for_connect(NOW)
    assert caught.value.is_final


@pytest.mark.parametrize("error", [OSError("down"), VoyantTransportError("down"), RuntimeError("down"), KeyError("a")])
def test_other_errors_pass(error: Exception) -> None:
    """Whatever the user's code raises is tried again; what this package raises needs no name before it."""
    said = str(error) if isinstance(error, VoyantTransportError) else f"raised {type(error).__name__}: "
    with pytest.raises(TokenUnavailableError, match=f"{said}") as caught:
        raising(error).token_for_connect(NOW)
    assert not caught.value.is_final
    assert caught.value.retry_after is None


def test_retry_after_of_the_minting_service_is_passed_on() -> None:
    """It knows when it can mint again."""
    error = api_error(status=429, code=None, message="slow down", retry_after=7.0)
    with pytest.raises(TokenUnavailableError) as caught:
        raising(error).token_for_connect(NOW)
    assert (caught.value.is_final, caught.value.retry_after) == (False, 7.0)


@pytest.mark.parametrize("token", [None, "", b"rtok_1", 5, "rtok 1", "rtok_1\n", "rtok_é", "r" * 8193])
def test_garbage_is_final_and_says_what_is_needed(token: Any) -> None:
    """A callable that returns it will return it again."""
    with pytest.raises(TokenUnavailableError, match="token: the callable must return") as caught:
        source_of(lambda: token).token_for_connect(NOW)
    assert caught.value.is_final


def test_what_a_callable_says_is_redacted() -> None:
    """Its exception may show the token, the error of the channel may not."""
    with pytest.raises(TokenUnavailableError) as caught:
        raising(RuntimeError("cannot refresh rtok_secret")).token_for_connect(NOW)
    assert "rtok_secret" not in caught.value.problem
    assert caught.value.__suppress_context__


# What a token is


def test_an_api_key_is_no_token() -> None:
    """It would travel in a URL, and a browser could be given it; the error does not show it."""
    with pytest.raises(VoyantConfigError, match="got an API key") as caught:
        check_token("vck_secret", "token: must be")
    assert "secret" not in str(caught.value)


def test_a_bad_token_is_not_shown() -> None:
    """An error message ends up in logs."""
    with pytest.raises(VoyantConfigError) as caught:
        check_token("rtok_secret\n", "token: must be")
    assert "secret" not in str(caught.value)
