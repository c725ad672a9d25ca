"""The recovery: what follows each way in which a connection ends."""

from __future__ import annotations

from typing import Any

import pytest

from voyant_cloud.errors import RealtimeAuthError, RealtimeClosedError, RealtimeError, api_error
from voyant_cloud.realtime.recovery import LONGEST_DELAY, PROVED_AFTER, Recovery, Verdict

RESUMED = [1000, 1001, 1005, 1006, 1011, 1013, 1014, 3000, 4000, 4001, 4008, 4010, 4100, 4400, 4499]
REFUSED = [1003, 1008, 4500, 4777, 4999]
MALFORMED = [1002, 1007, 1009]


def new_recovery(*, reconnect: bool = True, renewable: bool = True, chance: float = 1.0) -> Recovery:
    return Recovery(reconnect=reconnect, renewable=renewable, chance=lambda: chance)


def http(status: int, retry_after: float | None = None) -> Any:
    return api_error(status=status, code=None, message="says the service", retry_after=retry_after)


def close_after(recovery: Recovery, code: int, *, alive: float, reason: str = "") -> Verdict:
    """Let a connection live for some seconds, then end it."""
    recovery.went_live(100.0)
    return recovery.closed(code, reason, 100.0 + alive)


# The table of close codes


@pytest.mark.parametrize("code", RESUMED)
def test_codes_that_resume(code: int) -> None:
    """They back off and try again, for ever."""
    recovery = new_recovery()
    verdicts = [recovery.closed(code, "", 0.0) for _ in range(7)]
    assert [verdict.delay for verdict in verdicts] == [1, 2, 4, 8, 16, 30, 30]
    assert not any(verdict.error or verdict.new_token for verdict in verdicts)


@pytest.mark.parametrize("code", REFUSED)
def test_codes_that_refuse(code: int) -> None:
    """Another attempt would end the same, so the first stops the channel, with the service's words."""
    error = close_after(new_recovery(), code, alive=99, reason="not you").error
    assert type(error) is RealtimeError
    assert str(error) == f"the connection ended: {code} not you"


@pytest.mark.parametrize("code", MALFORMED)
def test_codes_of_a_protocol_error(code: int) -> None:
    """They back off twice; the third in a row stops the channel."""
    recovery = new_recovery()
    assert [recovery.closed(code, "", 0.0).delay for _ in range(2)] == [1, 2]
    assert isinstance(recovery.closed(code, "", 0.0).error, RealtimeError)


def test_protocol_errors_count_only_in_a_row() -> None:
    """Another end between them, or a connection that proved itself, starts the count again."""
    recovery = new_recovery()
    for code in (1002, 1009, 1006, 1007, 1002):
        assert recovery.closed(code, "", 0.0).error is None
    assert close_after(recovery, 1009, alive=PROVED_AFTER).error is None
    assert recovery.closed(1009, "", 0.0).error is None


def test_draining_service_names_the_delay() -> None:
    """1012: after the delay in the reason, plus jitter."""
    assert close_after(new_recovery(chance=0.0), 1012, alive=60, reason="retry-after=7.5").delay == 7.5
    assert close_after(new_recovery(chance=1.0), 1012, alive=60, reason="bye, retry-after=0.5").delay == 1.5


@pytest.mark.parametrize("reason", ["", "restarting", "retry-after=", "retry-after=soon", "retry-after=-1"])
def test_draining_service_that_names_none(reason: str) -> None:
    """1012 without a delay that can be read is like any other end."""
    assert close_after(new_recovery(), 1012, alive=60, reason=reason).delay == 1.0


def test_draining_service_that_drains_at_once() -> None:
    """A service that sends everybody away as they come is not hammered, whatever delay it names."""
    recovery = new_recovery()
    delays = [recovery.closed(1012, "retry-after=0", 0.0).delay for _ in range(4)]
    assert delays == [1, 2, 4, 8]


def test_nobody_is_sent_away_for_days() -> None:
    """A delay that must be a mistake is cut."""
    assert close_after(new_recovery(chance=0.0), 1012, alive=60, reason="retry-after=999999").delay == LONGEST_DELAY


def test_abuse_waits_for_half_a_minute() -> None:
    """4429: at least 30 s, even where the backoff is at its start."""
    assert close_after(new_recovery(chance=0.0), 4429, alive=60).delay == 30.0
    assert close_after(new_recovery(chance=1.0), 4429, alive=60).delay == 31.0


@pytest.mark.parametrize("code", [4401, 4403])
def test_a_refused_token_is_replaced_once(code: int) -> None:
    """With a callable: a new token at once; if that is refused, too, the end."""
    recovery = new_recovery()
    assert close_after(recovery, code, alive=3600) == Verdict(new_token=True)
    error = close_after(recovery, code, alive=1, reason="expired").error
    assert isinstance(error, RealtimeAuthError)
    assert f"{code} expired; so was the token before" in str(error)


@pytest.mark.parametrize("code", [4401, 4403])
def test_a_refused_fixed_token_is_the_end(code: int) -> None:
    """With a fixed token there is nothing to try; the error says what to do."""
    error = close_after(new_recovery(renewable=False), code, alive=3600).error
    assert isinstance(error, RealtimeAuthError)
    assert "pass a callable" in str(error)


def test_a_token_may_be_refused_again_later() -> None:
    """A connection that proved itself with the new token starts the count again."""
    recovery = new_recovery()
    for _ in range(5):
        assert close_after(recovery, 4401, alive=3600) == Verdict(new_token=True)


# Backoff is reset by proof alone


def test_backoff_is_not_reset_by_an_open_socket() -> None:
    """Accept, `connected`, close, over and over: the delays grow all the same."""
    recovery = new_recovery()
    delays = [close_after(recovery, 1006, alive=PROVED_AFTER - 0.1).delay for _ in range(6)]
    assert delays == [1, 2, 4, 8, 16, 30]


def test_backoff_is_reset_by_a_connection_that_lasted() -> None:
    """After 10 s alive the next trouble is a new one."""
    recovery = new_recovery()
    for _ in range(5):
        recovery.unreachable("refused")
    assert close_after(recovery, 1006, alive=PROVED_AFTER).delay == 1.0


def test_the_proof_is_used_up() -> None:
    """An attempt that fails after a good connection does not count as good itself."""
    recovery = new_recovery()
    close_after(recovery, 1006, alive=60)
    assert recovery.closed(1006, "", 9999.0).delay == 2.0


# Refused and failed connects


@pytest.mark.parametrize("status", [401, 403])
def test_http_401_and_403_ask_for_a_token_once(status: int) -> None:
    """The callable is asked once more; then the error has the service's words and the status."""
    recovery = new_recovery()
    assert recovery.refused(http(status)) == Verdict(new_token=True)
    error = recovery.refused(http(status)).error
    assert isinstance(error, RealtimeAuthError)
    assert f"{status}" in str(error)
    assert "says the service" in str(error)


@pytest.mark.parametrize("status", [401, 403])
def test_http_401_and_403_with_a_fixed_token(status: int) -> None:
    """One clear error, no second attempt."""
    assert isinstance(new_recovery(renewable=False).refused(http(status)).error, RealtimeAuthError)


@pytest.mark.parametrize("status", [400, 404, 405, 410, 414])
def test_http_errors_of_the_request_stop(status: int) -> None:
    """The same request would get the same answer."""
    error = new_recovery().refused(http(status)).error
    assert type(error) is RealtimeError
    assert "says the service" in str(error)


@pytest.mark.parametrize("status", [200, 301, 302, 408, 425, 429, 500, 502, 503, 504, 520])
def test_other_http_answers_back_off(status: int) -> None:
    """They pass, sooner or later."""
    recovery = new_recovery()
    assert [recovery.refused(http(status)).delay for _ in range(3)] == [1, 2, 4]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(status: int) -> None:
    """The service is not asked before it wants to be; the backoff may say later still."""
    recovery = new_recovery(chance=0.0)
    assert recovery.refused(http(status, retry_after=12.0)).delay == 12.0
    assert recovery.refused(http(status, retry_after=0.0)).delay == 1.0
    assert recovery.refused(http(status, retry_after=86_400.0)).delay == LONGEST_DELAY


def test_an_unreachable_service_is_tried_for_ever() -> None:
    """A network that is down is no reason to stop."""
    recovery = new_recovery()
    assert [recovery.unreachable("refused").delay for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_lasting_problem_stops_what_never_worked() -> None:
    """A certificate that was never trusted is a wrong setting; one that was is the service's to repair."""
    error = new_recovery().unreachable("not trusted", is_lasting=True).error
    assert error is not None
    assert error.code == "unreachable"
    recovery = new_recovery()
    close_after(recovery, 1006, alive=60)
    assert recovery.unreachable("not trusted", is_lasting=True).error is None


# Tokens


def test_no_token_for_now_backs_off() -> None:
    """The service that mints tokens may be down for a while, and may say for how long."""
    recovery = new_recovery(chance=0.0)
    assert recovery.without_token("down", is_final=False).delay == 0.5
    assert recovery.without_token("busy", is_final=False, retry_after=9.0).delay == 9.0


def test_no_token_at_all_is_the_end() -> None:
    """Its words are the error's."""
    error = new_recovery().without_token("401 unauthorized", is_final=True).error
    assert isinstance(error, RealtimeAuthError)
    assert str(error) == "no token: 401 unauthorized"


def test_a_planned_renewal_does_not_wait() -> None:
    """It comes after a good connection and needs no backoff."""
    recovery = new_recovery()
    recovery.went_live(0.0)
    assert recovery.planned(3600.0) == Verdict(delay=0.0)


def test_renewals_are_at_least_a_second_apart() -> None:
    """A service that finds every token about to expire is not hammered."""
    recovery = new_recovery()
    recovery.went_live(0.0)
    assert recovery.planned(0.25).delay == 0.75


# Without reconnects


def test_without_reconnect_every_end_is_final() -> None:
    """reconnect=False: the first end of the connection is the channel's, however it came about."""
    recovery = new_recovery(reconnect=False)
    verdicts = [
        recovery.closed(1006, "lost", 0.0),
        recovery.closed(1012, "retry-after=1", 0.0),
        recovery.unreachable("refused"),
        recovery.refused(http(503)),
        recovery.without_token("down", is_final=False),
    ]
    assert [type(verdict.error) for verdict in verdicts] == [RealtimeClosedError] * 5
    assert str(verdicts[0].error) == "the connection ended: 1006 lost"


def test_without_reconnect_a_refused_token_is_an_auth_error() -> None:
    """No second token is asked for, and the error says that none was tried."""
    error = new_recovery(reconnect=False).refused(http(401)).error
    assert isinstance(error, RealtimeAuthError)
    assert "token before" not in str(error)
