"""The chat's own tests: Flask's test client, and the real service in the test's process."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from uuid import uuid4

import pytest
from click import ClickException
from flask.testing import FlaskClient

from chat import create_app
from chat.people import checked_name
from voyant_cloud import RealtimeChannel
from voyant_cloud.testing import Published, VoyantServer

ROOM = "/room/lobby/messages"
Enter = Callable[[str], FlaskClient]


@pytest.fixture
def enter(voyant_server: VoyantServer) -> Enter:
    """Let somebody in, with a browser of their own."""
    app = create_app(SECRET_KEY="test", VOYANT_CLOUD_RETRIES=0)

    def take_name(name: str) -> FlaskClient:
        browser = app.test_client()
        assert browser.post("/enter", data={"name": name, "room": "kitchen"}).location == "/room/kitchen"
        return browser

    return take_name


def client_id_of(browser: FlaskClient) -> str:
    with browser.session_transaction() as session:
        return session["client_id"]


def test_a_message(enter: Enter, published: Published) -> None:
    """It is published under the sender's client id, and answered in the shape in which browsers get it."""
    browser, message_id = enter("Ada"), str(uuid4())
    answer = browser.post(ROOM, json={"id": message_id, "text": " <b>Hello</b>\n"})
    data = {"id": message_id, "from": client_id_of(browser), "text": "<b>Hello</b>"}
    assert answer.status_code == 201
    assert answer.json["data"] == data
    assert published("chat:lobby", event="message", data=data).id == answer.json["id"]
    assert browser.get(ROOM).json == {"messages": [answer.json], "more": False}


def test_a_message_twice_is_stored_once(enter: Enter, voyant_server: VoyantServer, published: Published) -> None:
    """An answer may be lost, the key may be forgotten, and somebody else may use the same id."""
    browser = enter("Ada")
    message = {"id": str(uuid4()), "text": "Hello"}
    with voyant_server.drop_answers():
        assert browser.post(ROOM, json=message).status_code == 503
    first = browser.post(ROOM, json=message).json
    assert browser.post(ROOM, json={**message, "again": True}).json == first
    assert published.count("chat:lobby") == 1
    assert browser.post(ROOM, json={**message, "text": "Other"}).status_code == 409
    assert enter("Eve").post(ROOM, json=message).status_code == 201
    assert browser.post("/room/kitchen/messages", json=message).status_code == 201
    assert published.count() == 3


def test_a_message_again_after_the_key_is_forgotten(
    enter: Enter, published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The history still knows it."""
    browser = enter("Ada")
    message = {"id": str(uuid4()), "text": "Hello"}
    first = browser.post(ROOM, json=message).json
    # As after some minutes: the key no longer says anything.
    monkeypatch.setattr("chat.messages.uuid5", lambda *_: uuid4())
    assert browser.post(ROOM, json={**message, "again": True}).json == first
    assert published.count() == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"text": "x" * 2001}, "That is 2,001 characters; a message may have 2,000."),
        ({"text": " \n"}, "A message needs some text."),
        ({"text": "x", "id": "1"}, "The id of a message must be a UUID."),
        ({"text": 1}, "A message needs an id and a text."),
        ({"text": "\ud800"}, "The service does not take this."),
    ],
)
def test_refused_messages(enter: Enter, published: Published, body: dict[str, object], problem: str) -> None:
    """The sender is told why, in words."""
    answer = enter("Ada").post(ROOM, json={"id": str(uuid4()), **body})
    assert (answer.status_code, answer.json) == (400, {"error": problem})
    published.nothing()


def test_only_the_page_itself_sends(enter: Enter, published: Published) -> None:
    """Not a form of another site, which cannot send JSON; and nothing that says it comes from elsewhere."""
    browser = enter("Ada")
    message = {"id": str(uuid4()), "text": "Hello"}
    assert browser.post(ROOM, data=message).status_code == 415
    assert browser.post(ROOM, json=message, headers={"Origin": "http://localhost:81"}).status_code == 403
    assert browser.post("/leave", headers={"Origin": "null"}).status_code == 403
    published.nothing()
    assert browser.post(ROOM, json=message, headers={"Origin": "http://localhost"}).status_code == 201


def test_history(enter: Enter) -> None:
    """The newest, more of them, and what came after one of them."""
    browser = enter("Ada")
    for number in range(5):
        browser.post(ROOM, json={"id": str(uuid4()), "text": f"{number}"})

    def texts(query: str) -> tuple[list[str], bool]:
        answer = browser.get(f"{ROOM}?{query}").json
        return [message["data"]["text"] for message in answer["messages"]], answer["more"]

    assert texts("limit=2") == (["3", "4"], True)
    assert texts("limit=50") == (["0", "1", "2", "3", "4"], False)
    after = browser.get(f"{ROOM}?limit=3").json["messages"][0]["id"]
    assert texts(f"limit=1&after={after}") == (["3"], True)
    assert browser.get(f"{ROOM}?after=nonsense").status_code == 400


def test_a_token_lets_one_listen_and_be_present_only(enter: Enter, voyant_server: VoyantServer) -> None:
    """The service takes no message from a browser, and each has a client id of its own, whatever their names."""
    browsers = [enter("Ada"), enter("Ada")]
    assert client_id_of(browsers[0]) != client_id_of(browsers[1])
    token = browsers[0].post("/realtime/token").json
    with RealtimeChannel(channel="chat:lobby", token=token["token"], base_url=token["channelUrl"]) as channel:
        refusals: SimpleQueue[str] = SimpleQueue()
        channel.on("error", lambda error: refusals.put(error.code))
        channel.enter_presence({"typing": False})
        assert channel.wait_connected(10)
        channel.publish("message", {"from": client_id_of(browsers[1]), "text": "Not me"})
        assert refusals.get(timeout=10) == "forbidden"
        assert browsers[1].get("/room/lobby/people").json == {
            "people": [{"clientId": client_id_of(browsers[0]), "data": {"typing": False}}]
        }


def test_the_service_is_away(enter: Enter, voyant_server: VoyantServer) -> None:
    """Nothing but a sentence comes of it."""
    browser = enter("Ada")
    voyant_server.stop()
    answer = browser.post(ROOM, json={"id": str(uuid4()), "text": "Hello"})
    assert (answer.status_code, answer.json) == (503, {"error": "The service cannot be reached at the moment."})
    assert browser.get(ROOM).status_code == 503
    assert browser.get("/room/lobby").status_code == 200


def test_without_a_name(enter: Enter) -> None:
    """Whoever has none is asked for one, and comes to the room after all; whoever leaves has none any more."""
    browser = enter("Ada")
    assert browser.get("/").location == "/room/lobby"
    browser.post("/leave")
    assert browser.get("/room?name=Kitchen").location == "/room/kitchen"
    assert browser.get("/room/kitchen").location == "/?room=kitchen"
    assert 'value="kitchen"' in browser.get("/?room=kitchen").text
    assert browser.get(ROOM).json == {"error": "Choose a name first."}
    assert browser.post("/realtime/token").status_code == 403
    answer = browser.post("/enter", data={"name": "<i>", "room": "lobby"})
    assert answer.status_code == 422
    assert "but not &lt;" in answer.text


def test_names() -> None:
    """They are tidied up; what is invisible, or could be taken for a tag, is no part of one."""
    assert checked_name("  Ada \n Lovelace ") == "Ada Lovelace"
    assert checked_name("Ａda") == "Ada"
    assert [checked_name(name) for name in ("Zoë O’Neill-2", "李雷", "अनिता")] == ["Zoë O’Neill-2", "李雷", "अनिता"]
    for wrong in ("", "...", "x" * 25, "Ada#k3x9pm", "A\u202eda", "A\u200bda", "😀"):
        with pytest.raises(ValueError, match=r"name"):
            checked_name(wrong)


def test_rooms(enter: Enter) -> None:
    """Any name that is a part of a channel's is a room; what is typed in is made one."""
    browser = enter("Ada")
    assert 'aria-current="page">Paris in may<' in browser.get("/room/paris-in-may").text
    assert browser.get("/room?name=Paris in May!").location == "/room/paris-in-may"
    assert browser.get("/room?name=*").location == "/room/lobby"
    for wrong in ("Lobby", "a:b", "*", "x" * 41, "é"):
        assert browser.get(f"/room/{wrong}").status_code == 404


def test_headers(enter: Enter, voyant_server: VoyantServer) -> None:
    """Nothing inline runs, and a page connects to nothing but this site and the service."""
    answer = enter("Ada").get("/room/lobby")
    policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {voyant_server.url.replace('http', 'ws')}"
    assert answer.headers["Cache-Control"] == "no-store"


def test_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said when it starts."""
    with pytest.raises(ClickException, match="FLASK_SECRET_KEY"):
        create_app()
