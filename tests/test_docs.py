"""The commands of the README and the docs are real, those with output say just that, and the tests of the docs pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.e2e.executable import environment
from tests.inner_pytest import run_pytest
from tests.test_readme import make_targets
from voyant_cloud.testing import VoyantServer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])
TOLD = [page for page in PAGES if "```console" in page.read_text()]
KNOWN = re.compile(r"voyant-cloud ([a-z-]+)([^|#\n]*)")


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"```(\w+)\n(.*?)```", page.read_text(), re.DOTALL)
    return [text.replace("\\\n", " ") for language, text in found if language in languages]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_exists(page: Path) -> None:
    """Every command, option and make target that a page names is there."""
    helps: dict[str, str] = {}
    for text in blocks(page, "sh", "console"):
        for command, rest in KNOWN.findall(text):
            if command not in helps:
                helps[command] = help_of(command)
            for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
                assert option in helps[command], f"{command} {option}"
        for target in re.findall(r"^make ([a-z-]+)", text, re.MULTILINE):
            assert target in make_targets()


@pytest.mark.parametrize("page", TOLD, ids=lambda page: page.name)
def test_output_is_real(page: Path, server: VoyantServer, tmp_path: Path) -> None:
    """Each command with output prints that, where "…" stands for anything, beside the files that the page shows."""
    program = tmp_path / "bin" / "voyant-cloud"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m voyant_cloud "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir()
    for name, text in files(page):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    env = environment(server.url, server.api_key, PATH=f"{program.parent}:{os.environ['PATH']}")
    for command, expected in told(page):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=env,
            text=True,
            timeout=50,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        pattern = re.escape(expected).replace("…", ".*")
        assert re.fullmatch(pattern, done.stdout), f"$ {command}\n{done.stdout}"


DJANGO_SETTINGS = """
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()
"""


def test_the_tests_of_the_docs_pass(pytester: pytest.Pytester) -> None:
    """Each Python block of the page on testing is the file that its first line names, and all pass together."""
    texts = blocks(ROOT / "docs/testing.md", "python")
    named = {text.partition("\n")[0].removeprefix("# ").removesuffix(".py"): text for text in texts}
    assert len(named) == len(texts)
    pytester.makeconftest(DJANGO_SETTINGS)
    pytester.makepyfile(**named)
    done = run_pytest(pytester)
    done.assert_outcomes(passed=sum(text.count("def test_") for text in texts))


def test_the_failure_in_the_docs_is_real(pytester: pytest.Pytester) -> None:
    """The failure that the page on testing shows is what pytest prints."""
    page = ROOT / "docs/testing.md"
    [shown] = blocks(page, "text")
    application = next(text for text in blocks(page, "python") if text.startswith("# orders.py"))
    call = shown.partition("\n")[0].removeprefix(">").strip()
    test = f'from orders import ship\n\ndef test_one(published):\n    ship("ord_1")\n    {call}\n'
    pytester.makepyfile(orders=application, test_one=test)
    done = run_pytest(pytester)
    assert shown in done.stdout.str()


def files(page: Path) -> list[tuple[str, str]]:
    """Return the configuration files of a page, each named by its first line."""
    texts = [text for text in blocks(page, "toml") if text.startswith("# ")]
    return [(text.partition("\n")[0].removeprefix("# "), text) for text in texts]


def told(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page with what they print."""
    found: list[tuple[str, str]] = []
    for text in blocks(page, "console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@cache
def help_of(command: str) -> str:
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "voyant_cloud", command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env=env,
    ).stdout
