"""Faults of a server in a test, as a middleware: requests are refused, answers are late or lost.

Everything but ``Fault`` runs on the server's event loop, which is the only lock there is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final

from aiohttp import web

from voyant_cloud.server.refusal import STATUS_OF_CODE, Refusal

__all__ = ["Delay", "DroppedAnswer", "Fault", "FaultKind", "Faults", "RefusedRequest"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CODE_OF_STATUS: Final = {status: code for code, status in STATUS_OF_CODE.items()}


class Fault:
    """A fault that is in force. The end of its ``with`` block ends it; ``VoyantServer.recover()`` does, too."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()


class FaultKind:
    """What is done to requests while it is in force.

    Args:
        times: to how many; ``None`` for all until it is ended.
    """

    def __init__(self, times: int | None) -> None:
        self._left = times
        self.ended = asyncio.Event()

    def meets(self, request: web.Request, others: Sequence[FaultKind]) -> bool:
        """Tell whether it is the turn of a request, which then counts.

        Args:
            request: what has come.
            others: what else is done to it.
        """
        if self._left == 0 or not self._concerns(request, others):
            return False
        if self._left is not None:
            self._left -= 1
        return True

    async def before(self, request: web.Request) -> None:
        """Do what is done before a request is handled."""

    async def after(self, request: web.Request) -> None:
        """Do what is done between a request's work, or its refusal, and its answer. A WebSocket has no such time."""

    def _concerns(self, request: web.Request, others: Sequence[FaultKind]) -> bool:
        return True

    def _is_first(self, others: Sequence[FaultKind]) -> bool:
        """Tell whether nothing of this kind is done to a request yet, where twice would be no more than once."""
        return not any(type(other) is type(self) for other in others)


class RefusedRequest(FaultKind):
    """Requests and upgrades are refused before anything is done.

    Args:
        status: the HTTP status, 400 to 599.
        retry_after: seconds for the ``Retry-After`` header; ``None`` leaves it out.
        times: as in ``FaultKind``.
    """

    def __init__(self, status: int, retry_after: int | None, times: int | None) -> None:
        super().__init__(times)
        self._status = status
        self._retry_after = retry_after

    async def before(self, request: web.Request) -> None:
        """Refuse."""
        raise _InjectedRefusal(self._status, self._retry_after)

    def _concerns(self, request: web.Request, others: Sequence[FaultKind]) -> bool:
        return self._is_first(others)


class Delay(FaultKind):
    """Answers and upgrades are late. What a request asks for is done at once, only its answer waits.

    Args:
        seconds: how late.
        times: as in ``FaultKind``.
    """

    def __init__(self, seconds: float, times: int | None) -> None:
        super().__init__(times)
        self._seconds = seconds

    async def before(self, request: web.Request) -> None:
        """Hold an upgrade back."""
        if _is_upgrade(request):
            await self._wait()

    async def after(self, request: web.Request) -> None:
        """Hold an answer back."""
        if not _is_upgrade(request):
            await self._wait()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._seconds):
                await self.ended.wait()


class DroppedAnswer(FaultKind):
    """The connection breaks once a request is done: only its answer is lost."""

    async def after(self, request: web.Request) -> None:
        """Break the connection."""
        if request.transport is not None:
            request.transport.abort()

    def _concerns(self, request: web.Request, others: Sequence[FaultKind]) -> bool:
        return not _is_upgrade(request) and self._is_first(others)


class Faults:
    """The faults in force, the oldest first.

    Attributes:
        middleware: does them to the requests of the server that it is given to.
        has_met: whether any request has come; for the server to set back.
    """

    def __init__(self) -> None:
        self.has_met = False
        self._kinds: list[FaultKind] = []

        @web.middleware
        async def spoil(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._spoil(request, handler)

        self.middleware = spoil

    @property
    def are_any(self) -> bool:
        """Whether one is in force, or was and nobody has ended it."""
        return bool(self._kinds)

    def begin(self, kind: FaultKind) -> None:
        """Put a fault in force."""
        self._kinds.append(kind)

    def end(self, kind: FaultKind) -> None:
        """End a fault, and let go of the requests that it holds. Safe to call twice."""
        if kind in self._kinds:
            self._kinds.remove(kind)
        kind.ended.set()

    def end_all(self) -> None:
        """End every fault."""
        for kind in tuple(self._kinds):
            self.end(kind)

    async def _spoil(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.has_met = True
        met = self._met_by(request)
        try:
            for kind in met:
                await kind.before(request)
            response = await handler(request)
        except Exception:
            # A refusal, whoever's, is an answer like any other.
            for kind in met:
                await kind.after(request)
            raise
        for kind in met:
            await kind.after(request)
        return response

    def _met_by(self, request: web.Request) -> list[FaultKind]:
        met: list[FaultKind] = []
        for kind in self._kinds:
            if kind.meets(request, met):
                met.append(kind)
        # Delays first: after a refusal or a lost answer there is nothing left to be late.
        return sorted(met, key=lambda kind: not isinstance(kind, Delay))


class _InjectedRefusal(Refusal):
    """A refusal with any status, a proxy's 502 included."""

    def __init__(self, status: int, retry_after: int | None) -> None:
        code = _CODE_OF_STATUS.get(status, f"http_{status}")
        super().__init__(code, "refused by the test", retry_after=retry_after)
        self._status = status

    @property
    def status(self) -> int:
        """The status that was asked for."""
        return self._status


def _is_upgrade(request: web.Request) -> bool:
    return "Upgrade" in request.headers
