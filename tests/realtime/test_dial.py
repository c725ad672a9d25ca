"""Dialing: TLS that checks, proxies that tunnel, and none of their secrets shown."""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import repeat
from pathlib import Path

import pytest

from tests.fake_realtime import CLOSE, PATIENCE, FakePeer, FakeRealtime, frame_bytes
from voyant_cloud.errors import RealtimeError, VoyantConfigError
from voyant_cloud.realtime.connection import ConnectFailedError, Connection, ConnectionEndedError
from voyant_cloud.realtime.dial import Dialer
from voyant_cloud.realtime.wire import Wire

CERTIFICATES = Path(__file__).parents[1] / "certificates"
BUNDLE = str(CERTIFICATES / "ca.pem")
SHORT_AND_LONG = ["a", "b" * 200_000]


class Proxy:
    """Answers one CONNECT, and if it is with 200, carries bytes between the client and a service.

    Args:
        port: the service's, whatever the client asks for.
        answer: what to say to CONNECT.
    """

    def __init__(self, port: int, answer: bytes) -> None:
        self._target = port
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = self._listener.getsockname()[1]
        self.request = b""

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client:
            while not self.request.endswith(b"\r\n\r\n"):
                self.request += client.recv(1)
            client.sendall(self._answer)
            if b" 200 " in self._answer:
                with socket.create_connection(("127.0.0.1", self._target)) as service, ThreadPoolExecutor() as pool:
                    pool.submit(carry, client, service)
                    carry(service, client)


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(autouse=True)
def _clean_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def service() -> Iterator[FakeRealtime]:
    """A service that speaks in the clear."""
    with FakeRealtime(say_both) as running:
        yield running


@pytest.fixture
def secure_service() -> Iterator[FakeRealtime]:
    """A service that speaks TLS, with a certificate that BUNDLE trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    with FakeRealtime(say_both, tls=context) as running:
        yield running


def say_both(peer: FakePeer) -> None:
    peer.upgrade()
    if peer.path == "/echo":
        echo_all(peer)
        return
    for text in SHORT_AND_LONG:
        peer.write(frame_bytes(text))
    echo = peer.receive()
    assert echo is not None
    peer.write(frame_bytes(echo[1]))
    peer.wait_for_end()
    peer.drop()


def echo_all(peer: FakePeer) -> None:
    while (frame := peer.receive()) is not None:
        peer.write(frame_bytes(frame[1]))


def talk(url: str, *, proxies: Mapping[str, str] | None = None, verify: bool | str = True) -> list[str]:
    """Connect, read the greeting, have something echoed, and leave."""
    connection = Connection(Dialer(proxies={} if proxies is None else proxies, verify=verify))
    try:
        connection.open(url, time.monotonic() + PATIENCE)
        texts: list[str] = []
        while len(texts) < len(SHORT_AND_LONG):
            texts += connection.receive(PATIENCE, 9)
        connection.send("c" * 100_000)
        while len(texts) < len(SHORT_AND_LONG) + 1:
            texts += connection.receive(PATIENCE, 9)
        connection.start_close(1000, "done")
        return texts
    finally:
        connection.shut()


EXPECTED = [*SHORT_AND_LONG, "c" * 100_000]


# TLS


def test_tls_with_a_bundle(secure_service: FakeRealtime) -> None:
    """verify= as in requests: the path of what to trust."""
    assert talk(f"wss://localhost:{secure_service.port}/", verify=BUNDLE) == EXPECTED


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_tls_with_a_bundle_from_the_environment(
    secure_service: FakeRealtime, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """REST and channels trust the same, so the channel reads what requests reads."""
    monkeypatch.setenv(variable, BUNDLE)
    assert talk(f"wss://localhost:{secure_service.port}/") == EXPECTED


def test_tls_with_a_folder_of_certificates(secure_service: FakeRealtime, tmp_path: Path) -> None:
    """Named by their hashes, as `openssl rehash` leaves them."""
    name = subprocess.run(
        ["openssl", "x509", "-in", BUNDLE, "-noout", "-hash"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(Path(BUNDLE).read_bytes())
    assert talk(f"wss://localhost:{secure_service.port}/", verify=str(tmp_path)) == EXPECTED


def test_tls_without_a_check(secure_service: FakeRealtime) -> None:
    """verify=False is for tests."""
    assert talk(f"wss://127.0.0.1:{secure_service.port}/", verify=False) == EXPECTED


def test_tls_is_read_to_its_end_when_a_send_fails() -> None:
    """What the peer said before it was gone: a text, and why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    connection = Connection(Dialer(proxies={}, verify=False))

    def refuse_what_comes(peer: FakePeer) -> None:
        peer.upgrade()
        peer.receive()
        peer.write(frame_bytes("last") + frame_bytes((4429).to_bytes(2, "big"), CLOSE))
        peer.reset()

    with FakeRealtime(refuse_what_comes, tls=context) as service, ExitStack() as stack:
        stack.callback(connection.shut)
        connection.open(f"wss://127.0.0.1:{service.port}/", time.monotonic() + PATIENCE)
        with pytest.raises(RealtimeError, match="may or may not have arrived"):
            deque(map(connection.send, repeat("x")), 0)
        assert connection.receive(PATIENCE, 9) == ["last"]
        with pytest.raises(ConnectionEndedError) as caught:
            connection.receive(PATIENCE, 9)
        assert caught.value.code == 4429


def test_tls_of_an_unknown_issuer(secure_service: FakeRealtime) -> None:
    """It is refused, and it is said that this lasts."""
    with pytest.raises(ConnectFailedError, match="not trusted") as caught:
        talk(f"wss://localhost:{secure_service.port}/")
    assert caught.value.is_lasting


def test_tls_of_another_host(secure_service: FakeRealtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that is good, but not for this name, is refused."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", secure_service.port))
    monkeypatch.setattr("voyant_cloud.realtime.dial._resolve", lambda *_: [address])
    with pytest.raises(ConnectFailedError, match="not trusted: Hostname mismatch"):
        talk("wss://elsewhere.example/", verify=BUNDLE)


def test_tls_carries_both_directions_at_once(secure_service: FakeRealtime) -> None:
    """OpenSSL takes no two operations at a time; writing while another thread reads must not break it."""
    connection = Connection(Dialer(proxies={}, verify=BUNDLE))
    connection.open(f"wss://localhost:{secure_service.port}/echo", time.monotonic() + PATIENCE)
    texts = [str(number) * 3000 for number in range(300)]
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(send_all, connection, texts)
        received: list[str] = []
        while len(received) < len(texts):
            received += connection.receive(PATIENCE, 256)
        sending.result(PATIENCE)
    connection.shut()
    assert received == texts


def send_all(connection: Connection, texts: list[str]) -> None:
    for text in texts:
        connection.send(text)


def test_a_peer_that_speaks_no_tls_is_a_failed_connect() -> None:
    """It is a mistake in the address, but may be a proxy's bad day: no end for good."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor() as pool:
        answering = pool.submit(answer_in_plain, listener)
        with pytest.raises(ConnectFailedError) as caught:
            talk(f"wss://127.0.0.1:{listener.getsockname()[1]}/")
        answering.result(PATIENCE)
    assert not caught.value.is_lasting


def answer_in_plain(listener: socket.socket) -> None:
    client, _ = listener.accept()
    with client:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        client.recv(65_536)


def test_a_tls_handshake_has_a_deadline() -> None:
    """A listener that never answers does not hold it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = Connection(Dialer(proxies={}, verify=True))
        with pytest.raises(ConnectFailedError, match="took too long"):
            connection.open(f"wss://127.0.0.1:{silent.getsockname()[1]}/", time.monotonic() + 0.1)
        connection.shut()


def test_a_bundle_that_is_none_is_a_wrong_setting(tmp_path: Path) -> None:
    """It is told before anything is dialed."""
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    with pytest.raises(VoyantConfigError, match="verify: cannot read the CA bundle"):
        Dialer(proxies={}, verify=str(bundle))


def test_a_bundle_is_held_once_for_all_channels(tmp_path: Path) -> None:
    """It takes most of a megabyte. One that changed is read again, and what trusts nobody else stays apart."""
    bundle = tmp_path / "ca.pem"
    bundle.write_text(Path(BUNDLE).read_text())
    first, second = (Dialer(proxies={}, verify=str(bundle))._context for _ in range(2))
    assert first is second
    assert Dialer(proxies={}, verify=False)._context is not Dialer(proxies={}, verify=True)._context
    bundle.write_text(Path(BUNDLE).read_text() + "\n")
    assert Dialer(proxies={}, verify=str(bundle))._context is not first


# Proxies


ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"


@pytest.mark.parametrize(("scheme", "port"), [("ws", 80), ("wss", 443)])
def test_a_proxy_tunnels(service: FakeRealtime, secure_service: FakeRealtime, scheme: str, port: int) -> None:
    """CONNECT with the credentials of the proxy's URL, TLS inside the tunnel."""
    target = secure_service if scheme == "wss" else service
    with Proxy(target.port, ESTABLISHED) as proxy:
        given = {scheme.replace("ws", "http"): f"http://us%40er:p%3Aw@127.0.0.1:{proxy.port}"}
        assert talk(f"{scheme}://localhost/", proxies=given, verify=BUNDLE) == EXPECTED
    lines = proxy.request.decode().split("\r\n")
    assert lines[0] == f"CONNECT localhost:{port} HTTP/1.1"
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'us@er:p:w').decode()}" in lines


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\n\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 2"])
def test_a_proxy_that_refuses_is_a_failed_connect(service: FakeRealtime, answer: bytes) -> None:
    """The password is not in the words."""
    with Proxy(service.port, answer) as proxy:
        with pytest.raises(ConnectFailedError, match="the proxy") as caught:
            talk("ws://localhost/", proxies={"http": f"http://user:secret@127.0.0.1:{proxy.port}"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://user:secret@proxy:1", "socks5://user:secret@proxy:1", "http://"])
def test_other_kinds_of_proxy_are_a_wrong_setting(url: str) -> None:
    """It is said at once, and that another attempt would end the same."""
    with pytest.raises(ConnectFailedError, match="a channel needs a proxy of http://") as caught:
        talk("ws://localhost/", proxies={"http": url})
    assert caught.value.is_lasting
    assert "secret" not in str(caught.value)


def test_proxies_come_from_the_environment(service: FakeRealtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in requests, with its exceptions."""
    url = f"ws://127.0.0.1:{service.port}/"
    dialer = Dialer(proxies=None, verify=True)
    with Proxy(service.port, b"HTTP/1.1 407 No\r\n\r\n") as proxy, closing(Wire()) as wire:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionError, match="407 to CONNECT"):
            dialer.dial(wire, url, time.monotonic() + PATIENCE)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with closing(Wire()) as wire:
        dialer.dial(wire, url, time.monotonic() + PATIENCE)


# Addresses


def test_the_next_address_is_tried() -> None:
    """A host may have several, and the first may be dead."""
    with socket.create_server(("127.0.0.1", 0)) as alive, socket.create_server(("127.0.0.1", 0)) as dead:
        alive_address, dead_address = alive.getsockname(), dead.getsockname()
        dead.close()
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", each) for each in (dead_address, alive_address)]
        with closing(Wire()) as wire:
            wire.connect(addresses, time.monotonic() + PATIENCE)
            accepted, _ = alive.accept()
            accepted.close()


def test_a_black_hole_has_a_deadline_and_leaves_time_for_the_next_address() -> None:
    """An address that swallows everything gets its share of the time only."""
    with socket.socket() as full, socket.create_server(("127.0.0.1", 0)) as alive:
        # A listener with a full backlog answers no further connection.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()), closing(Wire()) as wire:
            hole = (socket.AF_INET, socket.SOCK_STREAM, 0, "", full.getsockname())
            with pytest.raises(TimeoutError):
                wire.connect([hole], time.monotonic() + 0.1)
            good = (socket.AF_INET, socket.SOCK_STREAM, 0, "", alive.getsockname())
            wire.connect([hole, good], time.monotonic() + 0.4)
