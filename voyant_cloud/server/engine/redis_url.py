"""The URL of an engine taken apart: each part is checked, and none that may be a secret is shown; pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote

import attrs

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.engine.redis_names import DEFAULT_PREFIX, Names

__all__ = ["FILES", "RedisUrl", "read_url", "wrong"]

SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""The options that name a file: authorities, this client's certificate, and its key."""
_OPTIONS: Final = ("db", "prefix", *FILES, "ssl_check_hostname")
_PORTS: Final = {"redis": 6_379, "sentinel": 26_379}
_MOST_DB: Final = 2**31 - 1
_FLAGS: Final = {**dict.fromkeys(("true", "1", "yes"), True), **dict.fromkeys(("false", "0", "no"), False)}
_SHOWN: Final = 80
# A number that is longer than any port may be a password whose "@" was forgotten.
_PORT_LIKE: Final = re.compile(r"[0-9]{1,5}", re.ASCII)
_SCHEME_LIKE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}", re.ASCII)
_HOSTS: Final = "a host is a name, an IPv4 address, or an IPv6 address in [ ]"
_HOST: Final = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?P<port>:.*)?", re.DOTALL)


@attrs.frozen
class RedisUrl:
    """What a URL says.

    Attributes:
        shown: the URL for people, without user name, password and options.
        hosts: names or addresses, each with its port; none for a socket on this machine.
        socket: the path of that socket.
        service: the service's name, where the hosts are Sentinels.
        tls: whether Redis is spoken to over TLS.
        files: the paths of the ``ssl_`` options that name a file, by option.
        check_hostname: whether the certificate has to be for the host.
    """

    shown: str
    hosts: tuple[tuple[str, int], ...]
    socket: str | None
    service: str | None
    db: int
    prefix: str
    tls: bool
    files: Mapping[str, str]
    check_hostname: bool
    user: str | None = attrs.field(repr=False)
    password: str | None = attrs.field(repr=False)


def read_url(url: str) -> RedisUrl:
    """Read a URL; see ``parse_address`` for its form.

    Raises:
        VoyantConfigError: a part of it is wrong; the message names the part, what is allowed, and a value that is no
            secret.
    """
    scheme, rest = _scheme(url)
    place, options = _options(rest)
    authority, slash, behind = place.partition("/")
    credentials, _, listed = authority.rpartition("@")
    path = slash + behind
    if "@" in path:
        # What looks like a path is the rest of a password then, and must not be shown.
        raise wrong("there is an @ behind the host; write / as %2F in a user name or password, and @ as %40 elsewhere")
    is_local, by_sentinel = scheme == "unix", scheme.endswith("+sentinel")
    service, db = _service(path) if by_sentinel else (None, "" if is_local else path.removeprefix("/"))
    user, _, password = credentials.partition(":")
    tls = scheme.startswith("rediss")
    return RedisUrl(
        shown=f"{scheme}://{listed}{path}",
        hosts=() if is_local else _hosts(listed, by_sentinel),
        socket=_socket(listed, path) if is_local else None,
        service=service,
        db=_db(db, options.get("db", "")),
        prefix=_prefix(options),
        tls=tls,
        files=_files(options, tls),
        check_hostname=_flag("ssl_check_hostname", options, tls),
        user=unquote(user) or None,
        password=unquote(password) or None,
    )


def wrong(problem: str) -> VoyantConfigError:
    """Return the error that says what is wrong with the engine's setting."""
    return VoyantConfigError(f"engine: {problem}")


def _scheme(url: str) -> tuple[str, str]:
    if any(sign.isspace() or not sign.isprintable() for sign in url):
        raise wrong("there is a space or a control character in the URL; write a space as %20")
    # It would end the URL, in a password also that password, and what is before it would be used and shown.
    if "#" in url:
        raise wrong("there is a # in the URL, which must be written as %23")
    scheme, found, rest = url.partition("://")
    known = f"must be one of {', '.join(SCHEMES)}"
    if not found:
        raise wrong(f"the scheme is missing, {known}, with :// behind it")
    if scheme.lower() not in SCHEMES:
        raise wrong(f"the scheme is {scheme!r}, {known}" if _SCHEME_LIKE.fullmatch(scheme) else f"the scheme {known}")
    return scheme.lower(), rest


def _options(rest: str) -> tuple[str, dict[str, str]]:
    place, _, query = rest.partition("?")
    if "@" in query:
        raise wrong("there is an @ behind a ?; write ? as %3F in a user name or password, and @ as %40 in an option")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise wrong("what is behind the ? cannot be read, must be name=value, with & between several") from None
    options: dict[str, str] = {}
    for name, value in pairs:
        if name not in _OPTIONS:
            raise wrong(f"there is no option {name[:40]!r}; known are {', '.join(_OPTIONS)}")
        if name in options:
            raise wrong(f"the option {name} is given twice, as {options[name]!r:.{_SHOWN}} and {value!r:.{_SHOWN}}")
        if not value:
            raise wrong(f"the option {name} is empty; give it a value or leave it out")
        options[name] = value
    return place, options


def _hosts(listed: str, by_sentinel: bool) -> tuple[tuple[str, int], ...]:
    each = listed.split(",") if by_sentinel else [listed]
    return tuple(_host(text, _PORTS["sentinel" if by_sentinel else "redis"]) for text in each)


def _host(text: str, port: int) -> tuple[str, int]:
    parts = _HOST.fullmatch(text)
    if parts is None or not (parts["six"] or parts["name"]):
        raise wrong(f"the URL has no host, or one with half of its brackets; {_HOSTS}")
    host = unquote(parts["six"] or parts["name"])
    try:
        if parts["six"]:
            ipaddress.IPv6Address(host)
        elif not re.fullmatch(r"[\w.-]+", host):
            raise ValueError(host)
        # As the system is asked for it: labels of 1 to 63 characters.
        host.encode("idna")
    except ValueError:
        raise wrong(f"the host is {host!r:.{_SHOWN}}; {_HOSTS}") from None
    return host, port if parts["port"] is None else _port(parts["port"][1:])


def _port(text: str) -> int:
    if not _PORT_LIKE.fullmatch(text):
        raise wrong("a port is no number, must be 1 to 65535")
    if not 1 <= int(text) <= 65_535:
        raise wrong(f"a port is {int(text)}, must be 1 to 65535")
    return int(text)


def _socket(listed: str, path: str) -> str:
    socket = unquote(path)
    if listed or not socket or "\0" in socket:
        raise wrong("the path of a socket begins with a slash and has no NUL, such as unix:///run/redis/redis.sock")
    return socket


def _service(path: str) -> tuple[str, str]:
    service, _, db = path.removeprefix("/").partition("/")
    if not service:
        raise wrong("a Sentinel URL ends with the name of its service: redis+sentinel://host:26379/mymaster")
    return unquote(service), db


def _db(in_path: str, as_option: str) -> int:
    if in_path and as_option:
        raise wrong(f"db is given twice, as {in_path!r:.{_SHOWN}} in the path and {as_option!r:.{_SHOWN}} behind the ?")
    text = in_path or as_option or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_DB)) and int(text) <= _MOST_DB):
        raise wrong(f"db is {text!r:.{_SHOWN}}, must be a number from 0 to {_MOST_DB}")
    return int(text)


def _prefix(options: Mapping[str, str]) -> str:
    prefix = options.get("prefix", DEFAULT_PREFIX)
    # It says what a prefix may be.
    Names(prefix)
    return prefix


def _files(options: Mapping[str, str], tls: bool) -> dict[str, str]:
    for name in (each for each in options if each.startswith("ssl_")):
        if not tls:
            raise wrong(f"the option {name} is for TLS, which rediss:// and rediss+sentinel:// have")
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise wrong("the option ssl_keyfile needs ssl_certfile, the certificate of that key")
    return {name: options[name] for name in FILES if name in options}


def _flag(name: str, options: Mapping[str, str], default: bool) -> bool:
    if name not in options:
        return default
    if options[name].lower() not in _FLAGS:
        raise wrong(f"{name} is {options[name]!r:.{_SHOWN}}, must be one of {', '.join(_FLAGS)}")
    return _FLAGS[options[name].lower()]
