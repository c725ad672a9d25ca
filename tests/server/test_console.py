"""The console's routes: what is served to whom, with which headers, and that its page takes every value as text."""

from __future__ import annotations

import re
import socket
from importlib.resources import files
from typing import Any

import pytest
import requests

from tests.server.wire_client import call, mint, publish, refused_upgrade, subscribe
from voyant_cloud.server.console import routes
from voyant_cloud.server.console.routes import FILES, PAGE
from voyant_cloud.testing import VoyantServer

STATIC = files(routes.__package__ or "").joinpath("static")
SOURCES = {each.name: each.read_text() for each in STATIC.iterdir()}
PATHS = ["/console", *(f"/console/{name}" for name in FILES)]


def get(server: VoyantServer, path: str, **headers: str) -> requests.Response:
    """Send a request as a browser does that opens a page: without a key."""
    return call(server, "GET", path, headers={"Authorization": "", **headers})


def channels(server: VoyantServer, **query: str) -> dict[str, Any]:
    """List channels."""
    answer = call(server, "GET", "/console/channels", params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def assert_refused(answer: requests.Response, status: int, code: str, words: str) -> None:
    """Check the envelope of a refusal."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code)
    assert words in body["error"]
    assert body["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("path", PATHS)
def test_files_come_with_every_protection(server: VoyantServer, path: str) -> None:
    """Each file has its type, is not stored anywhere, and may load and reach this very server alone."""
    answer = get(server, path)
    assert answer.status_code == 200
    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}.get(
        path.rpartition(".")[2], "text/html"
    )
    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == SOURCES[path.removeprefix("/console").removeprefix("/") or PAGE]


def test_policy(server: VoyantServer) -> None:
    """Nothing is allowed but what is listed: files and WebSockets of this host, no inline code or style, no frame."""
    host = server.url.removeprefix("http://")
    policy = dict(each.split(" ", 1) for each in get(server, "/console").headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' ws://{host} wss://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


@pytest.mark.parametrize("named", ["a.example; script-src *", "a.example *", "[::1]:8787", "a'b", ""])
def test_policy_takes_no_word_from_the_host(server: VoyantServer, named: str) -> None:
    """A Host header that is no name with a port adds nothing to the policy."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(f"GET /console HTTP/1.1\r\nHost: {named}\r\n\r\n".encode())
        head = raw.recv(65_536).partition(b"\r\n\r\n")[0]
    assert b"connect-src 'self'\r\n" in head


def test_every_file_is_served_and_no_other() -> None:
    """The list of files is what is in the folder."""
    assert {PAGE, *FILES} == set(SOURCES)


def test_slash_leads_to_the_page(server: VoyantServer) -> None:
    """With a slash at its end the page's relative addresses would be wrong, so the browser is sent on."""
    with requests.Session() as session:
        answer = session.get(f"{server.url}/console/", allow_redirects=False, timeout=10)
        assert (answer.status_code, answer.headers["Location"]) == (308, "../console")
        assert session.get(f"{server.url}/console/", timeout=10).url == f"{server.url}/console"


def test_channels_say_where_they_stand(server: VoyantServer) -> None:
    """Each has what was ever published, when last, and its WebSockets; one that is only followed is there too."""
    publish(server, "orders:eu")
    newest = publish(server, "orders:eu")
    with subscribe(server, "orders:us"), subscribe(server, "orders:us"):
        answer = channels(server)
    assert answer["scopes"] == ["realtime:publish", "realtime:subscribe", "realtime:tokens"]
    assert answer["more"] is False
    assert sorted(answer["channels"], key=lambda each: each["channel"]) == [
        {"channel": "orders:eu", "published": 2, "lastAt": newest["publishedAt"], "subscribers": 0},
        {"channel": "orders:us", "published": 0, "lastAt": None, "subscribers": 2},
    ]


def test_channels_by_prefix(server: VoyantServer) -> None:
    """A prefix narrows the list; all that can stand in a name can stand in it."""
    for name in ("orders:eu", "orders:us", ".hidden", "chat"):
        publish(server, name)

    def found(prefix: str) -> list[str]:
        return sorted(each["channel"] for each in channels(server, prefix=prefix)["channels"])

    assert found("orders:u") == ["orders:us"]
    assert found(".") == [".hidden"]
    assert found("") == [".hidden", "chat", "orders:eu", "orders:us"]


@pytest.mark.parametrize("prefix", ["a b", "a*", "é", "x" * 201, "a/b", "%", "a\n", "<script>"])
def test_prefix_of_no_channel(server: VoyantServer, prefix: str) -> None:
    """A prefix that no name can have is refused."""
    answer = call(server, "GET", "/console/channels", params={"prefix": prefix})
    assert_refused(answer, 400, "invalid_request", "no channel's name begins with it")


def test_list_is_bounded(server: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most so many channels are listed, the most recently used, and the answer says that there are more."""
    monkeypatch.setattr(routes, "MOST_CHANNELS", 3)
    names = [f"c{number}" for number in range(5)]
    for name in names[:3]:
        publish(server, name)
    assert channels(server)["more"] is False
    for name in names[3:]:
        publish(server, name)
    answer = channels(server)
    assert answer["more"] is True
    assert len(answer["channels"]) == 3


def test_channels_need_a_key_with_the_scope() -> None:
    """As with the protocol's own routes: no key or a wrong one is 401, a key without the scope 403."""
    with VoyantServer(api_key="vck_0123456789abcdef:realtime:publish,realtime:tokens") as server:
        assert_refused(get(server, "/console/channels"), 401, "unauthorized", "API key is missing or not valid")
        wrong = call(server, "GET", "/console/channels", key="vck_wrong-but-long-enough")
        assert_refused(wrong, 401, "unauthorized", "API key is missing or not valid")
        assert_refused(call(server, "GET", "/console/channels"), 403, "forbidden", "lacks the scope realtime:subscribe")


def test_scopes_are_those_of_the_key() -> None:
    """The page learns what its key may do."""
    with VoyantServer(api_key="vck_0123456789abcdef:realtime:subscribe") as server:
        assert channels(server)["scopes"] == ["realtime:subscribe"]


@pytest.mark.parametrize(
    "path", ["/console/nothing.js", "/console/routes.py", "/console/../x.js", "/console/%2e%2e/app.py", "/consol"]
)
def test_other_paths_are_not_found(server: VoyantServer, path: str) -> None:
    """Only the listed files are there, whatever the path tries."""
    assert_refused(get(server, path), 404, "not_found", "nothing at this path")


@pytest.mark.parametrize("path", ["/console", "/console/console.js", "/console/channels"])
def test_other_methods_are_refused(server: VoyantServer, path: str) -> None:
    """Everything here is only read."""
    answer = call(server, "POST", path, json={})
    assert_refused(answer, 405, "method_not_allowed", "GET")
    assert call(server, "HEAD", path).status_code == 200


@pytest.mark.parametrize("path", [*PATHS, "/console/", "/console/channels"])
def test_off_is_as_if_there_were_none(path: str) -> None:
    """Without the console its paths are not found, as any other."""
    with VoyantServer(console=False) as server:
        assert_refused(call(server, "GET", path), 404, "not_found", "nothing at this path")


def test_own_origin_may_connect_while_the_console_is_on() -> None:
    """The page's own origin opens a WebSocket; another does not; without the console neither does."""
    for console in (True, False):
        with VoyantServer(console=console) as server:
            token = mint(server)
            if console:
                with subscribe(server, token=token, origin=server.url) as opened:
                    assert opened.connected["channel"] == "orders:eu"
            else:
                assert refused_upgrade(server, "orders:eu", token, origin=server.url)[0] == 403
            status, body = refused_upgrade(server, "orders:eu", token, origin="http://127.0.0.1:1")
            assert (status, body["code"]) == (403, "forbidden")


def test_polling_does_not_fill_the_access_log(server: VoyantServer, caplog: pytest.LogCaptureFixture) -> None:
    """An open page asks every second, which is logged for debugging alone; what is refused is logged as ever."""
    with caplog.at_level("DEBUG", logger="voyant_cloud.server.access"):
        channels(server)
        get(server, "/console")
        get(server, "/console/channels")
    found = [(record.levelname, *record.getMessage().split()[1:3]) for record in caplog.records]
    assert found == [
        ("DEBUG", "/console/channels", "200"),
        ("INFO", "/console", "200"),
        ("INFO", "/console/channels", "401"),
    ]
    assert server.api_key not in caplog.text


def test_page_takes_values_as_text() -> None:
    """Nothing in the page's sources reads markup, runs text as code, or writes a style or handler into an element."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|style=|\son\w+=\"|javascript:"
    )
    assert {name: forbidden.findall(text) for name, text in SOURCES.items() if forbidden.search(text)} == {}


def test_page_keeps_nothing_and_fetches_nothing_from_elsewhere() -> None:
    """Its sources name no storage, write to no log, and hold no address but that of SVG's names."""
    forbidden = re.compile(r"localStorage|sessionStorage|indexedDB|document\.cookie|console\.\w+\(|https?://[^\"'\s]+")
    found = {name: forbidden.findall(text) for name, text in SOURCES.items() if forbidden.search(text)}
    assert found == {"icon.svg": ["http://www.w3.org/2000/svg"], "plot.js": ["http://www.w3.org/2000/svg"]}


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - {"icon.svg"}))
def test_each_source_says_its_duty(name: str) -> None:
    """The first line is a comment, after the doctype that must come before it."""
    text = SOURCES[name].removeprefix("<!doctype html>\n")
    assert re.match(r"// [A-Z]|/\* [A-Z]|<!-- [A-Z]", text)
