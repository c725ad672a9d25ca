"""Commands on their way to Redis: one connection, in order, many at once, each answered or known not to be.

A command that is on its way is never cancelled, since its answer would be read as that of the next one; what goes away
is who waits for it. Every command of the engine may come twice: it then does nothing more and gives the same answer.
So what was lost with a connection is simply sent again, until its time is over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from voyant_cloud.server.engine.base import EngineOutcomeUnknownError, EngineUnavailableError
from voyant_cloud.server.engine.redis_script import SCRIPTS, Script

__all__ = ["ANSWER_WITHIN", "Lane"]

ANSWER_WITHIN: Final = 6.0
"""Seconds that a command has, its repetitions included."""
MOST_AT_ONCE: Final = 100
_RETRY_AFTER: Final = (0.0, 0.05, 0.1, 0.2, 0.4)
# Answers that mean another server, or this one a moment later, and not that the command is wrong.
_ELSEWHERE: Final = (
    ReadOnlyError,
    BusyLoadingError,
    MasterDownError,
    ClusterDownError,
    TryAgainError,
    MovedError,
    NoScriptError,
)

Value = str | bytes | int | float


@attrs.define(eq=False)
class _Job:
    """One command, and who waits for its answer."""

    words: Sequence[Value]
    answer: asyncio.Future[Any]
    until: float
    settled: bool = False
    unsure: bool = False
    """Whether it was sent once without an answer, so that it may have been done."""

    def settle(self, result: Any) -> None:
        """Give the answer, or the exception, to who waits for it."""
        self.settled = True
        # One that is done was cancelled by its caller; what it asked for has been done all the same.
        if self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)

    def give_up(self, problem: Exception) -> None:
        """Say that there will be no answer."""
        words = f"Redis is not available: {problem or type(problem).__name__}"
        self.settle(EngineOutcomeUnknownError(words) if self.unsure else EngineUnavailableError(words))


class Lane:
    """A connection that is made when it is needed, and made again when it is lost. For one event loop.

    Args:
        new_connection: makes a connection that is not open yet.
    """

    def __init__(self, new_connection: Callable[[], AbstractConnection]) -> None:
        self._new_connection = new_connection
        self._loop = asyncio.get_running_loop()
        self._connection: AbstractConnection | None = None
        self._jobs: deque[_Job] = deque()
        self._work: asyncio.Task[None] | None = None

    def run(self, script: Script, keys: Sequence[str], *arguments: Value) -> asyncio.Future[Any]:
        """Run a script; the answer is as Redis gives it, texts as bytes.

        The future raises ``EngineUnavailableError`` where the script has done nothing, and
        ``EngineOutcomeUnknownError`` where that cannot be told.
        """
        return self.send("EVALSHA", script.digest, len(keys), *keys, *arguments)

    def send(self, *words: Value) -> asyncio.Future[Any]:
        """Send a plain command, likewise."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.append(_Job(words, answer, self._loop.time() + ANSWER_WITHIN))
        if self._work is None:
            self._work = asyncio.ensure_future(self._work_off())
        return answer

    async def stop(self) -> None:
        """Have what was asked for answered, then close the connection. Safe to call twice."""
        if self._work is not None:
            await asyncio.wait([self._work])
        self._drop()

    async def _work_off(self) -> None:
        try:
            failures = 0
            while self._jobs:
                group = [self._jobs.popleft() for _ in range(min(len(self._jobs), MOST_AT_ONCE))]
                problem = await self._attempt(group)
                if problem is None:
                    failures = 0
                    continue
                self._drop()
                self._put_back(group, problem)
                await asyncio.sleep(_RETRY_AFTER[min(failures, len(_RETRY_AFTER) - 1)])
                failures += 1
        finally:
            self._work = None

    async def _attempt(self, group: Sequence[_Job]) -> Exception | None:
        """Send a group and settle what is answered. Returns why some of it is not."""
        try:
            connection = await self._connected()
        except (RedisError, OSError) as error:
            return error
        open_jobs = deque(group)
        problem: Exception | None = None
        try:
            packed = connection.pack_commands([job.words for job in group])
            await connection.send_packed_command(packed, check_health=False)
            while open_jobs:
                problem = await _receive(connection, open_jobs[0]) or problem
                open_jobs.popleft()
        except (RedisError, OSError) as error:
            for job in open_jobs:
                job.unsure = True
            return error
        return problem

    async def _connected(self) -> AbstractConnection:
        if self._connection is None:
            connection = self._connection = self._new_connection()
            await connection.connect()
            # All of them, or one that is not known yet would be overtaken by those behind it.
            await connection.send_packed_command(
                connection.pack_commands([("SCRIPT", "LOAD", script.text) for script in SCRIPTS]), check_health=False
            )
            for _ in SCRIPTS:
                await connection.read_response()
        return self._connection

    def _put_back(self, group: Sequence[_Job], problem: Exception) -> None:
        now = self._loop.time()
        waiting = [job for job in (*group, *self._jobs) if not job.settled]
        self._jobs.clear()
        for job in waiting:
            if job.until <= now or isinstance(problem, AuthenticationError):
                job.give_up(problem)
            else:
                self._jobs.append(job)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            closing = asyncio.ensure_future(connection.disconnect(nowait=True))
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _receive(connection: AbstractConnection, job: _Job) -> Exception | None:
    """Settle a job with its answer, or return why it has to be sent again."""
    try:
        answer = await connection.read_response(disable_decoding=True)
    except _ELSEWHERE as error:
        return error
    except ResponseError as error:
        job.settle(EngineUnavailableError(f"Redis refused: {error}"))
    else:
        job.settle(answer)
    return None
