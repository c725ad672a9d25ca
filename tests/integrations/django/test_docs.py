"""The page about Django as a new user follows it: a project made of its blocks, run with its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

PAGE = (ROOT / "docs/django.md").read_text()
BLOCK = re.compile(r'```python(?: title="([a-z/]+\.py)")?\n(.*?)```', re.DOTALL)
BEFORE = {
    "settings.py": """
import os
SECRET_KEY = "x"
ROOT_URLCONF = "urls"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
""",
    "orders/__init__.py": "",
}
USE = """
import datetime, decimal
from types import SimpleNamespace
from orders import services
order = SimpleNamespace(
    pk=1, region="eu", total=decimal.Decimal("9.50"), paid_at=datetime.date(2026, 11, 24), save=lambda: None
)
services.pay(order)
services.reprice([order, order])
services.ship(order)
services.outbox.publish("orders:eu", event="order.refused")
from voyant_cloud.integrations.django.outbox.models import OutboxMessage
OutboxMessage.objects.filter(event="order.refused").update(parked_at=datetime.datetime.now(datetime.UTC))
"""


@pytest.fixture
def project(server: VoyantServer, tmp_path: Path) -> Path:
    """A project of the page's files, each block after the one before."""
    files = dict(BEFORE)
    loose = ""
    for name, text in BLOCK.findall(PAGE):
        if name:
            files[name] = files.get(name, "") + text
        else:
            loose += text
    files["use.py"] = f"import django\ndjango.setup()\n{USE}{loose}"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project: Path, server: VoyantServer, *arguments: str) -> str:
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONPATH": f"{project}:{ROOT}",
        "VOYANT_CLOUD_API_KEY": server.api_key,
        "VOYANT_CLOUD_API_URL": server.url,
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=env, text=True, capture_output=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_page_works(project: Path, server: VoyantServer, reader: VoyantCloudClient) -> None:
    """Its settings pass the checks, its functions publish, its tests pass, its outbox drains."""
    run(project, server, "-m", "django", "check")
    run(project, server, "-m", "django", "migrate", "--verbosity=0")
    assert "Ran 2 tests" in run(project, server, "-m", "django", "test")
    assert "[('orders:eu', 'order.refused', '')]" in run(project, server, "use.py")
    drained = run(project, server, "-m", "django", "realtime_drain")
    assert drained == "Published 2, parked 0, left 0.\n"
    stored = reader.realtime.history("orders:eu")
    assert [each.event for each in stored] == [
        "order.paid",
        "order.repriced",
        "order.repriced",
        "order.shipped",
        "order.refused",
    ]
    assert stored[0].data == {"orderId": 1, "paidAt": "2026-11-24", "total": "9.50"}


def test_its_commands_exist() -> None:
    """Each command and option of the page is one of ours or Django's."""
    named = set(re.findall(r"manage\.py ([a-z_]+)", PAGE))
    assert named == {"check", "migrate", "realtime_drain", "realtime_listen", "realtime_publish"}
    commands = {path.stem for path in (ROOT / "voyant_cloud/integrations/django").rglob("commands/realtime_*.py")}
    assert commands == {name for name in named if name.startswith("realtime_")}


def test_its_settings_are_all() -> None:
    """The table of settings is the list of those there are."""
    from voyant_cloud.integrations.django.conf import KEYS

    table = PAGE.partition("| key | is | default |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([A-Z_]+)`", "\n".join(row.split("|")[1] for row in table.splitlines()[2:]))) == set(KEYS)
