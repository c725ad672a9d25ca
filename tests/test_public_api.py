"""The package from outside: its names, and what importing it loads."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys

import pytest

import voyant_cloud
from voyant_cloud import errors, models

HEAVY = {"aiohttp", "click", "django", "flask", "jwt", "redis", "rich", "uvloop", "yaml", "sqlite3"}
DISTRIBUTIONS = {"attr", "attrs", "cattrs", "requests", "urllib3", "websocket", "voyant_cloud"}
CLIENT = {
    "ChannelState",
    "PublishReport",
    "RealtimeChannel",
    "RealtimeChannelDisconnectedEvent",
    "RealtimeChannelGapEvent",
    "RealtimeChannelOptions",
    "RetryPolicy",
    "SharedThreads",
    "VoyantCloudClient",
    "__version__",
    "create_voyant_cloud_client",
    "get_voyant_cloud_client",
    "try_get_voyant_cloud_client",
}
FOUND = sorted(
    module.name
    for module in pkgutil.walk_packages(voyant_cloud.__path__, "voyant_cloud.")
    if module.name != "voyant_cloud.__main__"
)
DJANGO = "voyant_cloud.integrations.django"
MODULES = [name for name in FOUND if not name.startswith(f"{DJANGO}.")]
# Within a project only: Django lets nobody load a model or a setting before it is set up.
IN_PROJECT = [name for name in FOUND if name.startswith(f"{DJANGO}.")]


def run(code: str) -> str:
    """Run *code* in a Python of its own, where a warning is an error, and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    # Where coverage is measured it would load itself there, too.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_public_names() -> None:
    """The public names are the client's, every model and every exception, sorted."""
    expected = CLIENT | set(models.__all__) | set(errors.__all__) - {"api_error"}
    assert list(voyant_cloud.__all__) == sorted(expected)


def test_star_import() -> None:
    """A star import gives all of them."""
    namespace: dict[str, object] = {}
    exec("from voyant_cloud import *", namespace)
    assert set(voyant_cloud.__all__) <= set(namespace)


def test_names_are_listed_and_no_others() -> None:
    """What is loaded only when it is asked for is listed all the same, and what there is not is no attribute."""
    code = "import voyant_cloud; print(*dir(voyant_cloud)); print(hasattr(voyant_cloud, 'RealtimeChanel'))"
    listed, is_there = run(code).splitlines()
    assert set(voyant_cloud.__all__) <= set(listed.split())
    assert is_there == "False"


def test_import_is_light() -> None:
    """Importing the package loads what the SDK depends on, and nothing of the extras; for channels it waits."""
    code = (
        "import sys, voyant_cloud\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
        "voyant_cloud.RealtimeChannel\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    for_publishing, for_channels = (set(line.split()) for line in run(code).splitlines())
    assert for_publishing >= DISTRIBUTIONS - {"websocket"}
    assert for_channels >= DISTRIBUTIONS
    assert "websocket" not in for_publishing
    assert not HEAVY & for_channels


def test_import_starts_nothing() -> None:
    """Importing the package starts no thread and sets up no logging."""
    code = "import voyant_cloud, threading, logging; print(threading.active_count(), logging.root.handlers)"
    assert run(code).strip() == "1 []"


def test_every_module_imports_alone() -> None:
    """Each module can be the first to be imported after the package itself: there is no circle."""
    code = (
        "import importlib, sys, voyant_cloud\n"
        "core = set(sys.modules)\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    for loaded in [each for each in set(sys.modules) - core if each.startswith('voyant_cloud.')]:\n"
        "        del sys.modules[loaded]\n"
    )
    command = [sys.executable, "-c", code, *MODULES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_imports_in_a_project() -> None:
    """Those of the Django integration load in a project, with no part of the server or the command line."""
    apps = ["django.contrib.contenttypes", "django.contrib.auth", DJANGO, f"{DJANGO}.outbox"]
    loaded = run(
        "import importlib, sys, django\n"
        "from django.conf import settings\n"
        f"settings.configure(INSTALLED_APPS={apps})\n"
        "django.setup()\n"
        f"for name in {IN_PROJECT}:\n"
        "    importlib.import_module(name)\n"
        "print(*sys.modules)"
    ).split()
    assert set(IN_PROJECT) <= set(loaded)
    assert not {"aiohttp", "click", "rich", "voyant_cloud.cli", "voyant_cloud.server"} & set(loaded)


@pytest.mark.parametrize("name", ["voyant_cloud.models", "voyant_cloud.errors", "voyant_cloud.realtime.frames"])
def test_star_import_of_modules(name: str) -> None:
    """What a module calls public is there."""
    exec(f"from {name} import *", {})


def test_the_program_looks_for_garbage() -> None:
    """But not through what was imported."""
    load = "from voyant_cloud.__main__ import load; load()"
    assert run(f"{load}; import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)") == "True True\n"
