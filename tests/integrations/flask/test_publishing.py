"""``publish_after_request``: after success alone, all of a request together, and what is wrong raised early."""

from __future__ import annotations

import datetime as dt
import decimal
import threading
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask, Response, abort, copy_current_request_context, stream_with_context

from voyant_cloud import ServiceUnavailableError, VoyantValidationError
from voyant_cloud.integrations.flask import publish_after_request
from voyant_cloud.testing import Published, VoyantServer

ONE = dt.datetime(2026, 11, 24, 9, 30, tzinfo=dt.UTC)


def three() -> None:
    for event in ("a", "b", "c"):
        publish_after_request("orders:eu", event=event)


def test_one_call_for_all(app: Flask, server: VoyantServer, published: Published) -> None:
    """Nothing is sent while the view runs; then all goes in one call, in order."""

    @app.post("/pay")
    def pay() -> str:
        three()
        published.nothing()
        return "paid"

    server.refuse(503, times=1)
    assert app.test_client().post("/pay").status_code == 200
    published.nothing()
    assert app.test_client().post("/pay").status_code == 200
    assert [message.event for message in published.messages("orders:eu")] == ["a", "b", "c"]


def test_data_as_in_jsonify(app: Flask, published: Published) -> None:
    """Dates, decimals and UUIDs are written by the application's encoder, when the function is called."""

    @app.post("/pay")
    def pay() -> str:
        data = {"at": ONE, "total": decimal.Decimal("9.50"), "id": uuid.UUID(int=1)}
        publish_after_request("orders:eu", event="order.paid", data=data)
        data.clear()
        return "paid"

    app.test_client().post("/pay")
    expected = {"at": "Tue, 24 Nov 2026 09:30:00 GMT", "total": "9.50", "id": str(uuid.UUID(int=1))}
    published("orders:eu", event="order.paid", data=expected)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_nothing_after_a_failure(app: Flask, published: Published, status: int) -> None:
    """A response that tells of an error takes the messages with it."""

    @app.post("/pay")
    def pay() -> str:
        three()
        abort(status)

    assert app.test_client().post("/pay").status_code == status
    published.nothing()


def test_nothing_after_an_exception(app: Flask, published: Published) -> None:
    """An exception takes them, too; the next request is not given them."""

    @app.post("/pay/<int:number>")
    def pay(number: int) -> str:
        publish_after_request("orders:eu", event="order.paid", data=1 // number)
        publish_after_request("orders:eu", event="order.paid", data=1 // (number - 1))
        return "paid"

    client = app.test_client()
    for number in (0, 1, 2):
        assert client.post(f"/pay/{number}").status_code == (200 if number == 2 else 500)
    assert [message.data for message in published.messages()] == [0, 1]


def test_after_the_applications_own_hooks(app: Flask, published: Published) -> None:
    """What the application does after a request, such as a commit, is done before; a failure there stops it."""
    seen: list[int] = []

    @app.after_request
    def commit(response: Response) -> Response:
        seen.append(published.count())
        if len(seen) == 2:
            raise RuntimeError("the database is away")
        return response

    @app.post("/pay")
    def pay() -> str:
        publish_after_request("orders:eu", event="order.paid")
        return "paid"

    client = app.test_client()
    assert [client.post("/pay").status_code for _ in range(2)] == [200, 500]
    assert seen == [0, 1, 1], "a 500 passes the hook once more"
    assert published.count() == 1


def test_robust(app: Flask, server: VoyantServer, published: Published, caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged with the names of what was lost, without its data; or, if so wished, it is a 500."""

    @app.post("/pay/<int:robust>")
    def pay(robust: int) -> str:
        publish_after_request("orders:eu", event="order.paid", data="secret")
        publish_after_request("orders:us", event="order.paid", robust=bool(robust))
        return "paid"

    with server.refuse(503):
        assert app.test_client().post("/pay/1").status_code == 200
        assert "publishing after a request failed for 'order.paid' on orders:eu, 'order.paid' on orders:us: " in (
            caplog.text
        )
        assert "secret" not in caplog.text
        assert app.test_client().post("/pay/0").status_code == 500
        app.testing = True
        with pytest.raises(ServiceUnavailableError):
            app.test_client().post("/pay/0")
    published.nothing()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channel": "a/b", "event": "e"}, "channel"),
        ({"channel": "a", "event": ""}, "event"),
        ({"channel": "a", "event": "e", "data": object()}, "data: Object of type object is not JSON serializable"),
        ({"channel": "a", "event": "e", "data": float("nan")}, "data"),
    ],
)
def test_wrong_arguments(app: Flask, arguments: dict[str, object], words: str) -> None:
    """They raise where they are given, and nothing else of the request is held back by them."""
    with app.test_request_context(), pytest.raises(VoyantValidationError, match=words):
        publish_after_request(**arguments)  # type: ignore[arg-type]


def test_outside_of_a_request(app: Flask, server: VoyantServer, published: Published) -> None:
    """In a command or a job it is sent at once, by the same rules."""
    with app.app_context():
        publish_after_request("orders:eu", event="a")
        published("orders:eu", event="a")
        with server.refuse(503):
            publish_after_request("orders:eu", event="b")
            with pytest.raises(ServiceUnavailableError):
                publish_after_request("orders:eu", event="c", robust=False)
    with pytest.raises(RuntimeError, match="application context"):
        publish_after_request("orders:eu", event="d")
    assert published.count() == 1


def test_while_streaming(app: Flask, published: Published) -> None:
    """A response's body comes after the request's end, so what is given then is sent at once."""

    @app.get("/rows")
    def rows() -> Response:
        def body() -> Iterator[str]:
            publish_after_request("orders:eu", event="rows.read")
            yield str(published.count())

        return Response(stream_with_context(body()))

    assert app.test_client().get("/rows").text == "1"


def test_threads_of_a_request(app: Flask, published: Published) -> None:
    """What threads of a request give belongs to it, and what they give later is sent at once."""
    is_over = threading.Event()
    late: list[threading.Thread] = []

    @app.post("/pay")
    def pay() -> str:
        def work(event: str) -> None:
            if event == "late":
                is_over.wait(10)
            publish_after_request("orders:eu", event=event)

        def thread(event: str) -> threading.Thread:
            # Each with a copy of its own, since one copy is not for several threads at a time.
            return threading.Thread(target=copy_current_request_context(work), args=(event,))

        early = [thread(f"early-{number}") for number in range(5)]
        late.append(thread("late"))
        for each in [*early, *late]:
            each.start()
        for each in early:
            each.join()
        published.nothing()
        return "paid"

    app.test_client().post("/pay")
    assert published.count() == 5
    is_over.set()
    late[0].join()
    published("orders:eu", event="late")


def test_nested_application_context(app: Flask, published: Published) -> None:
    """A context that is pushed within the request loses nothing."""

    @app.post("/pay")
    def pay() -> str:
        with app.app_context():
            publish_after_request("orders:eu", event="order.paid")
        return "paid"

    app.test_client().post("/pay")
    assert published.count() == 1


def test_more_than_a_batch(app: Flask, published: Published) -> None:
    """More than 100 messages go in several calls, in order."""

    @app.post("/import")
    def import_() -> str:
        for number in range(250):
            publish_after_request("orders:eu", event="row", data=number)
        return "done"

    app.test_client().post("/import")
    assert [message.data for message in published.messages()] == list(range(250))
