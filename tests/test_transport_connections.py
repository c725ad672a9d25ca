"""Connections on real sockets: pools, threads, processes, sessions of the caller's."""

from __future__ import annotations

import os
import ssl
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from tests.fake_service import FakeService, answer, answer_and_close
from tests.transport_calls import (
    CERTIFICATES,
    MESSAGE,
    NOBODY,
    keys_of,
    publish,
    read,
    transport,
)
from voyant_cloud.errors import (
    ForbiddenError,
    VoyantError,
    VoyantTransportError,
)
from voyant_cloud.transport import Transport


class TestConnections:
    """Pools, threads, processes and sessions."""

    def test_connection_is_used_again(self) -> None:
        """Calls one after another share a connection."""
        with FakeService(answer(MESSAGE)) as service:
            via = transport(service.url)
            for _ in range(3):
                publish(via)
        assert [request.connection for request in service.requests] == [1, 1, 1]

    def test_stale_connection(self) -> None:
        """A connection that the service closed while it was idle is not used again, so a publish is not in doubt."""
        with FakeService(answer_and_close(MESSAGE), answer(MESSAGE)) as service:
            via = transport(service.url)
            publish(via)
            service.wait_for_ended(1)
            publish(via)
        assert [request.connection for request in service.requests] == [1, 2]

    def test_threads(self) -> None:
        """Threads share a client; each call has a key of its own."""
        with FakeService(answer(MESSAGE)) as service, ThreadPoolExecutor(8) as pool:
            via = transport(service.url)
            answers = list(pool.map(lambda _: publish(via).id, range(200)))
        assert answers == ["rtm_1"] * 200
        assert len(keys_of(service)) == 200
        assert {request.connection for request in service.requests} <= set(range(1, 9))

    def test_cookies_are_not_kept(self) -> None:
        """A cookie that a proxy sets is not sent back."""
        with FakeService(answer(NOBODY, headers={"Set-Cookie": "route=1; Path=/"})) as service:
            via = transport(service.url)
            read(via)
            read(via)
        assert "cookie" not in service.requests[1].headers

    @pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
    @pytest.mark.parametrize("own_session", [False, True])
    def test_fork(self, own_session: bool) -> None:
        """A child uses a connection of its own, and the parent goes on with the one it had."""
        with FakeService(answer(MESSAGE)) as service:
            via = transport(service.url, requests.Session() if own_session else None)
            publish(via)
            child = os.fork()
            if child == 0:
                os._exit(publish_in_child(via))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            publish(via)
        assert [request.connection for request in service.requests] == [1, 2, 2, 1]

    def test_own_session(self) -> None:
        """A session of the caller's keeps its headers, is not given the key, and is not closed."""
        with FakeService(answer(NOBODY)) as service, requests.Session() as session:
            session.headers["X-Tenant"] = "eu"
            session.headers["User-Agent"] = "shop/1"
            via = transport(service.url, session)
            read(via)
            via.close()
            assert session.get(service.url, timeout=5).ok
        ours, theirs = service.requests
        assert (ours.headers["x-tenant"], ours.headers["user-agent"]) == ("eu", "shop/1")
        assert "authorization" not in theirs.headers
        assert (ours.connection, theirs.connection) == (1, 1)

    def test_own_session_that_raises(self) -> None:
        """A hook that raises for the status does not hide what the service said."""
        with FakeService(answer({"error": "no", "code": "forbidden"}, 403)) as service, requests.Session() as session:
            session.hooks["response"].append(lambda response, **_: response.raise_for_status())
            with pytest.raises(ForbiddenError, match="403 forbidden: no"):
                publish(transport(service.url, session))

    def test_own_adapter_that_leaks(self) -> None:
        """An exception of urllib3 that an adapter lets through is a transport error like any other."""

        class LeakyAdapter(HTTPAdapter):
            def send(self, *_: Any, **__: Any) -> Any:
                raise urllib3.exceptions.HTTPError("leaked")

        with requests.Session() as session:
            session.mount("http://", LeakyAdapter())
            with pytest.raises(VoyantTransportError, match="leaked"):
                read(transport("http://127.0.0.1:1", session))

    def test_own_session_decides_on_certificates(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without verify= the session's own setting holds, whatever the environment says."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "server.pem")
        with FakeService(answer(NOBODY), tls=context) as service, requests.Session() as session:
            session.verify = str(CERTIFICATES / "ca.pem")
            assert read(transport(service.url, session)) == []


def publish_in_child(via: Transport) -> int:
    """Publish twice, and return what the child exits with."""
    try:
        return 0 if publish(via).id == publish(via).id == "rtm_1" else 1
    except VoyantError:
        traceback.print_exc()
        return 2
