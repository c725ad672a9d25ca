"""The commands in the tests' process: what they print, refuse, and take for terminals."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_publish(service: VoyantServer, reader: VoyantCloudClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints the id; the data is JSON, text, standard input or none."""
    first = run("realtime_publish", "orders:eu", "order.updated", '{"total": 129.5}').strip()
    monkeypatch.setattr(sys, "stdin", io.StringIO("[1]"))
    run("realtime_publish", "orders:eu", "order.updated", "-")
    run("realtime_publish", "orders:eu", "note", "the printer is back", "--text")
    keyed = [run("realtime_publish", "orders:eu", "note", "--idempotency-key", "k1") for _ in range(2)]
    stored = reader.realtime.history("orders:eu")
    assert stored[0].id == first
    assert [message.data for message in stored] == [{"total": 129.5}, [1], "the printer is back", None]
    assert keyed == [f"{stored[3].id}\n"] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a/b", "note"), "a channel name has"),
        (("orders:eu", "note", "{"), "DATA: is not JSON.*--text"),
    ],
)
def test_publish_refuses(service: VoyantServer, arguments: tuple[str, ...], words: str) -> None:
    """Wrong arguments are one line."""
    with pytest.raises(CommandError, match=words):
        run("realtime_publish", *arguments)


@pytest.mark.parametrize("command", ["realtime_publish", "realtime_listen"])
def test_bad_settings(command: str) -> None:
    """So are wrong settings."""
    with override_settings(VOYANT_CLOUD={}), pytest.raises(CommandError, match="is not set"):
        run(command, "orders:eu", *["note"][: command == "realtime_publish"])


def test_listen(service: VoyantServer, reader: VoyantCloudClient) -> None:
    """It prints what comes after an id, as columns or JSON, only the events asked for, and ends after a count."""
    first = reader.realtime.publish("orders:eu", event="a")
    second = reader.realtime.publish("orders:eu", event="b\x1b[2J\u202e\x7f", data={"é": "\x9b"})
    third = reader.realtime.publish("orders:eu", event="c")
    since = {"since_id": first.id}
    [line] = run("realtime_listen", "orders:eu", count=1, **since).splitlines()
    assert line.split("\t")[1:] == ["b\\u001b[2J\\u202e\\u007f", '{"\\u00e9":"\\u009b"}', second.id]
    [line] = run("realtime_listen", "orders:eu", count=1, json=True, event=["c"], **since).splitlines()
    assert line.startswith(f'{{"id":"{third.id}","channel":"orders:eu","event":"c"')


def test_listen_refused(service: VoyantServer) -> None:
    """A key that the service does not know ends it with the reason; a count must be one."""
    with override_settings(VOYANT_CLOUD={"API_KEY": "vck_wrong", "API_URL": service.url}):
        with pytest.raises(CommandError, match="API key"):
            run("realtime_listen", "orders:eu")
    with pytest.raises(CommandError, match="whole number of 1 or more"):
        run("realtime_listen", "orders:eu", "--count=0")
