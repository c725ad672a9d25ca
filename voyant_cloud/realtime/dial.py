"""How a channel's service is reached: DNS, a proxy where there is one, TLS; all under one deadline."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import stat
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakValueDictionary

from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: TID251 - no request is made: it names a file

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.realtime.wire import Wire

__all__ = ["Dialer"]

_PORTS: Final = {"ws": 80, "wss": 443}
# What requests calls the schemes, in its proxies and in the environment.
_PROXY_SCHEME: Final = {"ws": "http", "wss": "https"}
_DEFAULT_PROXY_PORT: Final = 80
_LONGEST_ANSWER: Final = 16_384
# To read the certificates takes tens of milliseconds, and to hold them most of a megabyte; so channels share them while
# there are any. Without a lock: what two threads read at a time is read twice and no harm done.
_contexts: Final[WeakValueDictionary[tuple[str, int, int, bool], ssl.SSLContext]] = WeakValueDictionary()


class Dialer:
    """Opens streams to services.

    Args:
        proxies: a proxy's URL by scheme, as in requests; ``None`` takes them from the environment.
        verify: whether to check certificates, or the path of a CA bundle to check them with.
        secure: whether any of the services speaks TLS.

    Raises:
        VoyantConfigError: the bundle cannot be read.
    """

    def __init__(self, *, proxies: Mapping[str, str] | None, verify: bool | str, secure: bool = True) -> None:
        self._proxies = proxies
        self._context = _context(verify) if secure else None

    def dial(self, wire: Wire, url: str, deadline: float) -> None:
        """Connect *wire* to the host of *url*, ready for the upgrade.

        Args:
            wire: a new one.
            url: begins with ``ws://`` or ``wss://``.
            deadline: when to give up, on the monotonic clock. Name resolution is the system's and cannot be
                interrupted; it is not waited for in addition.

        Raises:
            OSError: the service or the proxy cannot be reached.
            VoyantConfigError: the proxy is of a kind that is not supported.
        """
        target = urlsplit(url)
        assert target.hostname is not None
        port = target.port or _PORTS[target.scheme]
        proxy = self._proxy_for(target)
        if proxy is None:
            wire.connect(_resolve(target.hostname, port), deadline)
        else:
            assert proxy.hostname is not None
            wire.connect(_resolve(proxy.hostname, proxy.port or _DEFAULT_PROXY_PORT), deadline)
            _open_tunnel(wire, proxy, f"{_bracketed(target.hostname)}:{port}", deadline)
        if target.scheme == "wss":
            assert self._context is not None
            wire.start_tls(self._context, target.hostname, deadline)

    def _proxy_for(self, target: SplitResult) -> SplitResult | None:
        scheme, host = _PROXY_SCHEME[target.scheme], target.hostname or ""
        proxies: Mapping[str, str] = self._proxies if self._proxies is not None else _environment_proxies(host)
        for key in (f"{scheme}://{host}", scheme, f"all://{host}", "all"):
            if proxies.get(key):
                return _parse_proxy(proxies[key])
        return None


def _environment_proxies(host: str) -> Mapping[str, str]:
    return {} if proxy_bypass(host) else getproxies()


def _parse_proxy(url: str) -> SplitResult:
    proxy = urlsplit(url if "://" in url else f"http://{url}")
    if proxy.scheme != "http" or not proxy.hostname:
        # The URL is not shown: it may hold a password.
        raise VoyantConfigError(f"proxies: a channel needs a proxy of http://host:port, got {proxy.scheme}://…")
    return proxy


def _resolve(host: str, port: int) -> list[tuple[object, ...]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _open_tunnel(wire: Wire, proxy: SplitResult, target: str, deadline: float) -> None:
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(pair.encode()).decode())
    wire.send_timeout = max(0.0, deadline - time.monotonic())
    wire.send("\r\n".join([*lines, "", ""]).encode())
    wire.read_deadline = deadline
    wire.allow(_LONGEST_ANSWER)
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)
        if not byte:
            raise ConnectionError("the proxy ended the connection")
        answer += byte
    status = answer.split(b"\r\n", 1)[0].split(b" ")[1:2]
    if status != [b"200"]:
        raise ConnectionError(f"the proxy answered {b''.join(status).decode('ascii', 'replace')} to CONNECT")


def _context(verify: bool | str) -> ssl.SSLContext:
    # What is trusted is what requests trusts, so that channels and REST fail or work together.
    given = verify if isinstance(verify, str) else None
    bundle = given or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    try:
        found = os.stat(bundle)
        key = (bundle, found.st_mtime_ns, found.st_size, verify is False)
        context = _contexts.get(key)
        if context is None:
            is_folder = stat.S_ISDIR(found.st_mode)
            _contexts[key] = context = _load(bundle, is_folder=is_folder, is_checked=verify is not False)
    except OSError as error:
        raise VoyantConfigError(f"verify: cannot read the CA bundle {bundle!r}: {error}") from None
    return context


def _load(bundle: str, *, is_folder: bool, is_checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(capath=bundle if is_folder else None, cafile=None if is_folder else bundle)
    if not is_checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
