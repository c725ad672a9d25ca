"""A TCP or TLS stream with deadlines, a read buffer, and an end that any thread can bring about."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

__all__ = ["TooMuchDataError", "Wire"]

T = TypeVar("T")

_READ_SIZE: Final = 65_536
_BEGINNING: Final = len("HTTP/1.1 200 ")
# select() cannot watch descriptors above 1,023; Windows has nothing else.
_Selector: Final[Any] = getattr(selectors, "PollSelector", selectors.SelectSelector)
_NOT_NOW: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket that never blocks raises where it would."""
_OPTIONS: Final = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))


class TooMuchDataError(Exception):
    """The peer sent more than was allowed for."""


class Wire:
    """Stands in for a socket in websocket-client, which reads, writes and asks for the timeout.

    Its socket never blocks; waiting is done beside it. So one thread can write, with a deadline of its own, while
    another reads, and small reads come out of a buffer instead of each being a system call.

    Lock rule: ``_lock`` guards ``_socket`` and ``is_aborted``, and each single operation on a TLS socket, since OpenSSL
    takes no two at a time. Nothing waits while it is held. ``is_aborted`` alone may be looked at without it. One thread
    opens and reads, one at a time writes, any thread aborts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.is_aborted = False
        """Whether ``abort`` was called."""
        self._buffer = b""
        self._place = 0
        self._allowance = 0
        self.read_deadline = 0.0
        """When ``recv`` gives up, on the monotonic clock; in the past, it takes only what is there."""
        self.send_timeout = 0.0
        """Seconds that one ``send`` may take. The writer sets it."""
        self.bytes_received = 0
        """How many bytes came, over the whole life of the stream."""
        self.beginning: bytes | None = None
        """Set to ``b""``, it becomes the first bytes that come from then on, as many as the start of an HTTP answer."""

    # Opening

    def connect(self, addresses: Sequence[tuple[Any, ...]], deadline: float) -> None:
        """Connect to the first address that answers.

        Args:
            addresses: as ``socket.getaddrinfo`` gives them; at least one.
            deadline: when to give up, on the monotonic clock. Each address gets its share of the time.

        Raises:
            OSError: none answered; the error of the last.
        """
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            now = time.monotonic()
            until = now + max(0.0, deadline - now) / (len(addresses) - index)
            try:
                self._adopt(socket.socket(family, kind, protocol))
                self._connect(address, until)
                return
            except OSError:
                if index == len(addresses) - 1 or self.is_aborted:
                    raise

    def start_tls(self, context: ssl.SSLContext, hostname: str, deadline: float) -> None:
        """Speak TLS from here on.

        Args:
            context: what is trusted.
            hostname: whose certificate it must be.
            deadline: when to give up, on the monotonic clock.

        Raises:
            OSError: the peer is not trusted, or did not answer in time.
        """
        with self._lock:
            secure = context.wrap_socket(
                self._require_socket(), server_hostname=hostname, do_handshake_on_connect=False
            )
            self._socket = secure
        self._when_ready(secure.do_handshake, deadline, selectors.EVENT_READ)

    # What websocket-client calls

    def recv(self, size: int) -> bytes:
        """Return up to *size* bytes; none at the end of the stream.

        Raises:
            TimeoutError: nothing came before the deadline.
            TooMuchDataError: more came than ``allow`` allowed for.
            OSError: the connection is broken.
        """
        if self._place == len(self._buffer):
            self._fill()
        chunk = self._buffer[self._place : self._place + size]
        self._place += len(chunk)
        self._allowance -= len(chunk)
        if self._allowance < 0:
            raise TooMuchDataError
        return chunk

    def take(self, split: Callable[[bytes, int], tuple[T, int]]) -> T:
        """Take what *split* finds in the bytes that came and were not read yet; wait for some if there are none.

        Args:
            split: is given them and where they begin; returns what it found and where the rest begins. At the end of
                the stream there are none.

        Raises:
            TimeoutError: nothing came before the deadline.
            OSError: the connection is broken.
        """
        if self._place == len(self._buffer):
            self._fill()
        found, self._place = split(self._buffer, self._place)
        return found

    @property
    def is_buffered(self) -> bool:
        """Whether there are bytes that came and were not read yet."""
        return self._place < len(self._buffer)

    def send(self, data: bytes) -> int:
        """Write all of *data* and return its length.

        Raises:
            TimeoutError: it took longer than the send timeout.
            OSError: the connection is broken.
        """
        try:
            with self._lock:
                sent = self._require_socket().send(data)
        except _NOT_NOW:
            sent = 0
        if sent < len(data):
            deadline = time.monotonic() + self.send_timeout
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[self._when_ready(partial(self._write_some, rest), deadline, selectors.EVENT_WRITE) :]
        return len(data)

    def gettimeout(self) -> float:
        """Return 0: websocket-client then leaves all waiting to ``recv`` and ``send``."""
        return 0.0

    def close(self) -> None:
        """Give the socket back to the system. Only the thread that reads may do this."""
        self.abort()
        with self._lock:
            if self._socket is not None:
                self._socket.close()

    # What the connection calls

    @property
    def descriptor(self) -> int | None:
        """What to wait for with a selector before a read.

        ``None`` where none is to be waited for: the stream is given up, or there are bytes that no selector tells of.
        """
        with self._lock:
            sock = self._socket
            if sock is None or self.is_aborted or self._place < len(self._buffer):
                return None
            return None if isinstance(sock, ssl.SSLSocket) and sock.pending() else sock.fileno()

    @property
    def takes_more(self) -> bool:
        """Whether a few bytes could be written without waiting."""
        try:
            self._wait(selectors.EVENT_WRITE, 0.0)
        except OSError:
            return False
        return True

    def allow(self, size: int) -> None:
        """Allow for *size* more bytes, from here on."""
        self._allowance = size

    def end_sending(self) -> None:
        """Send nothing more. The peer learns of it, and what it has sent can still be read."""
        with self._lock:
            self._shut_down(socket.SHUT_WR)

    def abort(self) -> None:
        """Break the connection off; all who wait for it, in any thread, get an error or the end of the stream."""
        with self._lock:
            self.is_aborted = True
            self._shut_down(socket.SHUT_RDWR)

    def _shut_down(self, how: int) -> None:
        assert self._lock.locked()
        if self._socket is not None:
            # Not SSLSocket.shutdown: it turns the reader's socket into a plain one under its hands.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, how)

    def _adopt(self, new: socket.socket) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = new
        for option in _OPTIONS:
            new.setsockopt(*option)
        new.setblocking(False)

    def _connect(self, address: Any, deadline: float) -> None:
        with contextlib.suppress(BlockingIOError), self._lock:
            self._require_socket().connect(address)
            return
        self._wait(selectors.EVENT_WRITE, deadline)
        with self._lock:
            code = self._require_socket().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _fill(self) -> None:
        try:
            with self._lock:
                self._buffer = self._require_socket().recv(_READ_SIZE)
        except _NOT_NOW:
            self._buffer = self._when_ready(self._read_some, self.read_deadline, selectors.EVENT_READ)
        self._place = 0
        self.bytes_received += len(self._buffer)
        if self.beginning is not None and len(self.beginning) < _BEGINNING:
            self.beginning = (self.beginning + self._buffer)[:_BEGINNING]

    def _read_some(self) -> bytes:
        return self._require_socket().recv(_READ_SIZE)

    def _write_some(self, data: bytes | memoryview) -> int:
        return self._require_socket().send(data)

    def _when_ready(self, action: Callable[[], T], deadline: float, event: int) -> T:
        """Do something to the socket as soon as it lets us."""
        while True:
            try:
                with self._lock:
                    return action()
            except (BlockingIOError, InterruptedError):
                wanted = event
            # TLS may have to read in order to write, and the other way round.
            except ssl.SSLWantReadError:
                wanted = selectors.EVENT_READ
            except ssl.SSLWantWriteError:
                wanted = selectors.EVENT_WRITE
            self._wait(wanted, deadline)

    def _wait(self, event: int, deadline: float) -> None:
        with self._lock:
            sock = self._require_socket()
        with _Selector() as selector:
            try:
                selector.register(sock, event)
            except ValueError:
                # The reader closed it just now.
                raise _given_up() from None
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError("timed out")

    def _require_socket(self) -> socket.socket:
        assert self._lock.locked()
        if self._socket is None or self.is_aborted:
            raise _given_up()
        return self._socket


def _given_up() -> ConnectionAbortedError:
    return ConnectionAbortedError("the connection was given up")
