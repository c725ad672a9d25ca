"""The README's code is run, block by block, as a reader would."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from voyant_cloud.testing import VoyantServer

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
ENDLESS = "for message in channel:"


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_python_blocks_run(
    server: VoyantServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All Python of the README runs from top to bottom in one program, against a real server."""
    monkeypatch.setenv("VOYANT_CLOUD_API_KEY", server.api_key)
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", server.url)
    namespace: dict[str, Any] = {}
    for text in blocks("python"):
        if ENDLESS in text:
            run_endless(text, namespace)
        else:
            exec(compile(text, "README.md", "exec"), namespace)
    said = capsys.readouterr().out
    assert "250" in said, "publish_many says how many"
    assert "PublishRealtimeMessageInput.event" in said, "the validation error names the field"


def run_endless(text: str, namespace: dict[str, Any]) -> None:
    """Run a block that loops for ever, until it has seen a message."""
    seen = threading.Event()

    def tell(*_: object) -> None:
        seen.set()
        raise KeyboardInterrupt

    publisher = threading.Thread(target=publish_until, args=(namespace["client"], seen), daemon=True)
    publisher.start()
    with pytest.raises(KeyboardInterrupt):
        exec(compile(text, "README.md", "exec"), {**namespace, "print": tell})
    publisher.join()


def publish_until(client: Any, seen: threading.Event) -> None:
    while not seen.wait(0.1):
        client.realtime.publish("orders:eu", event="order.updated")


def test_the_table_of_verbs_is_the_makefile() -> None:
    """The README lists the Makefile's verbs, no more and no fewer."""
    listed = set(re.findall(r"`make ([a-z-]+)`", README.partition("## The Makefile")[2]))
    assert listed == make_targets() - {"help", "clean"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
