"""The configuration read again: what changes, what stays, and what a mistake does to a server that runs."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest

from tests.server.wire_client import call, mint, publish, refused_upgrade, subscribe
from tests.waiting import until
from voyant_cloud.server.app import Server
from voyant_cloud.server.config import ServerConfig, load_config
from voyant_cloud.server.reload import Reloader
from voyant_cloud.server.terminals import starting, terminals_of

KEY = "vck_0123456789abcdef"
OTHER = "vck_fedcba9876543210"
ORIGIN = "https://a.example"


@attrs.define
class Node:
    """A server with what reloads it, on a loop in a thread; as the wire client wants it."""

    loop: asyncio.AbstractEventLoop
    url: str
    api_key: str
    config: Callable[[], ServerConfig]
    reloader: Reloader
    caplog: pytest.LogCaptureFixture

    def ask(self) -> None:
        self.loop.call_soon_threadsafe(self.reloader.ask)

    def reload(self) -> list[str]:
        """Reload and return what is logged of it: whatever goes before, and the outcome."""
        self.caplog.clear()
        self.ask()
        until(lambda: any("configuration" in line for line in self.lines()))
        return self.lines()

    def lines(self) -> list[str]:
        found = [record for record in list(self.caplog.records) if record.name == "voyant_cloud.server"]
        return [f"{record.levelname}: {record.getMessage()}" for record in found]


@contextmanager
def serving(load: Callable[[], ServerConfig], caplog: pytest.LogCaptureFixture) -> Iterator[Node]:
    caplog.set_level("INFO", logger="voyant_cloud.server")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[Server, Reloader, asyncio.Task[None]]:
        server = Server(attrs.evolve(load(), port=0))
        await server.start()
        reloader = Reloader(server, lambda: attrs.evolve(load(), port=0))
        return server, reloader, asyncio.ensure_future(reloader.run())

    async def stop() -> None:
        task.cancel()
        await server.stop()
        await loop.shutdown_default_executor()

    server, reloader, task = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    try:
        yield Node(loop, server.url, KEY, lambda: server.context.config, reloader, caplog)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class File:
    """A configuration file, and what reads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "voyant-cloud.toml"
        self.load = partial(load_config, config_file=str(self.path), env={})

    def write(self, *lines: str, keys: list[str] | None = None) -> None:
        listed = [] if keys == [] else [f"api_keys = {json.dumps(keys or [KEY])}"]
        self.path.write_text("\n".join([*listed, *lines]))
        self.path.chmod(0o600)


@pytest.fixture
def file(tmp_path: Path) -> File:
    file = File(tmp_path)
    file.write()
    return file


def status(node: Node, key: str) -> int:
    return call(node, "GET", "/realtime/v1/channels/a/presence", key=key).status_code


def test_api_keys(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """A new key is taken beside the old one, which goes after that; connections and their tokens stay."""
    with serving(file.load, caplog) as node:
        token = mint(node)
        with subscribe(node, token=token) as socket:
            file.write(keys=[KEY, OTHER])
            assert node.reload() == ["INFO: the configuration was read again: api_keys: 1 added, 2 now"]
            assert (status(node, KEY), status(node, OTHER)) == (200, 200)
            file.write(keys=[OTHER])
            assert node.reload() == ["INFO: the configuration was read again: api_keys: 1 removed, 1 now"]
            assert (status(node, KEY), status(node, OTHER)) == (401, 200)
            node.api_key = OTHER
            publish(node, data=1)
            assert socket.next("message")["data"] == 1
            with subscribe(node, token=token):
                pass
        assert node.reload() == ["INFO: the configuration was read again: nothing is changed"]
        assert "vck_" not in caplog.text


def test_signing_keys(file: File, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A secret is changed in three steps, and a token is good for as long as its key is in the file."""
    old, new = ({"kid": kid, "secret": digit * 64} for kid, digit in (("old", "1"), ("new", "2")))
    secret_file = tmp_path / "keys"

    def sign_with(*keys: dict[str, str]) -> None:
        secret_file.write_text(json.dumps({"keys": keys}))
        secret_file.chmod(0o600)

    sign_with(old)
    file.write(f'secret_file = "{secret_file}"')
    with serving(file.load, caplog) as node:
        first = mint(node)
        with subscribe(node, token=first) as socket:
            sign_with(old, new)
            assert node.reload()[-1].endswith("signing keys: 1 added, 2 now")
            second = mint(node)
            sign_with(new, old)
            assert node.reload()[-1].endswith("read again: another one signs")
            third = mint(node)
            sign_with(new)
            assert node.reload()[-1].endswith("signing keys: 1 removed, 1 now")
            for token in (first, second):
                assert refused_upgrade(node, "orders:eu", token)[0] == 401
            publish(node, data=1)
            assert socket.next("message")["data"] == 1
        with subscribe(node, token=third):
            pass
        secret_file.chmod(0o644)
        [line] = node.reload()
        assert line.startswith("ERROR: the configuration cannot be taken, and nothing is changed: signing keys")
        assert third not in caplog.text
        assert "2222" not in caplog.text


def test_origins(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """Browsers of a new origin may connect, those of one that is gone may no longer."""
    with serving(file.load, caplog) as node:
        token = mint(node)
        assert refused_upgrade(node, "a", token, origin=ORIGIN)[0] == 403
        file.write(f'allowed_origins = ["{ORIGIN}"]')
        assert node.reload()[-1].endswith("allowed_origins: 1 added, 1 now")
        with subscribe(node, "a", token=token, origin=ORIGIN):
            file.write()
            assert node.reload()[-1].endswith("allowed_origins: 1 removed, 0 now")
            assert refused_upgrade(node, "a", token, origin=ORIGIN)[0] == 403


def test_what_only_a_restart_changes(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """It is named and left, while the rest is taken; a key that signs in memory alone stays the same."""
    with serving(file.load, caplog) as node:
        token = mint(node)
        file.write('host = "localhost"', "drain_seconds = 1", "[limits]", "connections = 7", keys=[KEY, OTHER])
        assert node.reload() == [
            "WARNING: what only a restart changes is left as it was: host, drain_seconds, limits.connections",
            "INFO: the configuration was read again: api_keys: 1 added, 2 now",
        ]
        running = node.config()
        assert (running.host, running.drain_seconds, running.limits.connections) == ("127.0.0.1", 20, 20_000)
        with subscribe(node, token=token):
            pass


def test_a_mistake_changes_nothing(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """One line says what is wrong, nothing of the file is taken, and the next file is."""
    with serving(file.load, caplog) as node:
        for lines, keys, words in (
            (["port = 'x'"], [OTHER], "toml: port: must be a whole number, got 'x'"),
            (["allowed_origins = ['a']"], [OTHER], "allowed_origins: 'a' must be a scheme"),
            ([], ["short"], "api_keys: a key of 5 characters"),
            ([], [], "api_keys: none is given any more"),
        ):
            file.write(*lines, keys=keys)
            [line] = node.reload()
            assert line.startswith("ERROR: the configuration cannot be taken, and nothing is changed: ")
            assert words in line
            assert (status(node, KEY), status(node, OTHER)) == (200, 401)
        file.write(keys=[OTHER])
        node.reload()
        assert (status(node, KEY), status(node, OTHER)) == (401, 200)


def test_a_key_that_was_made_up_stays(file: File, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever was told it can go on; once keys are given they are those."""
    file.write(keys=[])
    with serving(file.load, caplog) as node:
        made_up = node.config().made_up_key
        assert made_up is not None
        assert node.reload()[-1].endswith("nothing is changed")
        assert status(node, made_up) == 200
        file.write()
        node.reload()
        assert (status(node, made_up), status(node, KEY)) == (401, 200)


def test_one_after_the_other(caplog: pytest.LogCaptureFixture) -> None:
    """What is asked for while it is read is read after that, once; an unexpected failure does not end it."""
    started: list[str] = []
    gate = threading.Event()

    def load() -> ServerConfig:
        started.append(threading.current_thread().name)
        if len(started) == 2:
            assert gate.wait(20)
            raise ZeroDivisionError
        return load_config(api_keys=[KEY], env={})

    with serving(load, caplog) as node:
        node.ask()
        until(lambda: len(started) == 2)
        for _ in range(3):
            node.ask()
        # The loop goes on meanwhile.
        assert status(node, KEY) == 200
        assert len(started) == 2
        gate.set()
        until(lambda: len(started) == 3 and len(node.lines()) == 2)
        assert node.lines() == [
            "ERROR: the configuration could not be read, and nothing is changed",
            "INFO: the configuration was read again: nothing is changed",
        ]


def test_a_terminal_that_was_closed() -> None:
    """It is told from one that is there, and from what never was one; it alone ends a start."""
    controller, terminal = pty.openpty()
    reader, writer = os.pipe()
    try:
        assert terminals_of([terminal, reader]) == [terminal]
        before = signal.getsignal(signal.SIGHUP)
        with starting([terminal, reader]):
            # Somebody wants a reload.
            signal.raise_signal(signal.SIGHUP)
            os.close(controller)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == before
        assert terminals_of([terminal, reader]) == []
    finally:
        for descriptor in (terminal, reader, writer):
            os.close(descriptor)
