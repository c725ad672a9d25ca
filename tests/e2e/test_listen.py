"""``voyant-cloud listen`` as a process: pipes, states, drops, signals."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.executable import Running, environment, run
from tests.waiting import until
from voyant_cloud import RealtimeChannel, VoyantCloudClient
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


@contextmanager
def listener(*options: str, env: dict[str, str]) -> Iterator[Running]:
    """Run ``listen`` until it is connected, and no longer than the block."""
    with Running("listen", CHANNEL, *options, env=env) as listening:
        until(lambda: any("Connected" in line for line in listening.err))
        yield listening


def publish(client: VoyantCloudClient, *data: object, event: str = "e") -> list[str]:
    return [client.realtime.publish(CHANNEL, event=event, data=each).id for each in data]


def data_of(lines: list[str]) -> list[object]:
    return [json.loads(line)["data"] for line in lines]


def test_each_line_is_there_at_once(server: VoyantServer, client: VoyantCloudClient, env: dict[str, str]) -> None:
    """A pipe gets every message when it is published, not when a buffer is full, and Ctrl-C ends it with 130."""
    with listener("--json", env=env) as listening:
        for number in range(3):
            publish(client, number)
            until(lambda number=number: len(listening.out) == number + 1)  # type: ignore[misc]
        listening.process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert listening.wait() == 130
        assert time.monotonic() - started < 2
        first = json.loads(listening.out[0])
        assert set(first) == {"type", "id", "channel", "event", "data", "publishedAt"}
        assert data_of(listening.out) == [0, 1, 2]
        assert listening.err == ["Connected to orders:eu.\n"]


def test_presence_and_plain_columns(server: VoyantServer, client: VoyantCloudClient, env: dict[str, str]) -> None:
    """Without --json there are columns, presence among the messages; --no-presence leaves it out."""
    token = client.realtime.tokens.mint(client_id="user_42", capabilities={CHANNEL: ["subscribe", "presence"]}).token
    with (
        Running("listen", CHANNEL, env=env) as with_it,
        Running("listen", CHANNEL, "--no-presence", env=env) as without,
    ):
        until(lambda: server.connections == 2)
        with RealtimeChannel(channel=CHANNEL, token=token, base_url=server.url) as channel:
            channel.enter_presence({"name": "Alice"})
            until(lambda: with_it.out)
            publish(client, {"n": 1})
            until(lambda: without.out and len(with_it.out) == 2)
        until(lambda: len(with_it.out) == 3)
    kinds = [line.split("\t")[0::2][:2] + line.rstrip("\n").split("\t")[3:] for line in with_it.out]
    assert [kind[0] for kind in kinds] == ["presence", "message", "presence"]
    assert kinds[0][1:] == ["enter", '{"name":"Alice"}', "user_42"]
    assert kinds[1][1:3] == ["e", '{"n":1}']
    assert kinds[2][1] == "leave"
    assert [line.split("\t")[0] for line in without.out] == ["message"]


def test_jq_reads_along(server: VoyantServer, client: VoyantCloudClient, env: dict[str, str]) -> None:
    """A reader that leaves early ends it without a traceback."""
    with Running("listen", CHANNEL, "--json", env=env, collect="err") as listening:
        until(lambda: listening.err)
        publish(client, 1)
        stdout = listening.process.stdout
        assert stdout is not None
        assert json.loads(stdout.readline())["data"] == 1
        stdout.close()
        publish(client, 2)
        assert listening.wait() == 141
        assert listening.err == ["Connected to orders:eu.\n"]


def test_count_and_event(server: VoyantServer, client: VoyantCloudClient, env: dict[str, str]) -> None:
    """It ends after that many messages of those that were asked for."""
    with listener("--count", "2", "--event", "b", "--json", env=env) as listening:
        publish(client, 1, event="a")
        publish(client, 2, 3, 4, event="b")
        assert listening.wait() == 0
    assert data_of(listening.out) == [2, 3]


class TestState:
    """``--state FILE``."""

    def test_the_next_run_goes_on(
        self, server: VoyantServer, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path
    ) -> None:
        """Every message is printed by one of the runs, once, those published in between included."""
        options = ["--json", "--state", str(tmp_path / "s"), "--count"]
        with listener(*options, "2", env=env) as first:
            publish(client, 0, 1, 2, 3)
            assert first.wait() == 0
        publish(client, 4)
        second = run("listen", CHANNEL, *options, "3", env=env)
        assert data_of(first.out) + data_of(second.stdout.splitlines()) == [0, 1, 2, 3, 4]

    def test_nothing_came_yet(
        self, server: VoyantServer, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path
    ) -> None:
        """A run that saw no message remembers where it stood, so that the next loses none."""
        publish(client, "before")
        options = ["listen", CHANNEL, "--json", "--state", str(tmp_path / "s")]
        assert run(*options, "--timeout", "2", env=env).stdout == ""
        publish(client, 1, 2)
        assert data_of(run(*options, "--count", "2", env=env).stdout.splitlines()) == [1, 2]

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_a_run_that_is_ended(
        self, server: VoyantServer, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path, number: int
    ) -> None:
        """Asked to end it saves how far it is, exactly; killed, the last moment may come again, and nothing is lost."""
        state = tmp_path / "s"
        options = ["--json", "--state", str(state)]
        with listener(*options, env=env) as listening:
            publish(client, *range(5))
            until(lambda: len(listening.out) == 5)
            if number == signal.SIGKILL:
                until(state.exists)
            listening.process.send_signal(number)
            code = listening.wait()
        assert code == {signal.SIGINT: 130}.get(signal.Signals(number), -number)
        publish(client, 5, 6)
        again = data_of(run("listen", CHANNEL, *options, "--timeout", "2", env=env).stdout.splitlines())
        assert again[-2:] == [5, 6]
        assert sorted({*data_of(listening.out), *again}) == list(range(7))  # type: ignore[type-var]
        if number != signal.SIGKILL:
            assert again == [5, 6]


class TestTrouble:
    """Drops, refusals, readers that do not read."""

    def test_drops(self, tmp_path: Path) -> None:
        """Connections that are cut, and a restart, lose and repeat nothing; stderr says what happens."""
        with (
            VoyantServer(data=str(tmp_path / "voyant.db")) as server,
            VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client,
            listener("--json", env=environment(server.url, server.api_key)) as listening,
        ):
            for number, trouble in enumerate((server.drop_connections, server.restart, server.drop_connections)):
                publish(client, number)
                until(lambda number=number: len(listening.out) > number)  # type: ignore[misc]
                trouble()
            publish(client, 3)
            until(lambda: len(listening.out) == 4)
            assert data_of(listening.out) == list(range(4))
            assert any("not connected" in line for line in listening.err)
            assert not any("Traceback" in line for line in listening.err)

    def test_a_reader_that_does_not_read(
        self, server: VoyantServer, client: VoyantCloudClient, env: dict[str, str]
    ) -> None:
        """Ctrl-C ends it even while the pipe is full."""
        with Running("listen", CHANNEL, "--json", env=env, collect="err") as listening:
            until(lambda: listening.err)
            client.realtime.publish_many({"channel": CHANNEL, "event": "e", "data": "x" * 4000} for _ in range(300))
            until(lambda: blocked_in_write(listening.process.pid))
            started = time.monotonic()
            listening.process.send_signal(signal.SIGINT)
            assert listening.wait() == 130
            assert time.monotonic() - started < 3


def blocked_in_write(process: int) -> bool:
    """Tell whether a thread of a process waits for room in a pipe."""
    return any("pipe_write" in wait.read_text() for wait in Path(f"/proc/{process}/task").glob("*/wchan"))
