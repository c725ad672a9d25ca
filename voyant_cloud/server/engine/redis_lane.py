"""Commands on their way to Redis: one connection, in order, many at once, each answered or known not to be.

A command that is on its way is never cancelled, since its answer would be read as that of the next one; what goes away
is who waits for it. Every command of the engine may come twice: it then does nothing more and gives the same answer.
So what was lost with a connection is simply sent again, until its time is over.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
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
from voyant_cloud.server.engine.redis_address import Address
from voyant_cloud.server.engine.redis_routine import RefusedError
from voyant_cloud.server.engine.redis_script import SCRIPTS, Script

__all__ = ["ANSWER_WITHIN", "Lane"]

ANSWER_WITHIN: Final = 6.0
"""Seconds that a command has, its repetitions included."""
REACH_WITHIN: Final = 2.0
"""Seconds that a command has to be sent for the first time."""
FORGET_AFTER: Final = 10.0
"""Seconds after which an earlier failure says nothing of now."""
STOP_WITHIN: Final = 1.0
"""Seconds that commands on their way still have when the lane is stopped."""
MOST_AT_ONCE: Final = 100
_IDLE_AFTER: Final = 0.05
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
    asked_at: float
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

    def is_over(self, now: float) -> bool:
        """Whether it is not to be sent again."""
        return now - self.asked_at >= (ANSWER_WITHIN if self.unsure else REACH_WITHIN)

    def give_up(self, problem: Exception) -> None:
        """Say that there will be no answer."""
        words = f"Redis is not available: {problem or type(problem).__name__}"
        self.settle(EngineOutcomeUnknownError(words) if self.unsure else EngineUnavailableError(words))


class Lane:
    """A connection that is made when it is needed, and made again when it is lost. For one event loop.

    Args:
        address: makes its connections.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._connection: AbstractConnection | None = None
        self._jobs: deque[_Job] = deque()
        self._work: asyncio.Task[None] | None = None
        self._stopping = False
        self._used_at = 0.0
        # When the failures since the last answer began, and when the newest was.
        self._failing_since = self._failed_at = 0.0

    @property
    def is_stuck(self) -> bool:
        """Whether what is under way has failed for so long that more would only wait in vain."""
        is_known = self._loop.time() - self._failed_at <= FORGET_AFTER
        return self._work is not None and is_known and self._failed_at - self._failing_since >= REACH_WITHIN

    def run(self, script: Script, keys: Sequence[str], *arguments: Value) -> asyncio.Future[Any]:
        """Run a script; the answer is as Redis gives it, texts as bytes.

        The future raises ``EngineUnavailableError`` where the script has done nothing, and
        ``EngineOutcomeUnknownError`` where that cannot be told.
        """
        return self.send("EVALSHA", script.digest, len(keys), *keys, *arguments)

    def send(self, *words: Value) -> asyncio.Future[Any]:
        """Send a plain command, likewise."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.append(_Job(words, answer, self._loop.time()))
        if self._work is None:
            self._work = asyncio.ensure_future(self._work_off())
        return answer

    async def stop(self) -> None:
        """Have what was asked for answered, then close the connection. Safe to call twice.

        Where Redis is away nothing is sent again, so that a server that stops does not wait for it.
        """
        self._stopping = True
        if self._work is not None:
            await asyncio.wait([self._work], timeout=STOP_WITHIN)
            self._drop()
        if self._work is not None:
            await asyncio.wait([self._work])
        self._drop()

    async def _work_off(self) -> None:
        group: list[_Job] = []
        try:
            failures = 0
            while self._jobs:
                group = [self._jobs.popleft() for _ in range(min(len(self._jobs), MOST_AT_ONCE))]
                problem = await self._attempt(group)
                if problem is None:
                    failures, self._failing_since, self._failed_at = 0, 0.0, 0.0
                    continue
                self._note_failure()
                self._drop()
                self._put_back(group, problem)
                if self._jobs:
                    await asyncio.sleep(_RETRY_AFTER[min(failures, len(_RETRY_AFTER) - 1)])
                    failures += 1
        except Exception as error:
            # Nothing that is known ends here; but nobody may wait for an answer that nobody gives.
            for job in (*group, *self._jobs):
                job.unsure = True
                job.give_up(error)
            self._jobs.clear()
            self._drop()
            raise
        finally:
            self._work = None

    def _note_failure(self) -> None:
        now = self._loop.time()
        # After a while without a word nothing is known any more.
        if now - self._failed_at > FORGET_AFTER:
            self._failing_since = now
        self._failed_at = now

    async def _attempt(self, group: Sequence[_Job]) -> Exception | None:
        """Send a group and settle what is answered. Returns why some of it is not."""
        try:
            connection = await self._connected()
        except (RedisError, OSError) as error:
            self._address.start_over()
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
        if isinstance(problem, MovedError):
            self._address.follow(problem.host, problem.port)
        return problem

    async def _connected(self) -> AbstractConnection:
        # One that Redis has closed meanwhile is seen here, where nothing has been sent yet.
        idle = self._loop.time() - self._used_at > _IDLE_AFTER
        if self._connection is not None and idle and await self._connection.read_response(timeout=0) is not None:
            raise ConnectionError("there is an answer to nothing")
        self._used_at = self._loop.time()
        if self._connection is None:
            connection = self._connection = self._address.new_connection()
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
            if job.is_over(now) or self._stopping or _is_final(problem):
                job.give_up(problem)
            else:
                self._jobs.append(job)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            closing = asyncio.ensure_future(connection.disconnect(nowait=True))
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())


def _is_final(problem: Exception) -> bool:
    """Whether trying again cannot help: the password is wrong, or the certificate is not trusted."""
    # redis-py puts an error of its own around what TLS said.
    return isinstance(problem, AuthenticationError) or isinstance(problem.__context__, ssl.SSLCertVerificationError)


async def _receive(connection: AbstractConnection, job: _Job) -> Exception | None:
    """Settle a job with its answer, or return why it has to be sent again."""
    try:
        answer = await connection.read_response(disable_decoding=True)
    except _ELSEWHERE as error:
        return error
    except ResponseError as error:
        job.settle(RefusedError(f"Redis refused: {error}"))
    else:
        job.settle(answer)
    return None
