"""The URL of the Redis engine: what each part comes to, and what is refused, with no secret in the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from redis.asyncio.connection import AbstractConnection, SSLConnection

from tests.processes import ROOT
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.engine import redis_address
from voyant_cloud.server.engine.redis_address import parse_address

AUTHORITIES = ROOT / "tests/certificates/ca.pem"
PAIR = ROOT / "tests/certificates/server.pem"
SECRET = "horse-battery"


def connection(url: str, **options: Any) -> AbstractConnection:
    return parse_address(url, **options).new_connection()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", {"host": "h", "port": 6379, "db": 0}),
        ("REDIS://h/", {"host": "h", "port": 6379, "db": 0}),
        ("redis://h:7000/3", {"host": "h", "port": 7000, "db": 3}),
        ("redis://h?db=2147483647", {"db": 2147483647}),
        ("redis://[::1]:7000/3", {"host": "::1", "port": 7000, "db": 3}),
        ("unix:///run/a%20b.sock?db=2", {"path": "/run/a b.sock", "db": 2}),
        ("unix://:pw@/r", {"path": "/r", "password": "pw"}),
        ("redis://ann:p%40%2F%23w@h", {"username": "ann", "password": "p@/#w"}),
        ("redis://ann@h", {"username": "ann", "password": None}),
        ("redis+sentinel://a,b:7000/m/4", {"db": 4}),
        ("redis+sentinel://a/m?db=4", {"db": 4}),
    ],
)
def test_parts(url: str, expected: dict[str, Any]) -> None:
    """Each part goes where Redis's client takes it from."""
    made = connection(url)
    assert {name: getattr(made, name) for name in expected} == expected
    assert not isinstance(made, SSLConnection)


def test_sentinels() -> None:
    """Each has its host and port, and they are asked for the service by its name."""
    # Its connections know the pool for as long as it lives.
    address = parse_address("redis+sentinel://ann:pw@a,b:7000/m%20m")
    made: Any = address.new_connection()
    asked = [client.connection_pool.connection_kwargs for client in made.connection_pool.sentinel_manager.sentinels]
    assert [(each["host"], each["port"]) for each in asked] == [("a", 26_379), ("b", 7000)]
    assert made.connection_pool.service_name == "m m"
    assert (made.username, made.password) == ("ann", "pw")


def test_password_beside_the_url() -> None:
    """It counts before that of the URL, whichever kind of URL it is."""
    for url in ("redis://:other@h", "redis+sentinel://:other@h/m", "unix://:other@/r"):
        assert connection(url, password=SECRET).password == SECRET


@pytest.mark.parametrize(
    ("text", "checked"), [("true", True), ("1", True), ("Yes", True), ("FALSE", False), ("0", False), ("no", False)]
)
@pytest.mark.parametrize("place", ["rediss://h", "rediss+sentinel://h/m"])
def test_host_name_of_the_certificate(place: str, text: str, checked: bool) -> None:
    """It is compared unless that is switched off, and a word is not true because it is a word."""
    for url, expected in ((place, True), (f"{place}?ssl_check_hostname={text}", checked)):
        made = connection(url)
        assert isinstance(made, SSLConnection)
        assert made.check_hostname is expected


def test_files_of_tls() -> None:
    """They are taken by their paths."""
    made = connection(f"rediss://h?ssl_ca_certs={AUTHORITIES}&ssl_certfile={PAIR}&ssl_keyfile={PAIR}")
    assert isinstance(made, SSLConnection)
    assert (made.ca_certs, made.certfile, made.keyfile) == (str(AUTHORITIES), str(PAIR), str(PAIR))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("ssl_ca_certs=/none.pem", "ssl_ca_certs: '/none.pem' cannot be read: No such file or directory"),
        ("ssl_ca_certs=/%00", r"ssl_ca_certs: '/\x00' cannot be read: embedded null byte"),
        ("ssl_ca_certs={folder}", "cannot be read: Is a directory"),
        ("ssl_ca_certs={text}", "holds no certificates as PEM"),
        ("ssl_certfile={authorities}", "ca.pem' is no certificate and its key as PEM"),
        ("ssl_certfile={authorities}&ssl_keyfile={text}", "text' are no certificate and its key as PEM"),
        ("ssl_keyfile={authorities}", "the option ssl_keyfile needs ssl_certfile"),
    ],
)
def test_files_that_cannot_be_used(options: str, said: str, tmp_path: Path) -> None:
    """The option and the path are named, without a connection."""
    (tmp_path / "text").write_text("no PEM")
    filled = options.format(folder=tmp_path, text=tmp_path / "text", authorities=AUTHORITIES)
    with pytest.raises(VoyantConfigError) as refused:
        parse_address(f"rediss://h?{filled}")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"redis:{SECRET}", "the scheme is missing, must be one of redis, rediss, unix"),
        (f":{SECRET}://h", "the scheme must be one of redis, rediss"),
        (" redis://h", "a space or a control character"),
        ("redis://h/0\n", "a space or a control character"),
        (f"redis://:1#{SECRET}@h", "there is a # in the URL, which must be written as %23"),
        ("redis://h/0#fragment", "there is a # in the URL"),
        (f"redis://:1/{SECRET}@h/0", "there is an @ behind the host; write / as %2F"),
        (f"redis://:1?{SECRET}=@h/0", "there is an @ behind a ?; write ? as %3F"),
        ("redis:///0", "the URL has no host"),
        ("redis://[::1/0", "half of its brackets"),
        ("redis://[1.2.3.4]", "the host is '1.2.3.4'; a host is a name, an IPv4 address, or an IPv6 address in [ ]"),
        ("redis://a,b", "the host is 'a,b'; a host is a name"),
        ("redis://a..b", "the host is 'a..b'"),
        ("redis+sentinel://a,,b/m", "the URL has no host"),
        ("redis://h:0/0", "a port is 0, must be 1 to 65535"),
        ("redis://h:/0", "a port is no number, must be 1 to 65535"),
        # A password without the host behind it.
        (f"redis://ann:{SECRET}", "a port is no number, must be 1 to 65535"),
        ("redis://h/abc", "db is 'abc', must be a number from 0 to 2147483647"),
        ("redis://h/0/1", "db is '0/1', must be"),
        ("redis://h/-1", "db is '-1', must be"),
        ("redis://h/\u0663", "db is '\u0663', must be"),
        ("redis://h/2147483648", "db is '2147483648', must be"),
        ("redis+sentinel://h/m/x", "db is 'x', must be"),
        ("redis://h/1?db=2", "db is given twice, as '1' in the path and '2' behind the ?"),
        ("redis://h?db=1&db=2", "the option db is given twice, as '1' and '2'"),
        ("redis://h?prefix=", "the option prefix is empty"),
        (
            "redis://h?ssl_ca_certs=/x",
            "the option ssl_ca_certs is for TLS, which rediss:// and rediss+sentinel:// have",
        ),
        ("unix:///x?ssl_check_hostname=false", "the option ssl_check_hostname is for TLS"),
        ("rediss://h?ssl_check_hostname=maybe", "ssl_check_hostname is 'maybe', must be one of true, 1, yes, false"),
        ("unix://h/x", "the path of a socket begins with a slash"),
        ("unix://", "the path of a socket begins with a slash"),
        (f"redis://:{SECRET}@h?password={SECRET}", "there is no option 'password'; known are db, prefix"),
    ],
)
def test_wrong_parts(url: str, said: str) -> None:
    """One error names the part, what is allowed, and a value that is no secret."""
    with pytest.raises(VoyantConfigError) as refused:
        parse_address(url)
    assert str(refused.value).startswith("engine: ")
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_what_the_client_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found without a connection, and its own words, which may hold the password, are not told."""

    class Picky(redis_address.Connection):
        def __init__(self, **options: Any) -> None:
            raise TypeError(f"unexpected {options}")

    monkeypatch.setattr(redis_address, "Connection", Picky)
    with pytest.raises(VoyantConfigError, match=r"client cannot use redis://h/0 \(TypeError\)") as refused:
        parse_address(f"redis://:{SECRET}@h/0")
    assert SECRET not in str(refused.value)
