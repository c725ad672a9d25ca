"""The pytest plugin, as another project's tests meet it: found by its entry point, in a pytest of its own."""

from __future__ import annotations

import pytest

from tests.inner_pytest import run_pytest
from tests.testing.test_without_server import BLOCKED

pytest_plugins = ["pytester"]

PASSING = """
from voyant_cloud import get_voyant_cloud_client

def notify():
    with get_voyant_cloud_client() as client:
        client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_1"})

def test_published(published):
    published.nothing()
    notify()
    assert published("orders:eu", event="order.updated").data == {"orderId": "ord_1"}
    assert published.count() == 1

def test_again(voyant_server, voyant_client, published):
    assert voyant_client.realtime.history("orders:eu") == []
    notify()
    assert len(voyant_client.realtime.history("orders:eu")) == 1
    published("orders:eu")
    with voyant_server.refuse(503):
        pass
"""


NOWHERE = "http://127.0.0.1:9"

DJANGO = """
import django
import pytest
from django.conf import settings

settings.configure({setting}DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}})
django.setup()
"""

COMMITTING = """
import pytest
from voyant_cloud.integrations.django import get_client, publish_on_commit

@pytest.mark.parametrize("number", [1, 2, 3])
def test_published(number, published, voyant_server):
    publish_on_commit("orders:eu", event="e", data=number, robust=False)
    voyant_server.restart()
    publish_on_commit("orders:eu", event="e", data=number, robust=False)
    assert [message.data for message in published.messages()] == [number] * 2
    assert get_client().base_url == voyant_server.url
"""


def test_fresh_for_each_test(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a server of its own, which the application finds past the machine's proxy, and none is left."""
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)
    monkeypatch.setenv("NO_PROXY", "example.com")
    seen = """
import os, sys, threading
URLS = []

def test_one(voyant_server, voyant_client, monkeypatch):
    URLS.append(voyant_server)
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "example.com,127.0.0.1"
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.delenv("no_proxy")
    assert voyant_client.realtime.history("orders:eu") == []

def test_two(voyant_server):
    assert voyant_server is not URLS[0]
    assert os.environ["VOYANT_CLOUD_API_URL"] == voyant_server.url

def test_three():
    assert "VOYANT_CLOUD_API_URL" not in os.environ
    assert "no_proxy" not in os.environ
    assert os.environ["NO_PROXY"] == "example.com"
    assert "django" not in sys.modules
    assert threading.active_count() == 1
"""
    pytester.makepyfile(test_story=PASSING, test_world=seen)
    run_pytest(pytester, finds_plugins=True).assert_outcomes(passed=5)


def test_shared(pytester: pytest.Pytester) -> None:
    """One server for all, that each test finds empty, also after one that broke or stopped it. Django finds it, too."""
    pytester.makeini("[pytest]\nvoyant_server_scope = session")
    pytester.makeconftest(
        DJANGO.format(setting="")
        + """
@pytest.fixture(scope="session")
def application(voyant_server):
    return voyant_server.url
"""
    )
    breaking = """
import pytest

@pytest.mark.parametrize("how", ["refuse", "pause", "stop", "again"])
def test_break(how, voyant_server, voyant_client, published, application):
    published.nothing()
    assert voyant_server.url == application
    voyant_client.realtime.publish("orders:eu", event="e")
    if how == "refuse":
        voyant_server.refuse(503)
    elif how != "again":
        getattr(voyant_server, how)()
"""
    late = """
import pytest

@pytest.mark.parametrize("number", [1, 2])
def test_late(number, request):
    server = request.getfixturevalue("voyant_server")
    assert server.messages == request.getfixturevalue("voyant_client").realtime.history("orders:eu") == []
    request.getfixturevalue("voyant_client").realtime.publish("orders:eu", event="e", data=number)
"""
    pytester.makepyfile(test_story=PASSING, test_breaking=breaking, test_committing=COMMITTING, test_late=late)
    done = run_pytest(pytester, "--setup-show")
    done.assert_outcomes(passed=11)
    assert done.stdout.str().count("SETUP    S voyant_server ") == 1


def test_django_with_settings_of_its_own(pytester: pytest.Pytester) -> None:
    """What it read before any test leads to the test's server while that runs, and to where it led afterwards."""
    real = {"API_KEY": "real", "API_URL": NOWHERE, "RETRIES": 7, "CHANNEL_URL": NOWHERE, "PROXIES": {"http": NOWHERE}}
    after = f"""
from django.conf import settings
from voyant_cloud.integrations.django import channel_url

def test_within(voyant_server):
    server = {{"API_KEY": voyant_server.api_key, "API_URL": voyant_server.url}}
    assert settings.VOYANT_CLOUD == {{"RETRIES": 7, **server}}
    assert channel_url() == voyant_server.url

def test_after():
    assert settings.VOYANT_CLOUD == {real}
    assert get_client().base_url == {NOWHERE!r}
"""
    pytester.makeconftest(DJANGO.format(setting=f"VOYANT_CLOUD={real}, "))
    pytester.makepyfile(COMMITTING + after)
    run_pytest(pytester).assert_outcomes(passed=5)


def test_a_scope_that_is_none(pytester: pytest.Pytester) -> None:
    """One line says which there are."""
    pytester.makeini("[pytest]\nvoyant_server_scope = tests")
    done = run_pytest(pytester)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        ["ERROR: voyant_server_scope: must be one of function, class, module, package, session, got 'tests'"]
    )


def test_settings(pytester: pytest.Pytester) -> None:
    """A fixture of the project's own sets the server up."""
    pytester.makepyfile(
        """
import pytest

@pytest.fixture
def voyant_server_settings():
    return {"limits": {"history_messages": 1}}

def test_one(voyant_client, published):
    for number in range(2):
        voyant_client.realtime.publish("orders:eu", event="e", data=number)
    assert [message.data for message in voyant_client.realtime.history("orders:eu")] == [1]
    assert published.count() == 2
"""
    )
    run_pytest(pytester).assert_outcomes(passed=1)


def test_a_failure_is_readable(pytester: pytest.Pytester) -> None:
    """The line of the test, and what differs; nothing of this package's insides."""
    pytester.makepyfile(
        """
def test_one(voyant_client, published):
    voyant_client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_2", "n": 1})
    published("orders:eu", event="order.updated", data={"orderId": "ord_1", "n": 1})
"""
    )
    done = run_pytest(pytester)
    done.assert_outcomes(failed=1)
    lines = done.stdout.lines
    start = next(number for number, line in enumerate(lines) if line.startswith(">"))
    assert lines[start : start + 16] == [
        '>       published("orders:eu", event="order.updated", data={"orderId": "ord_1", "n": 1})',
        "E       AssertionError: no such message was published:",
        "E           channel: orders:eu",
        "E           event: order.updated",
        'E           data: {"n": 1, "orderId": "ord_1"}',
        "E       1 message was published, nearest first:",
        "E         1 orders:eu order.updated",
        "E             data, - as wanted, + as published:",
        "E                 {",
        'E                   "n": 1',
        'E               -   "orderId": "ord_1"',
        'E               +   "orderId": "ord_2"',
        "E                 }",
        "",
        "test_a_failure_is_readable.py:3: AssertionError",
        lines[start + 15],
    ]
    assert "voyant_cloud/testing" not in done.stdout.str()


def test_without_the_server(pytester: pytest.Pytester) -> None:
    """The plugin loads, tests that need no server run, and the others say what to install."""
    pytester.makeconftest(BLOCKED.replace(', "click", "rich", "pytest"', ""))
    pytester.makepyfile(
        """
from voyant_cloud.testing import Published, RecordingClient

def test_recording():
    client = RecordingClient()
    client.realtime.publish("orders:eu", event="e")
    Published(client)("orders:eu")

def test_server(voyant_server):
    pass
"""
    )
    done = run_pytest(pytester)
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(['E*VoyantServer needs the server (*); run: pip install "voyant-cloud[[]server[]]"'])


def test_unittest(pytester: pytest.Pytester) -> None:
    """The same objects in a ``TestCase``, run without pytest."""
    pytester.makepyfile(
        test_orders="""
import unittest

from voyant_cloud import ServiceUnavailableError, get_voyant_cloud_client
from voyant_cloud.testing import Published, VoyantServer


class OrderTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(VoyantServer())
        cls.enterClassContext(cls.server.in_environment())

    def setUp(self):
        self.server.reset()
        self.client = self.enterContext(get_voyant_cloud_client(retries=0))
        self.published = Published(self.server)

    def test_one(self):
        self.client.realtime.publish("orders:eu", event="e")
        self.published("orders:eu")

    def test_two(self):
        self.published.nothing()
        self.enterContext(self.server.refuse(503))
        with self.assertRaises(ServiceUnavailableError):
            self.client.realtime.publish("orders:eu", event="e")
"""
    )
    done = pytester.runpython_c("import unittest; unittest.main(module='test_orders', argv=['unittest'])")
    done.stderr.fnmatch_lines(["Ran 2 tests*", "OK"])
