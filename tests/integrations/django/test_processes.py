"""Commands that run on and on, in processes of their own: signals, kill -9, and several at a time."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.integrations.django.processes import MANAGE, environment, manage, python
from tests.integrations.listening import check_listening
from tests.processes import ROOT, running
from tests.waiting import until
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

# Each test starts a dozen processes, which takes long on a machine that is busy.
pytestmark = pytest.mark.timeout(240)

FILL = """
from django.db import transaction
from voyant_cloud.integrations.django import outbox
with transaction.atomic():
    for number in range({count}):
        outbox.publish(f"orders:{{number % 3}}", event="order.updated", data=number)
"""
LET_CLAIMS_PASS = """
from django.db.models import F
from voyant_cloud.integrations.django.outbox.models import OutboxMessage
OutboxMessage.objects.exclude(claimed_until=None).update(claimed_until=F("created_at"))
"""
DIE = """
import os, signal
from django.core.management import call_command
from voyant_cloud.realtime.api import RealtimeApi
publish_batch = RealtimeApi.publish_batch
done = []
def publish_and_die(*arguments, **others):
    publish_batch(*arguments, **others)
    done.append(1)
    if len(done) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
RealtimeApi.publish_batch = publish_and_die
call_command("realtime_drain", lease=3600.0)
"""


@pytest.fixture
def env(server: VoyantServer, tmp_path: Path) -> dict[str, str]:
    """The project, its tables made."""
    found = environment(server, tmp_path / "db.sqlite3")
    done = manage("migrate", "--verbosity=0", env=found)
    assert done.returncode == 0, done.stderr
    return found


def fill(env: dict[str, str], count: int) -> None:
    done = python(FILL.format(count=count), env)
    assert done.returncode == 0, done.stderr


def stored(reader: VoyantCloudClient) -> int:
    return sum(len(reader.realtime.history(f"orders:{channel}", limit=1000)) for channel in range(3))


def wait_for_more(reader: VoyantCloudClient, than: int) -> None:
    until(lambda: than < stored(reader) or than == 900)


def check_history(reader: VoyantCloudClient, count: int) -> None:
    """Each message is stored once, in order for each channel."""
    for channel in range(3):
        data = [each.data for each in reader.realtime.history(f"orders:{channel}", limit=1000)]
        assert data == list(range(channel, count, 3))


def test_killed_between_publish_and_delete(env: dict[str, str], reader: VoyantCloudClient) -> None:
    """A drain that was killed after its request was stored is followed by one that repeats the very request."""
    fill(env, 250)
    died = python(DIE, env)
    assert died.returncode == -signal.SIGKILL
    assert stored(reader) == 200
    before = manage("realtime_drain", env=env)
    assert (before.returncode, before.stdout) == (1, "Published 0, parked 0, left 150.\n"), "its claim holds"
    python(LET_CLAIMS_PASS, env)
    assert manage("realtime_drain", env=env).stdout == "Published 150, parked 0, left 0.\n"
    check_history(reader, 250)


def test_killed_anywhere(env: dict[str, str], reader: VoyantCloudClient, tmp_path: Path) -> None:
    """Killed at random, again and again, and drained at last: each message is there once."""
    fill(env, 900)
    chance = random.Random(7)
    for _ in range(3):
        with running([*MANAGE, "realtime_drain", "--lease=0.5", "--watch"], env, tmp_path / "log") as process:
            wait_for_more(reader, than=stored(reader))
            threading.Event().wait(chance.random() * 0.03)
            process.kill()
    until(lambda: manage("realtime_drain", env=env).returncode == 0)
    check_history(reader, 900)


def test_two_at_a_time(env: dict[str, str], reader: VoyantCloudClient, tmp_path: Path) -> None:
    """Two drains share the work, while more is written, and SIGTERM ends both in good order."""
    command = [*MANAGE, "realtime_drain", "--watch", "--interval=0.05"]
    with (
        running(command, env, tmp_path / "log1") as first,
        running(command, env, tmp_path / "log2") as second,
    ):
        fill(env, 600)
        until(lambda: len(reader.realtime.history("orders:2", limit=1000)) == 200)
        for process in (first, second):
            process.send_signal(signal.SIGTERM)
        assert (first.wait(20), second.wait(20)) == (0, 0)
    assert manage("realtime_drain", env=env).stdout == "Published 0, parked 0, left 0.\n"
    check_history(reader, 600)
    assert "Traceback" not in (tmp_path / "log1").read_text() + (tmp_path / "log2").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_listen_ends(server: VoyantServer, reader: VoyantCloudClient, tmp_path: Path, number: signal.Signals) -> None:
    """realtime_listen shows messages as they come, through a restart of the service, until a signal ends it."""
    command = [*MANAGE, "realtime_listen", "orders:eu", "--json"]
    check_listening(command, number, env=environment(server), server=server, reader=reader, log=tmp_path / "log")


def test_listen_without_a_reader(server: VoyantServer, reader: VoyantCloudClient) -> None:
    """A reader that leaves, such as head, ends it without a traceback."""
    first = reader.realtime.publish("orders:eu", event="a")
    reader.realtime.publish("orders:eu", event="b")
    command = f"{' '.join(MANAGE)} realtime_listen orders:eu --since-id {first.id} | head -n 1; echo ${{PIPESTATUS[0]}}"
    with subprocess.Popen(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment(server),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "\tb\t" in process.stdout.readline()
        while process.poll() is None:
            reader.realtime.publish("orders:eu", event="c")
        said, errors = process.communicate(timeout=20)
    assert said == "141\n"
    assert "Traceback" not in errors
