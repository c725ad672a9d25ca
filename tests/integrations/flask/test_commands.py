"""``flask realtime``: what its commands print and refuse, and how they end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from flask import Flask

from tests.integrations.listening import check_listening
from tests.processes import finds, running
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

FLASK = [sys.executable, "-m", "flask", "--app", "tests.integrations.flask.project.app"]


def test_publish(app: Flask, reader: VoyantCloudClient) -> None:
    """It prints the id; the data is JSON, text, standard input or none."""
    run = app.test_cli_runner().invoke
    first = run(args=["realtime", "publish", "orders:eu", "order.updated", '{"total": 129.5}'])
    run(args=["realtime", "publish", "orders:eu", "order.updated", "-"], input="[1]")
    run(args=["realtime", "publish", "orders:eu", "note", "--text", "the printer is back"])
    keyed = [run(args=["realtime", "publish", "orders:eu", "note", "--idempotency-key", "k1"]) for _ in range(2)]
    stored = reader.realtime.history("orders:eu")
    assert first.output == f"{stored[0].id}\n"
    assert [message.data for message in stored] == [{"total": 129.5}, [1], "the printer is back", None]
    assert [each.output for each in keyed] == [f"{stored[3].id}\n"] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["publish", "a/b", "note"], "a channel name has"),
        (["publish", "orders:eu", "note", "{"], "Error: DATA: is not JSON"),
        (["listen", "a/b"], "a channel name has"),
        (["listen", "orders:eu", "--count", "0"], "x>=1"),
    ],
)
def test_refusals(app: Flask, arguments: list[str], words: str) -> None:
    """Wrong arguments are one line."""
    done = app.test_cli_runner().invoke(args=["realtime", *arguments])
    assert done.exit_code != 0
    assert words in done.output


def test_listen(app: Flask, reader: VoyantCloudClient) -> None:
    """It prints what comes after an id, as columns or JSON, only the events asked for, and ends after a count."""
    first = reader.realtime.publish("orders:eu", event="a")
    second = reader.realtime.publish("orders:eu", event="b\x1b[2J", data={"é": "\x9b"})
    third = reader.realtime.publish("orders:eu", event="c")
    run = app.test_cli_runner().invoke
    listen = ["realtime", "listen", "orders:eu", "--since-id", first.id, "--count=1"]
    [line] = run(args=listen).stdout.splitlines()
    assert line.split("\t")[1:] == ["b\\u001b[2J", '{"\\u00e9":"\\u009b"}', second.id]
    [line] = run(args=[*listen, "--json", "--event=c"]).stdout.splitlines()
    assert line.startswith(f'{{"id":"{third.id}","channel":"orders:eu","event":"c"')


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_listen_ends(server: VoyantServer, reader: VoyantCloudClient, tmp_path: Path, number: signal.Signals) -> None:
    """It goes on through a restart of the service, until a signal ends it in good order."""
    command = [*FLASK, "realtime", "listen", "orders:eu", "--json"]
    check_listening(command, number, env=finds(server), server=server, reader=reader, log=tmp_path / "log")


def test_bad_configuration(server: VoyantServer, tmp_path: Path) -> None:
    """The command says what is wrong, without a traceback."""
    env = {**finds(server), "VOYANT_CLOUD_API_URL": "example.com"}
    with running([*FLASK, "run"], env, tmp_path / "log") as process:
        assert process.wait(20) == 1
    log = (tmp_path / "log").read_text()
    assert log.startswith("Error: VOYANT_CLOUD_API_URL in the environment: must begin with http:// or https://")
    assert "Traceback" not in log
