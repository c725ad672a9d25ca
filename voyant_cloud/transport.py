"""HTTP to the service: authentication, timeouts, retries and errors. The only user of requests, with http_session.

One transport may be used by any number of threads, without a lock of its own. What they share is the session, whose
connection pools lock themselves; an event; and a number that is only ever replaced.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import attrs
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from voyant_cloud import jsontext
from voyant_cloud.config import ClientConfig, Timeout, read_timeout
from voyant_cloud.envelope import Answer, read_data, read_error
from voyant_cloud.errors import (
    PublishOutcomeUnknown,
    VoyantConfigError,
    VoyantError,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.failures import Failure, failure_of
from voyant_cloud.http_session import new_session
from voyant_cloud.retry import Outcome, outcome_of_status, time_allowed
from voyant_cloud.urls import join

__all__ = ["Call", "Transport"]

T = TypeVar("T")
logger = logging.getLogger("voyant_cloud")

_SHORTEST_SECRET: Final = 8
_CHUNK: Final = 64 * 1024
# Far above any answer of the contract: a hundred messages of 64 KiB, escaped, stay below 40 MiB.
_MAX_BODY: Final = 128 * 1024 * 1024
_HEADERS_USED: Final = ("x-request-id", "location", "retry-after")
# Data may be nested to the limit, inside a message, inside a list, inside the body.
_BODY_DEPTH: Final = jsontext.MAX_DEPTH + 3
_IDEMPOTENCY_KEY: Final = re.compile(r"[!-~]{1,200}")
_KEY_LIFETIME: Final = re.compile(r"[1-9][0-9]{0,8}")


class Call(NamedTuple):
    """One logical call, however many attempts it takes.

    Attributes:
        method: the HTTP method.
        path: the path, escaped.
        query: the query's parameters.
        body: the body, JSON in UTF-8.
        timeout: as ``ClientConfig.timeout``, in its place.
        idempotency_key: what makes a publish recognisable; ``None`` for any other call.
    """

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: bytes | None = None
    timeout: Timeout | None = None
    idempotency_key: str | None = None

    @property
    def is_publish(self) -> bool:
        return self.idempotency_key is not None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Transport:
    """Sends calls to the service and gives back models.

    Args:
        config: where to and how.
        session: a session of the caller's, used as it is and never closed; ``None`` makes one.

    Attributes:
        key_lifetime: for how many seconds the service says that it remembers an idempotency key; 0 until it has said
            so, which any answer does, a refusal too.

    Raises:
        VoyantConfigError: the session is none.
    """

    def __init__(self, config: ClientConfig, session: requests.Session | None = None) -> None:
        if session is not None and not isinstance(session, requests.Session):
            raise VoyantConfigError(f"session: must be a requests.Session, got {type(session).__name__}")
        self.config = config
        self._owns_session = session is None
        self._trusts_session = session is None or config.verify is None
        self._session = session or new_session(config)
        self._auth = _ApiKeyAuth(config)
        self._closing = threading.Event()
        self.key_lifetime = 0.0
        self._pid = os.getpid()
        self._inherited: list[Any] = []

    def get(
        self, path: str, as_type: type[T], *, query: Mapping[str, Any] | None = None, timeout: Timeout | None = None
    ) -> T:
        """Read something.

        Args:
            path: the path, escaped.
            as_type: a generated model, or ``list[...]`` of one.
            query: the query's parameters; those that are ``None`` are left out.
            timeout: as ``ClientConfig.timeout``, for this call.

        Raises:
            VoyantApiError: the service answered with an error.
            VoyantTransportError: no answer was had; ``VoyantTimeoutError``: not in time.
            VoyantDecodeError: the answer is not what the contract says.
            VoyantConfigError: the client is closed, or a setting turned out to be wrong.
        """
        return read_data(self._call(Call(method="GET", path=path, query=query, timeout=timeout)), as_type)

    def post(self, path: str, as_type: type[T], *, body: Any, timeout: Timeout | None = None) -> T:
        """Post something that may be repeated without harm. Arguments and errors as in ``get``.

        Args:
            body: the body, as a JSON value, or as bytes that are JSON.
        """
        return read_data(self._call(Call(method="POST", path=path, body=_encoded(body), timeout=timeout)), as_type)

    def publish(
        self,
        path: str,
        as_type: type[T],
        *,
        body: Any,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> T:
        """Post something that must not be applied twice. Arguments and errors as in ``post``, and:

        Args:
            idempotency_key: 1 to 200 visible ASCII characters; ``None`` makes one for this call and its repeats.

        Raises:
            PublishOutcomeUnknown: it was sent, and whether it was applied is not known.
            VoyantValidationError: the idempotency key is none.
        """
        answer = self.answer_to_publish(path, body=body, idempotency_key=idempotency_key, timeout=timeout)
        return read_data(answer, as_type)

    def answer_to_publish(
        self, path: str, *, body: Any, idempotency_key: str | None = None, timeout: Timeout | None = None
    ) -> Answer:
        """Do as ``publish`` does, and leave it to the caller to read the answer."""
        key = os.urandom(16).hex() if idempotency_key is None else idempotency_key
        if not isinstance(key, str) or not _IDEMPOTENCY_KEY.fullmatch(key):
            raise VoyantValidationError("idempotency_key", "must be 1 to 200 ASCII characters without spaces")
        return self._call(Call(method="POST", path=path, body=_encoded(body), timeout=timeout, idempotency_key=key))

    def close(self) -> None:
        """Wake the calls that wait for their next attempt, which then fail, and refuse new ones. Safe to call twice."""
        self._closing.set()
        if self._owns_session:
            self._session.close()

    def _call(self, call: Call) -> Answer:
        if self._closing.is_set():
            raise VoyantConfigError("VoyantCloudClient: is closed; make a new one")
        if self._pid != os.getpid():
            self._leave_inherited_connections()
        return self.answer_to(call)

    def answer_to(self, call: Call) -> Answer:
        """Send a call until it is answered. All I/O is below this: who answers calls otherwise overrides it.

        Returns:
            An answer with a 2xx status.

        Raises:
            VoyantError: there is none; as in ``get`` and ``publish``.
        """
        timeout = self.config.timeout if call.timeout is None else read_timeout(call.timeout)
        started = time.monotonic()
        unsure = False
        attempt = 0
        while True:
            result = self._attempt(call, timeout)
            if isinstance(result, Answer):
                return result
            # Once unsure, it stays so whatever later attempts say: the first may have been applied.
            unsure = unsure or result.outcome in (Outcome.UNSURE, Outcome.FAILED)
            left = self._time_allowed(call, unsure) - (time.monotonic() - started)
            delay = self._delay(result, attempt, left)
            if delay is None or self._closing.wait(delay):
                raise _final_error(call, result, unsure)
            timeout = (min(timeout[0], left - delay), min(timeout[1], left - delay))
            attempt += 1

    def _time_allowed(self, call: Call, unsure: bool) -> float:
        return time_allowed(
            self.config.retries, is_publish=call.is_publish, unsure=unsure, key_lifetime=self.key_lifetime
        )

    def _delay(self, failure: Failure, attempt: int, left: float) -> float | None:
        policy = self.config.retries
        delay = policy.delay(
            attempt, outcome=failure.outcome, retry_after=failure.retry_after, left=left, chance=random.random
        )
        if delay is not None:
            logger.info("%s; trying again in %.1f s (%d of %d)", failure.error, delay, attempt + 1, policy.retries)
        return delay

    def _attempt(self, call: Call, timeout: tuple[float, float]) -> Answer | Failure:
        try:
            with self._request(call, timeout) as response:
                self._note_key_lifetime(response.headers)
                content = _body_of(response, timeout[1])
                answer = Answer(response.status_code, self._shown(response.headers), content, str(call))
        except requests.RequestException as error:
            # It holds the API key, and reporters of errors look into exceptions.
            error.request = None
            return failure_of(error, request=str(call), timeout=timeout)
        except urllib3.exceptions.HTTPError as error:
            return failure_of(error, request=str(call), timeout=timeout)
        except VoyantTransportError as error:
            return Failure(Outcome.UNSURE if call.is_publish else Outcome.FINAL, error)
        except OSError as error:
            # requests wraps what the network does; this is a CA bundle that is not there.
            return Failure(Outcome.FINAL, VoyantConfigError(f"{call}: {error}"))
        return answer if answer.status < 300 else self._refusal(answer)

    def _request(self, call: Call, timeout: tuple[float, float]) -> requests.Response:
        try:
            return self._session.request(
                call.method,
                join(self.config.base_url, call.path),
                params=call.query,
                data=call.body,
                headers=self._headers(call),
                # Given by request: kept out of the caller's session, and before any password in a .netrc file.
                auth=self._auth,
                timeout=timeout,
                # A redirect could carry the key to another host, or turn a POST into a GET.
                allow_redirects=False,
                proxies=dict(self.config.proxies or {}),
                # Given by request too, since requests lets the environment win over a session's own CA bundle.
                verify=self._session.verify if self._trusts_session else self.config.verify,
                # A stream shows the headers even where the body then breaks off.
                stream=True,
                hooks={"response": [*_hooks_of(self._session), _leave_redirect]},
            )
        except requests.HTTPError as error:
            # A hook raises for the status, which is judged here.
            if error.response is None:
                raise
            return error.response

    def _refusal(self, answer: Answer) -> Failure:
        error = read_error(self._without_key(answer), now=dt.datetime.now(dt.UTC))
        return Failure(outcome_of_status(answer.status), error, error.retry_after)

    def _without_key(self, answer: Answer) -> Answer:
        """Mask the API key in an answer: some services and proxies repeat what they were sent."""
        key = self.config.api_key
        # A word such as "test" is no secret, and may be a part of others.
        if len(key) < _SHORTEST_SECRET:
            return answer
        return attrs.evolve(answer, content=answer.content.replace(key.encode(), b"***"))

    def _shown(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers that errors show, with the API key masked in them as in a refusal's body."""
        key = self.config.api_key
        shown = {name: headers[name] for name in _HEADERS_USED if name in headers}
        if len(key) < _SHORTEST_SECRET:
            return shown
        return {name: value.replace(key, "***") for name, value in shown.items()}

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {"Accept": "application/json", "x-voyant-sdk": self.config.user_agent}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.idempotency_key is not None:
            headers["Idempotency-Key"] = call.idempotency_key
        return headers

    def _note_key_lifetime(self, headers: Mapping[str, str]) -> None:
        said = headers.get("x-voyant-idempotency", "")
        if _KEY_LIFETIME.fullmatch(said):
            self.key_lifetime = float(said)

    def _leave_inherited_connections(self) -> None:
        """After a fork: give the child connections of its own.

        Several threads of the child may come here at once; each then makes pools, and the last ones stay.
        """
        for adapter in self._session.adapters.values():
            if isinstance(adapter, HTTPAdapter):
                # Kept, not freed: to free a pool takes its lock, which a thread of the parent may have held.
                self._inherited.append((adapter.poolmanager, adapter.proxy_manager))
                adapter.__setstate__(adapter.__getstate__())  # type: ignore[attr-defined]
        self._closing = threading.Event()
        self._pid = os.getpid()


class _ApiKeyAuth(AuthBase):
    """Puts the API key into a request's header."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        scheme, key = self._config.auth_scheme, self._config.api_key
        request.headers[self._config.auth_header] = f"{scheme} {key}" if scheme else key
        return request


def _hooks_of(session: requests.Session) -> list[Callable[..., Any]]:
    # Those of a request take the place of the session's.
    hooks = session.hooks.get("response") or []
    return [hooks] if callable(hooks) else list(hooks)


def _leave_redirect(response: requests.Response, **_: Any) -> None:
    """Keep requests from looking into a redirect: it reads the whole body, and trips over an address that is none."""
    if response.is_redirect:
        raise requests.HTTPError(response=response)


def _body_of(response: requests.Response, seconds: float) -> bytes:
    """Return the body, which has to be complete *seconds* from now.

    Raises:
        urllib3.exceptions.HTTPError: it broke off, or is late; requests.RequestException: the same.
        VoyantTransportError: it is too large.
    """
    deadline = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    for part in _parts_of(response, deadline):
        parts.append(part)
        size += len(part)
        if size > _MAX_BODY:
            raise VoyantTransportError(f"the answer is larger than {_MAX_BODY} bytes, the most that is read")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _parts_of(response: requests.Response, deadline: float) -> Iterator[bytes]:
    raw = response.raw
    # It is closed where a hook has read the body. urllib3 before 2.2 has no read that returns what is there.
    if not isinstance(raw, urllib3.HTTPResponse) or raw.closed or not hasattr(raw, "read1"):
        for part in response.iter_content(_CHUNK):
            yield part
            _left(deadline)
        return
    while part := raw.read1(_CHUNK, decode_content=True):
        yield part
        # A decoder may hold more than it gave.
        if raw.closed and "content-encoding" not in raw.headers:
            return
        left = _left(deadline)
        # There is none where the service closes the connection; its last silence may then outlast the deadline.
        if sock := getattr(raw.connection, "sock", None):
            sock.settimeout(left)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise urllib3.exceptions.TimeoutError("the body is late")
    return left


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else jsontext.dumps(body, max_depth=_BODY_DEPTH).encode()


def _final_error(call: Call, failure: Failure, unsure: bool) -> VoyantError:
    if not (call.is_publish and unsure):
        return failure.error
    error = PublishOutcomeUnknown(
        f"{call}: whether this was published is not known: {failure.error}", idempotency_key=call.idempotency_key
    )
    error.__cause__ = failure.error
    return error
