"""What keeps a channel connected: token, dial, read, decide what follows, wait, and again."""

from __future__ import annotations

import logging
import random
import time
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Final

import attrs

from voyant_cloud.errors import RealtimeClosedError, RealtimeError, RealtimeGapError
from voyant_cloud.realtime.connection import (
    ConnectFailedError,
    Connection,
    ConnectionEndedError,
    HandshakeRefusedError,
)
from voyant_cloud.realtime.dial import Dialer
from voyant_cloud.realtime.dispatcher import Dispatcher
from voyant_cloud.realtime.events import Event, RealtimeChannelDisconnectedEvent
from voyant_cloud.realtime.frames import CloseCode
from voyant_cloud.realtime.lifecycle import Lifecycle
from voyant_cloud.realtime.liveness import Check, Liveness
from voyant_cloud.realtime.options import RealtimeChannelOptions
from voyant_cloud.realtime.presence import PresenceWish
from voyant_cloud.realtime.recovery import Recovery, Verdict
from voyant_cloud.realtime.session import Session
from voyant_cloud.realtime.steps import Blocking, Pause, Put, Receive, Steps, Threads
from voyant_cloud.realtime.token_source import TokenSource, TokenUnavailableError
from voyant_cloud.urls import connect_url, redact

__all__ = ["LINGER", "Reader"]

LINGER: Final = 1.0
"""Seconds that the service has to answer the close of a channel."""

_BATCH: Final = 256
_STALL_PING: Final = 5.0
_RENEWAL_POLL: Final = 0.1
_LOOK_EVERY: Final = 0.05
"""Seconds between looks at clocks and token while messages keep coming: a look takes as long as a message."""

logger = logging.getLogger("voyant_cloud.realtime")


@attrs.frozen
class _End:
    """How a connection, or an attempt at one, ended, and what follows."""

    code: int
    reason: str
    verdict: Verdict


class Reader:
    """Runs the connections of a channel, one after the other, on one thread at a time.

    It alone uses the session, the recovery and the tokens, so these need no lock.

    Args:
        options: the channel's settings.
        lifecycle: the channel's state.
        presence: what to say of oneself on each connection.
        dispatcher: where events go.
        threads: what runs the steps.
    """

    def __init__(
        self,
        options: RealtimeChannelOptions,
        *,
        lifecycle: Lifecycle,
        presence: PresenceWish,
        dispatcher: Dispatcher,
        threads: Threads,
    ) -> None:
        chance = random.random
        self._options = options
        self._lifecycle = lifecycle
        self._closing = lifecycle.closing
        self._presence = presence
        self._dispatcher = dispatcher
        # What others wait for must not wait itself.
        self._defer = None if threads.waits else threads.defer
        self._batch = min(_BATCH, options.queue_size)
        self._dialer = Dialer(
            proxies=options.proxies, verify=options.verify, secure=options.base_url.startswith("https:")
        )
        self._tokens = TokenSource(options.token, chance=chance, defer=threads.defer)
        self._renews = self._tokens.renewable and options.reconnect
        self._session = Session(
            channel=options.channel, since_id=options.since_id, raise_on_gap=options.on_gap == "raise"
        )
        self._recovery = Recovery(reconnect=options.reconnect, renewable=self._tokens.renewable, chance=chance)

    def steps(self) -> Steps[None]:
        """Keep the channel connected until it is closed, or ends for good."""
        try:
            while not self._closing.is_set():
                end = yield from self._connect_once()
                if end is not None:
                    yield from self._settle(end)
        except GeneratorExit:
            self._stop(CloseCode.ABNORMAL, RealtimeClosedError("the threads of the channel have ended"))
            raise
        except BaseException as error:  # noqa: BLE001 - a thread that dies must not leave a channel that looks healthy
            # As text: what collects exceptions may show their variables, and one of them is the token.
            logger.error(
                "channel %s: its reader failed; this is a bug\n%s",
                self._options.channel,
                redact(traceback.format_exc()),
            )
            self._stop(CloseCode.ABNORMAL, RealtimeError(f"the reader failed: {type(error).__name__}", code="internal"))

    # One connection

    def _connect_once(self) -> Steps[_End | None]:
        self._session.dialing()
        connection = Connection(self._dialer, defer=self._defer)
        try:
            deadline = yield Blocking(partial(self._open, connection))
            return None if deadline is None else (yield from self._read(connection, deadline))
        except TokenUnavailableError as error:
            verdict = self._recovery.without_token(
                error.problem, is_final=error.is_final, retry_after=error.retry_after
            )
            return _End(CloseCode.ABNORMAL, error.problem, verdict)
        except HandshakeRefusedError as error:
            return _End(CloseCode.ABNORMAL, str(error), self._recovery.refused(error.answer))
        except ConnectFailedError as error:
            verdict = self._recovery.unreachable(error.problem, is_lasting=error.is_lasting)
            return _End(CloseCode.ABNORMAL, error.problem, verdict)
        except ConnectionEndedError as error:
            return _End(error.code, error.reason, self._recovery.closed(error.code, error.reason, time.monotonic()))
        except RealtimeGapError as error:
            connection.start_close(CloseCode.NORMAL, "gap")
            # A new one: the traceback of this one leads to the token.
            stopped = RealtimeGapError(str(error), code=error.code)
            return _End(CloseCode.NORMAL, str(error), Verdict(error=stopped))
        finally:
            self._lifecycle.went_down()
            connection.shut()

    def _open(self, connection: Connection) -> float | None:
        """Connect; return when the service must have said ``connected``, or ``None`` where the channel was closed."""
        options = self._options
        if self._closing.is_set():
            return None
        token = self._tokens.token_for_connect(time.time())
        if not self._lifecycle.dialing(connection):
            return None
        deadline = time.monotonic() + options.connect_timeout
        url = connect_url(options.base_url, channel=options.channel, token=token, since_id=self._session.cursor)
        connection.open(url, deadline)
        return deadline

    def _read(self, connection: Connection, deadline: float) -> Steps[_End]:
        """Read until the connection ends, or is given up for one with a newer token."""
        options = self._options
        liveness = Liveness(
            ping_after=options.ping_after,
            pong_timeout=options.pong_timeout,
            now=time.monotonic(),
            wall=time.time(),
        )
        receive = Receive(connection, self._wait(liveness, deadline), self._batch)
        receive_soon = Receive(connection, _LOOK_EVERY, self._batch)
        look_at = 0.0
        while not self._closing.is_set():
            texts = yield receive
            if texts:
                yield from self._take(texts, connection)
            now = time.monotonic()
            if texts and now < look_at:
                receive = receive_soon
                continue
            if not self._session.is_live and now >= deadline:
                raise ConnectionEndedError(CloseCode.ABNORMAL, "the service did not say that it is connected")
            check = liveness.check(
                received=connection.bytes_received,
                # To hand texts on may have taken long, in which nothing was read.
                found_nothing=connection.is_drained and not texts,
                now=now,
                wall=time.time(),
            )
            self._act_on(check, connection)
            if self._is_renewed():
                connection.start_close(CloseCode.TOKEN_RENEWAL, "token renewal")
                return _End(CloseCode.TOKEN_RENEWAL, "token renewal", self._recovery.planned(now))
            if self._session.is_live:
                look_at = now + _LOOK_EVERY
            receive = Receive(connection, self._wait(liveness, deadline), self._batch)
        return (yield from self._linger(connection))

    def _wait(self, liveness: Liveness, deadline: float) -> float:
        """Return how long to wait for something to come, in seconds."""
        now = time.monotonic()
        wait = liveness.next_check_in(now)
        if not self._session.is_live:
            wait = min(wait, deadline - now)
        elif self._tokens.is_renewing:
            wait = min(wait, _RENEWAL_POLL)
        elif self._renews:
            wait = min(wait, self._tokens.renewal_in(time.time()))
        return max(0.0, wait)

    def _take(self, texts: Sequence[str], connection: Connection) -> Steps[None]:
        was_live = self._session.is_live
        events: list[Event] = []
        try:
            self._session.texts_received(texts, events)
        finally:
            if self._session.is_live and not was_live:
                yield from self._went_live(connection)
            # Nothing is read while the handlers are behind, so nothing would answer the service's pings either.
            while events and not (yield Put(self._dispatcher, events, _STALL_PING)):
                connection.ping()

    def _went_live(self, connection: Connection) -> Steps[None]:
        self._recovery.went_live(time.monotonic())
        if self._presence.is_wished:
            yield Blocking(partial(self._presence.went_live, connection), is_urgent=True)
        else:
            self._presence.went_live(connection)
        logger.info("channel %s: connected", self._options.channel)

    def _act_on(self, check: Check, connection: Connection) -> None:
        if check is Check.PING:
            connection.ping()
        elif check is Check.DEAD:
            connection.start_close(CloseCode.NO_PONG, "no pong")
            raise ConnectionEndedError(CloseCode.NO_PONG, "the service does not answer")

    def _is_renewed(self) -> bool:
        """Ask for a newer token if it is time; tell whether there is one to connect with."""
        if not self._renews or not self._session.is_live:
            return False
        now = time.time()
        is_due = self._session.token_expiring or self._tokens.renewal_in(now) <= 0
        if is_due and not self._tokens.is_renewing:
            self._session.token_expiring = False
            self._tokens.start_renewal()
        try:
            return self._tokens.renewed(now)
        except TokenUnavailableError as error:
            # However final it is, the present token still works.
            logger.warning("channel %s: the token could not be renewed yet: %s", self._options.channel, error.problem)
            return False

    def _linger(self, connection: Connection) -> Steps[_End]:
        """Read to the end after the user's close: a socket that is shut with bytes unread may swallow the close."""
        deadline = time.monotonic() + LINGER
        while time.monotonic() < deadline:
            yield Receive(connection, deadline - time.monotonic(), _BATCH)
        raise ConnectionEndedError(CloseCode.NORMAL, "closed")

    # Between connections

    def _settle(self, end: _End) -> Steps[None]:
        verdict = end.verdict
        if verdict.error is not None:
            self._stop(end.code, verdict.error)
            return
        if verdict.new_token:
            self._tokens.discard()
        if self._closing.is_set():
            return
        logger.log(
            logging.INFO if end.code == CloseCode.TOKEN_RENEWAL else logging.WARNING,
            "channel %s: not connected (%d %s); the next attempt is in %.1f s",
            self._options.channel,
            end.code,
            end.reason,
            verdict.delay,
        )
        if self._session.is_live:
            yield from self._tell_disconnected(end)
        yield Pause(self._closing, verdict.delay)

    def _tell_disconnected(self, end: _End) -> Steps[None]:
        event = RealtimeChannelDisconnectedEvent(
            code=int(end.code), reason=end.reason, will_reconnect=True, retry_in=end.verdict.delay
        )
        while not (yield Put(self._dispatcher, [event], _STALL_PING)):
            pass

    def _stop(self, code: int, error: RealtimeError) -> None:
        if self._lifecycle.finish(error):
            logger.error("channel %s: ended for good: %s", self._options.channel, error)
            self._dispatcher.finish(
                RealtimeChannelDisconnectedEvent(code=int(code), reason=str(error), will_reconnect=False, retry_in=None)
            )
