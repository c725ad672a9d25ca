"""``RealtimeChannel``: a subscription to one channel, for any thread to use."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, overload

import attrs

from voyant_cloud.config import check_close_timeout
from voyant_cloud.errors import RealtimeError
from voyant_cloud.models import (
    RealtimeMessageSummary,
    RealtimePresenceInput,
    RealtimePresenceIntent,
)
from voyant_cloud.realtime.dispatcher import Dispatcher
from voyant_cloud.realtime.ending import Ending, last_event
from voyant_cloud.realtime.handlers import Handler
from voyant_cloud.realtime.lifecycle import ChannelState, Lifecycle
from voyant_cloud.realtime.options import OnGap, RealtimeChannelOptions
from voyant_cloud.realtime.own_threads import OwnThreads
from voyant_cloud.realtime.presence import PresenceWish
from voyant_cloud.realtime.reader import Reader
from voyant_cloud.realtime.shared_threads import SharedThreads
from voyant_cloud.realtime.steps import Threads
from voyant_cloud.realtime.token_source import Token, TokenProvider
from voyant_cloud.realtime.written import FrameWriter

__all__ = ["ChannelState", "RealtimeChannel", "RealtimeChannelOptions"]

AnyHandler = TypeVar("AnyHandler", bound=Handler)


class RealtimeChannel:
    """A subscription to a channel, which keeps itself connected. Use it in a ``with`` block, or close it.

    The connection opens in the constructor, on another thread. After a drop it is made again, and what
    was published meanwhile is replayed: a handler sees each message once, in order. Where that cannot be, there is a
    ``gap`` event.

    Handlers run one after the other on a second thread. One that is slow loses nothing: once *queue_size* events
    wait, the channel takes no more from the network until there is room. One that raises is logged, with the id of
    the message, and the stream goes on.

    Both threads are the channel's own, which is best for a few busy channels. For many, pass *threads*.

    | event | handlers get | when |
    | --- | --- | --- |
    | ``connected`` | ``RealtimeChannelConnectedEvent`` | the subscription is live, again after each reconnect |
    | ``message`` | ``RealtimeMessageSummary`` | a message was published, by this channel, too |
    | ``presence`` | ``RealtimeChannelPresenceEvent`` | a member entered, left, or changed its data |
    | ``error`` | ``RealtimeChannelError`` | the service refused a publish or presence; without a handler it is logged |
    | ``gap`` | ``RealtimeChannelGapEvent`` | messages were missed, or may have been; without a handler it is logged |
    | ``disconnected`` | ``RealtimeChannelDisconnectedEvent`` | a live connection ended; once more at the end for good |

    Events of a kind that come before its first handler are kept, the newest 1,000, and given to it.

    All methods may be called from any thread, and from handlers. After ``fork`` the channel is the parent's: in the
    child its methods raise ``RealtimeError``, except ``close()``, which does nothing there.

    Args:
        channel: 1 to 200 of ``A-Z a-z 0-9 _ : . , ; = @ -``, but not ``.`` or ``..``.
        token: a client token, a minted ``RealtimeTokenSummary``, or a callable that returns one of them. A callable
            is asked for a new token when one is needed: before it expires if a summary says when, else before each
            connect. It runs on a thread of the channel, never on that of the handlers: the one that connects, or one of
            its own for a renewal; never on both at a time. With *threads* it runs on one of their connectors.
        base_url: the service's address; ``None`` takes ``VOYANT_CLOUD_API_URL``, or the hosted service.
        since_id: begin after this message; ``None`` begins with live messages.
        reconnect: whether to connect again when a connection ends; without, its first end is the channel's.
        queue_size: how many received events may wait for the handlers, 1 or more.
        connect_timeout: seconds for each attempt, from the name lookup to the service's ``connected``, above 0.
        ping_after: seconds without a byte before the service is pinged, above 0.
        pong_timeout: seconds without a byte after that before the connection is made anew, above 0.
        proxies: a proxy's ``http://`` URL by scheme, as in requests; ``None`` takes them from the environment.
        verify: whether to check the service's certificate, or the path of a CA bundle to check it with.
        on_gap: ``"warn"`` makes a gap an event, ``"raise"`` stops the channel there with ``RealtimeGapError``.
        threads: the threads that it shares with other channels; ``None`` gives it two of its own.

    Raises:
        VoyantConfigError: a setting is wrong; the message names it.
        VoyantValidationError: *channel* or *since_id* breaks a limit of the contract.
        RealtimeError: *threads* were closed, or are those of the process that this one was forked from.
    """

    def __init__(
        self,
        *,
        channel: str,
        token: Token | TokenProvider,
        base_url: str | None = None,
        since_id: str | None = None,
        reconnect: bool = True,
        queue_size: int = 1000,
        connect_timeout: float = 10.0,
        ping_after: float = 20.0,
        pong_timeout: float = 10.0,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str | os.PathLike[str] | None = True,
        on_gap: OnGap = "warn",
        threads: SharedThreads | None = None,
    ) -> None:
        self._start(
            RealtimeChannelOptions(
                channel=channel,
                token=token,
                base_url=base_url,
                since_id=since_id,
                reconnect=reconnect,
                queue_size=queue_size,
                connect_timeout=connect_timeout,
                ping_after=ping_after,
                pong_timeout=pong_timeout,
                proxies=proxies,
                verify=verify,
                on_gap=on_gap,
                threads=threads,
            )
        )

    @classmethod
    def from_options(cls, options: RealtimeChannelOptions) -> RealtimeChannel:
        """Open a channel with settings that were put together before.

        Raises:
            VoyantConfigError: the CA bundle cannot be read.
            RealtimeError: its *threads* were closed, or are those of the process that this one was forked from.
        """
        return cls(**{field.name: getattr(options, field.name) for field in attrs.fields(RealtimeChannelOptions)})

    def _start(self, options: RealtimeChannelOptions) -> None:
        self._name = options.channel
        self._process = os.getpid()
        self._lifecycle = Lifecycle()
        self._presence = PresenceWish(self._lifecycle)
        self._writer = FrameWriter(options.channel)
        if options.threads is None:
            self._run(options, OwnThreads())
        else:
            options.threads.open(partial(self._run, options))

    def _run(self, options: RealtimeChannelOptions, threads: Threads) -> Ending:
        self._dispatcher = Dispatcher(
            channel=options.channel, capacity=options.queue_size, position=options.since_id, threads=threads
        )
        reader = Reader(
            options,
            lifecycle=self._lifecycle,
            presence=self._presence,
            dispatcher=self._dispatcher,
            threads=threads,
        )
        self._dispatcher.start()
        try:
            self._reader = threads.read(reader.steps(), options.channel)
        except BaseException:
            # There is no thread left for it, say; then nobody would ever end the delivery.
            self._dispatcher.discard(last_event())
            raise
        self._ending = Ending(lifecycle=self._lifecycle, dispatcher=self._dispatcher, reader=self._reader)
        return self._ending

    # Receiving

    @overload
    def on(self, event: str, handler: AnyHandler) -> Callable[[], None]: ...
    @overload
    def on(self, event: str) -> Callable[[AnyHandler], AnyHandler]: ...
    def on(self, event: str, handler: Handler | None = None) -> Callable[..., Any]:
        """Have *handler* called for each *event*.

        Args:
            event: ``connected``, ``message``, ``presence``, ``error``, ``gap`` or ``disconnected``.
            handler: takes the event. Left out, ``on`` is a decorator.

        Returns:
            What removes the handler; as a decorator, the handler.

        Raises:
            VoyantConfigError: there is no such event, or the handler cannot be called.
        """
        self._check_process()
        if handler is not None:
            return self._dispatcher.on(event, handler)
        self._dispatcher.check_name(event)

        def register(decorated: AnyHandler) -> AnyHandler:
            self._dispatcher.on(event, decorated)
            return decorated

        return register

    def __iter__(self) -> Iterator[RealtimeMessageSummary]:
        """Iterate over messages, as they come; ``close()`` from anywhere ends it.

        The next message is handed over when the loop asks for it, and only then counts the last one as dealt with.
        After ``break`` another loop goes on with the next message. One loop at a time.

        Raises:
            RealtimeError: the channel has ended by itself, and all messages it received were handed over; or another
                loop runs, or this is a handler.
        """
        self._check_process()
        yield from self._dispatcher.messages()
        error = self._lifecycle.error_to_raise()
        if error is not None:
            raise error

    # Sending

    def publish(self, event: str, data: Any = None) -> None:
        """Publish a message over the connection. It is not acknowledged; ``client.realtime.publish`` is.

        The token needs the capability ``publish``; what the service refuses comes back as an ``error`` event.

        Args:
            event: the event's name, 1 to 200 characters.
            data: any JSON, at most 65,536 bytes encoded and 64 levels deep.

        Raises:
            VoyantValidationError: an argument breaks a limit; nothing was sent.
            RealtimeNotConnectedError: the channel is not connected now; nothing was sent, and nothing is queued.
            RealtimeClosedError: the channel has ended.
            RealtimeError: the connection was lost on the way; the message may or may not have arrived.
        """
        self._check_process()
        text = self._writer.write(event, data)
        self._lifecycle.require_live_connection().send(text)

    def enter_presence(self, data: Any = None) -> None:
        """Be present on the channel: now if connected, and again after each reconnect, with the last data.

        The token needs the capability ``presence``.

        Args:
            data: any JSON, shown to the other members; at most 4,096 bytes encoded and 64 levels deep.

        Raises:
            VoyantValidationError: *data* breaks a limit; nothing changed.
            RealtimeClosedError: the channel has ended.
        """
        self._say(RealtimePresenceIntent.ENTER, data)

    def update_presence(self, data: Any = None) -> None:
        """Change what the other members see; otherwise as ``enter_presence``."""
        self._say(RealtimePresenceIntent.UPDATE, data)

    def leave_presence(self) -> None:
        """Be present no longer.

        While the channel is not connected nothing can be said; the service then ends the presence by itself.

        Raises:
            RealtimeClosedError: the channel has ended.
        """
        self._say(RealtimePresenceIntent.LEAVE, None)

    # Standing

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._name

    @property
    def state(self) -> ChannelState:
        """Where the channel stands: connecting, connected, reconnecting or closed."""
        self._check_process()
        return self._lifecycle.state

    @property
    def error(self) -> RealtimeError | None:
        """Why the channel ended by itself; ``None`` while it has not, and after ``close()``."""
        self._check_process()
        return self._lifecycle.error

    @property
    def last_message_id(self) -> str | None:
        """The id of the newest message that was dealt with; pass it as *since_id* to go on from there.

        It moves when the handlers of a message have returned, or a loop asks for the next one: after a crash the last
        message may come again, but none is missed. Before any message it is what *since_id* was, or the newest id
        when the channel connected if the service names it.
        """
        self._check_process()
        return self._dispatcher.last_message_id

    def wait_connected(self, timeout: float | None = None) -> bool:
        """Wait until the channel is connected.

        Args:
            timeout: seconds; ``None`` waits without a limit.

        Returns:
            ``False`` if it took longer.

        Raises:
            RealtimeError: the channel has ended; which class says why.
        """
        self._check_process()
        return self._lifecycle.wait_connected(timeout)

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the channel has ended and the handlers have had all its events.

        Args:
            timeout: seconds; ``None`` waits without a limit.

        Returns:
            ``False`` if it took longer.

        Raises:
            RealtimeError: this is a handler, which would wait for itself.
        """
        self._check_process()
        if self._dispatcher.is_own_thread():
            raise RealtimeError("a handler cannot wait for the end of its channel, or of one on the same threads")
        started = time.monotonic()
        if not self._lifecycle.closing.wait(timeout):
            return False
        return self._dispatcher.join(None if timeout is None else max(0.0, timeout - (time.monotonic() - started)))

    def close(self, timeout: float = 5.0) -> None:
        """End the subscription for good.

        Events that wait for the handlers are dropped; ``last_message_id`` says where to go on. A last ``disconnected``
        event is still delivered. Safe to call twice, and from a handler.

        Args:
            timeout: seconds that a handler that runs, and the service, have to come to an end, 0 to 86400. After
                that they are left to themselves.

        Raises:
            VoyantConfigError: *timeout* is no such number.
        """
        check_close_timeout(timeout)
        if os.getpid() != self._process:
            # The socket is the parent's.
            return
        started = time.monotonic()
        self._ending.begin(timeout)
        self._ending.wait(time.monotonic(), started + timeout)

    def __enter__(self) -> RealtimeChannel:
        self._check_process()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<RealtimeChannel {self._name!r} {self._lifecycle.state}>"

    def _say(self, action: RealtimePresenceIntent, data: Any) -> None:
        self._check_process()
        self._presence.say(RealtimePresenceInput(action=action, data=data))

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RealtimeError("this channel was opened before a fork and is the parent's; open one in this process")
