"""The project in processes of its own: ``manage.py`` commands, with a database in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT, finds
from voyant_cloud.testing import VoyantServer

MANAGE = [sys.executable, "-m", "django"]
SETTINGS = "tests.integrations.django.project.settings"


def environment(server: VoyantServer, database: Path | None = None, **others: str) -> dict[str, str]:
    """Return an environment in which the project finds its service and its database."""
    found = finds(server, DJANGO_SETTINGS_MODULE=SETTINGS, **others)
    return found if database is None else {**found, "PROJECT_DATABASE": str(database)}


def manage(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the project to its end."""
    return subprocess.run(
        [*MANAGE, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False
    )


def python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run code in the project, once its apps are ready."""
    command = [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=50, check=False)
