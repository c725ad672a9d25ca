"""The session of a client that was given none: its pools, no cookies, and what the environment says of the network."""

from __future__ import annotations

import os
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from voyant_cloud.about_to_wait import about_to_wait
from voyant_cloud.config import ClientConfig

__all__ = ["new_session"]

_POOL_SIZE: Final = 32
_REMEMBERED: Final = 1_000
"""Addresses that a prepared request is kept for: one for each channel that is published to."""


def new_session(config: ClientConfig) -> requests.Session:
    """Make a session for one service.

    The environment's proxies and CA bundle are read here, once. Left to itself, requests goes through all variables
    again for each call, which takes a fifth of a call's time.
    """
    session = _Session()
    session.headers["User-Agent"] = config.user_agent
    # The API sets no cookies, and a jar that a proxy fills is not safe to share between threads.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = _Adapter(pool_maxsize=_POOL_SIZE)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = False
    session.proxies = _proxies(config)
    session.verify = _verify(config)
    return session


class _Session(requests.Session):
    """Prepares the first POST to an address, and of those that follow only what differs.

    To prepare one takes a third of a request's time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request; all are of one service and with one API key."""
        if request.method != "POST" or request.params or not isinstance(request.data, bytes):
            return super().prepare_request(request)
        prepared = self._copy_of(request)
        prepared.headers.update(request.headers)
        prepared.body = request.data
        prepared.prepare_content_length(request.data)
        return prepared

    def _copy_of(self, request: requests.Request) -> requests.PreparedRequest:
        # Each of these operations is one for all threads; two may prepare the same, and either stays.
        if len(self._prepared) >= _REMEMBERED:
            self._prepared.clear()
        known = self._prepared.get(request.url)
        if known is None:
            # Without what is of one request alone.
            bare = requests.Request("POST", request.url, auth=request.auth, hooks=request.hooks)
            known = super().prepare_request(bare)
            # With none there is none to copy; the jar stays empty anyway.
            known._cookies = None  # type: ignore[attr-defined]
            self._prepared[request.url] = known
        return known.copy()


class _Connection(urllib3.connection.HTTPConnection):
    """A connection that sends a request in one piece, and tells before it waits for the answer.

    In two pieces, head and body, either side would be woken twice.
    """

    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request; see urllib3."""
        pieces = self._pieces = []
        try:
            super().request(*args, **options)
        finally:
            self._pieces = None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        """Send a piece, or keep it for the whole."""
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)

    def getresponse(self) -> Any:
        """Wait for the answer."""
        about_to_wait()
        return super().getresponse()


class _TlsConnection(urllib3.connection.HTTPSConnection, _Connection):
    """The same with TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """The usual one, with the connections above; not through a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _proxies(config: ClientConfig) -> dict[str, str]:
    given = dict(config.proxies or {})
    return get_environ_proxies(config.base_url, no_proxy=given.get("no_proxy")) | given


def _verify(config: ClientConfig) -> bool | str:
    if config.verify is None or config.verify is True:
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return config.verify if isinstance(config.verify, bool) else os.fspath(config.verify)
