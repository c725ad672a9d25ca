"""``voyant-cloud publish-batch`` as a process, through everything that may end it: history has each record once."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.executable import COMMAND, Running, run
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

CHANNELS = 5
KEEP = {"history_messages": 1_000_000}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[VoyantServer]:
    """A server that keeps everything, over restarts, too."""
    with VoyantServer(data=str(tmp_path / "voyant.db"), limits=dict(KEEP)) as running:
        yield running


def write(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"channel": f"c:{number % CHANNELS}", "event": "e", "data": number}) + "\n")
    return path


def assert_each_once(client: VoyantCloudClient, count: int) -> None:
    """Every record is in history, in the order of the input, under an id of its own."""
    ids: set[str] = set()
    for channel in range(CHANNELS):
        newest = client.realtime.history(f"c:{channel}", limit=1)[0].id
        start = f"{newest[:-12]}{0:012}"
        messages = list(client.realtime.iter_history(f"c:{channel}", since_id=start))
        assert [message.data for message in messages] == list(range(channel, count, CHANNELS))
        ids.update(message.id for message in messages)
    assert len(ids) == count


def published(client: VoyantCloudClient) -> int:
    newest = client.realtime.history("c:0", limit=1)
    return int(newest[0].id[-12:]) * CHANNELS if newest else 0


def test_killed_again_and_again(client: VoyantCloudClient, env: dict[str, str], tmp_path: Path) -> None:
    """kill -9 at random points, each time continued: nothing is published twice, and nothing skipped."""
    count = 10_000
    file = write(tmp_path / "input.jsonl", count)
    for _ in range(5):
        seen = published(client)
        with Running("publish-batch", str(file), "--resume", "--concurrency", "3", env=env) as running:
            grown = random.randint(1, 1_500)
            until(lambda: published(client) >= min(count, seen + grown) or running.process.poll() is not None)  # noqa: B023
            running.process.send_signal(signal.SIGKILL)
            running.wait()
    done = run("publish-batch", str(file), "--resume", "--json", env=env)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["complete"]
    assert report["publishedBefore"] + report["published"] == count
    assert_each_once(client, count)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_end(client: VoyantCloudClient, env: dict[str, str], tmp_path: Path, number: signal.Signals) -> None:
    """It settles what is under way, says how to go on, and leaves nothing unsure."""
    count = 10_000
    file = write(tmp_path / "input.jsonl", count)
    with Running("publish-batch", str(file), env=env) as running:
        until(lambda: published(client) > 500)
        running.process.send_signal(number)
        code = running.wait()
    assert code == (130 if number is signal.SIGINT else -number)
    assert running.err[-1] == "Interrupted; the same command with --resume goes on from here.\n"
    assert re.match(r"Published [\d,]+ messages in ", running.out[0])
    assert '"sending"' not in (tmp_path / "input.jsonl.checkpoint").read_text().splitlines()[-1]
    done = run("publish-batch", str(file), "--resume", env=env)
    assert done.returncode == 0, done.stderr
    assert_each_once(client, count)


def test_a_service_that_goes_away_for_a_moment(
    server: VoyantServer, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path
) -> None:
    """A restart of the service is waited out, and nothing is published twice."""
    count = 10_000
    file = write(tmp_path / "input.jsonl", count)
    with Running("publish-batch", str(file), env=env) as running:
        until(lambda: published(client) > 500)
        server.stop()
        server.start()
        assert running.wait() == 0, running.err
    assert_each_once(client, count)


def test_a_service_that_stays_away(
    server: VoyantServer, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path
) -> None:
    """Ctrl-C during an outage ends it soon; when the service is back, it goes on."""
    count = 5_000
    file = write(tmp_path / "input.jsonl", count)
    with Running("publish-batch", str(file), env=env) as running:
        until(lambda: published(client) > 500)
        server.stop()
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 130
    server.start()
    done = run("publish-batch", str(file), "--resume", env=env)
    assert done.returncode == 0, done.stderr
    assert_each_once(client, count)


def test_two_runs_of_one_file(client: VoyantCloudClient, env: dict[str, str], tmp_path: Path) -> None:
    """The second is refused while the first is under way."""
    file = write(tmp_path / "input.jsonl", 20_000)
    with Running("publish-batch", str(file), env=env) as running:
        until(lambda: published(client) > 0)
        refused = run("publish-batch", str(file), "--resume", env=env)
        assert refused.returncode == 2
        assert "is in use by another run" in refused.stderr
        running.process.send_signal(signal.SIGINT)
        running.wait()


def test_a_pipe_that_trickles(client: VoyantCloudClient, env: dict[str, str]) -> None:
    """What comes slowly is published as it comes, not when a batch is full."""
    with Running("publish-batch", "-", env=env, stdin=subprocess.PIPE) as running:
        stdin = running.process.stdin
        assert stdin is not None
        for number in range(3):
            stdin.write(json.dumps({"channel": "c:0", "event": "e", "data": number}) + "\n")
            stdin.flush()
            until(lambda number=number: len(client.realtime.history("c:0")) == number + 1)  # type: ignore[misc]
        stdin.close()
        assert running.wait() == 0


def test_a_rare_channel_in_a_steady_pipe(client: VoyantCloudClient, env: dict[str, str]) -> None:
    """A message does not wait for others of its channel while the pipe never rests."""
    with Running("publish-batch", "-", "--concurrency", "2", env=env, stdin=subprocess.PIPE) as running:
        stdin = running.process.stdin
        assert stdin is not None
        stdin.write(json.dumps({"channel": "rare", "event": "e"}) + "\n")

        def more() -> bool:
            stdin.write(json.dumps({"channel": "busy", "event": "e"}) + "\n")
            stdin.flush()
            return bool(client.realtime.history("rare"))

        until(more)
        stdin.close()
        assert running.wait() == 0


def test_a_pipe_can_be_continued(client: VoyantCloudClient, env: dict[str, str], tmp_path: Path) -> None:
    """The same input piped again goes on where it ended, if there is a checkpoint."""
    lines = write(tmp_path / "input", 1_000).read_text().splitlines(keepends=True)
    options = ["--checkpoint", str(tmp_path / "c"), "--resume"]
    cut = run("publish-batch", "-", *options, env=env, stdin="".join([*lines[:500], "nope\n"]))
    assert cut.returncode == 4
    assert run("publish-batch", "-", *options, env=env, stdin="".join(lines)).returncode == 0
    assert_each_once(client, 1_000)
    assert run("publish-batch", "-", "--resume", env=env, stdin="").returncode == 2


def test_memory_stays_flat(env: dict[str, str], tmp_path: Path) -> None:
    """A long input takes no more memory than a short one."""
    sizes = []
    for count in (2_000, 20_000):
        file = write(tmp_path / f"input{count}.jsonl", count)
        code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True)\n"
        code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        command = [COMMAND[0], "-c", code, *COMMAND, "publish-batch", str(file), "--quiet"]
        sizes.append(int(subprocess.run(command, env=env, capture_output=True, check=True, timeout=55).stdout))
    assert sizes[1] < sizes[0] + 8_192
    assert sizes[1] < 150 * 1024


class TestTerminal:
    """What a person sees."""

    def test_a_bar_with_rate_and_time_left(
        self, client: VoyantCloudClient, env: dict[str, str], tmp_path: Path
    ) -> None:
        """There is a bar on a terminal, and NO_COLOR takes its colours."""
        file = write(tmp_path / "input.jsonl", 8_000)
        plain = {**env, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "100"}
        seen = on_terminal("publish-batch", str(file), "--rate", "4000", env=plain)
        assert re.search(r"\d+% [\d,]+ published, [\d,]+/s, 0:\d\d left", seen)
        assert "Published 8,000 messages in " in seen
        assert not re.search(r"\x1b\[[0-9;]*m", seen.replace("\x1b[0m", ""))

    def test_a_table(self, client: VoyantCloudClient, env: dict[str, str]) -> None:
        """History is a table there, with colour unless that is not wanted."""
        client.realtime.publish("a", event="\x1b[31mred", data={"n": 1})
        wide = {**env, "TERM": "xterm", "COLUMNS": "140"}
        seen = on_terminal("history", "a", env=wide)
        assert "\x1b[1mPublished (UTC)" in seen
        assert r"\x1b[31mred" in seen
        assert "\x1b[31m" not in seen
        assert "\x1b" not in on_terminal("history", "a", env={**wide, "NO_COLOR": "1", "PYTHONIOENCODING": "latin-1"})
        assert re.search(r"rtm_[0-9a-f]+_\d{15}_\d{12}", on_terminal("history", "a", env={**wide, "TERM": "dumb"}))
        narrow = on_terminal("history", "a", env={**wide, "COLUMNS": "80"})
        assert "rtm_" not in narrow
        assert "The ids need a wider terminal; --json has them, too." in narrow

    def test_help_for_a_channel_without_messages(self, client: VoyantCloudClient, env: dict[str, str]) -> None:
        """Nothing is said in words."""
        assert "There are no messages." in on_terminal("history", "a", env=env)
        assert "Nobody is present." in on_terminal("presence", "a", env=env)


def on_terminal(*arguments: str, env: dict[str, str]) -> str:
    """Run a command on a terminal of its own, and return all that it showed."""
    master, slave = pty.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    seen = bytearray()
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    os.close(master)
    assert process.wait(20) == 0
    return seen.decode()


def test_completion_in_a_real_shell(env: dict[str, str], tmp_path: Path) -> None:
    """bash completes commands and options from the script."""
    command = tmp_path / "voyant-cloud"
    command.write_text(f'#!/bin/sh\nexec {COMMAND[0]} -m voyant_cloud "$@"\n')
    command.chmod(0o755)
    script = (
        'eval "$(voyant-cloud completion bash)"\n'
        "COMP_WORDS=(voyant-cloud publ); COMP_CWORD=1; _voyant_cloud_completion voyant-cloud\n"
        'echo "${COMPREPLY[@]}"\n'
        "COMPREPLY=(); COMP_WORDS=(voyant-cloud listen --ti); COMP_CWORD=2; _voyant_cloud_completion voyant-cloud\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    path = f"{tmp_path}:{env['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=50, env={**env, "PATH": path}, check=True
    )
    assert done.stdout.split("\n")[:2] == ["publish publish-batch", "--timeout"]
