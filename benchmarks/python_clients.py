"""One busy channel again, beside other services' Python clients, each of which reads a peer of its own protocol."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.asked import asked
from benchmarks.measure import MissingError, Pair, Row
from benchmarks.peer import Peer
from benchmarks.receive import parser, receive
from benchmarks.scripted.ably import Ably
from benchmarks.scripted.centrifugo import Centrifugo
from benchmarks.scripted.script import Script
from benchmarks.scripted.supabase import Supabase

__all__ = ["ROWS"]

HERE = Path(__file__).parent
MESSAGES = 40_000
PYTHON = HERE.parent / ".venv-peers" / "bin" / "python"


@contextmanager
def beside(package: str, client: str, script: Callable[[int], Script]) -> Iterator[Pair]:
    """Ours, and a script of ``clients`` that needs *package*, from a peer that plays *script*."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", f"import {package}"], capture_output=True).returncode:
        raise MissingError(f"needs the package {package} in {PYTHON.parent.parent.name}: make bench installs it")
    with parser(None), Peer(MESSAGES) as ours, Peer(MESSAGES, script) as theirs:
        command = [str(PYTHON), str(HERE / "clients" / client), theirs.removeprefix("http://"), str(MESSAGES)]
        with asked(command) as turn:
            yield lambda: receive(ours, MESSAGES), turn


def _row(name: str, against: str, package: str, client: str, script: Callable[[int], Script]) -> Row:
    return Row(
        name=name,
        what="typed messages from one busy channel to a handler, core dependencies alone",
        unit="a second",
        against=against,
        floor=2.0,
        goal=4.0,
        prepare=lambda: beside(package, client, script),
    )


ROWS = [
    _row("receive-centrifuge", "centrifuge-python", "centrifuge", "receive_centrifuge.py", Centrifugo),
    _row("receive-ably", "ably", "ably", "receive_ably.py", Ably),
    _row("receive-supabase", "realtime of Supabase", "realtime", "receive_supabase.py", Supabase),
]
