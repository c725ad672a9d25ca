"""Settings, checks, and the one client of the process."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import override_settings

from voyant_cloud import VoyantCloudClient
from voyant_cloud.integrations.django import client as client_module
from voyant_cloud.integrations.django import conf, get_client, publish_on_commit, using_client
from voyant_cloud.integrations.django.checks import check_settings, check_transport
from voyant_cloud.testing import Published, RecordingClient, VoyantServer

SECRET = "vck_very-secret-indeed"


def ids(given: object) -> list[str]:
    with override_settings(VOYANT_CLOUD=given):
        return [message.id for message in check_settings()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"API_KEY": SECRET}, []),
        ({"API_KEY": SECRET, "TIMEOUT": (1, 2), "RETRIES": 5, "VERIFY": False, "AUTH_SCHEME": None}, []),
        ({}, ["voyant_cloud.W003"]),
        ({"API_KEY": ""}, ["voyant_cloud.W003"]),
        ({"API_KEY": SECRET, "TIMOUT": 5}, ["voyant_cloud.E002"]),
        ({"API_KEY": f"{SECRET}\n"}, ["voyant_cloud.E003"]),
        ({"API_KEY": SECRET, "TIMEOUT": 0, "RETRIES": -1}, ["voyant_cloud.E003", "voyant_cloud.E003"]),
        ({"API_KEY": SECRET, "API_URL": "example.com"}, ["voyant_cloud.E003"]),
        ({"API_KEY": SECRET, "CHANNEL_URL": "wss://example.com"}, ["voyant_cloud.E003"]),
        ({"TIMOUT": 0, "TIMEOUT": 0}, ["voyant_cloud.W003", "voyant_cloud.E002", "voyant_cloud.E003"]),
        (SECRET, ["voyant_cloud.E004"]),
    ],
)
def test_checks(given: object, expected: list[str]) -> None:
    """Each problem has its id, and all are found together."""
    assert ids(given) == expected


def test_words() -> None:
    """A problem names the setting, says what is wrong, and never shows the key."""
    given = {
        "API_KEY": f"{SECRET} ",
        "TIMEOUT": "5",
        "API_URL": f"https://me:{SECRET}@example.com",
        "KEY": SECRET,
        SECRET: 1,
    }
    with override_settings(VOYANT_CLOUD=given):
        words = " ".join(f"{problem.text} {problem.hint}" for problem in conf.problems())
        with pytest.raises(ImproperlyConfigured) as raised:
            get_client()
    assert str(raised.value) == words
    assert SECRET not in words
    assert 'VOYANT_CLOUD["TIMEOUT"]: must be seconds above 0' in words
    assert 'VOYANT_CLOUD["KEY"] is unknown. Did you mean VOYANT_CLOUD["API_KEY"]?' in words


def test_check_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """``manage.py check`` warns of no key, and fails before a deployment; the environment can mend it."""
    with override_settings(VOYANT_CLOUD={}):
        errors = io.StringIO()
        call_command("check", stderr=errors)
        assert '(voyant_cloud.W003) VOYANT_CLOUD["API_KEY"] is not set' in errors.getvalue()
        with pytest.raises(CommandError, match=r'voyant_cloud\.E001\) VOYANT_CLOUD\["API_KEY"\] is not set'):
            call_command("check", deploy=True, stderr=errors)
        monkeypatch.setenv("VOYANT_CLOUD_API_KEY", SECRET)
        monkeypatch.setenv("VOYANT_CLOUD_API_URL", "https://realtime.example.com/")
        call_command("check")
        assert get_client().base_url == "https://realtime.example.com"


def test_bad_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad variable is named as one."""
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", "ftp://example.com")
    with override_settings(VOYANT_CLOUD={"API_KEY": SECRET}):
        [problem] = conf.problems()
    assert problem.text.startswith("VOYANT_CLOUD_API_URL in the environment: must begin")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"API_URL": "http://127.0.0.1:8787"}, []),
        ({"API_URL": "http://voyant.internal", "CHANNEL_URL": "https://realtime.example.com"}, ["voyant_cloud.W001"]),
        ({"API_URL": "http://voyant.internal"}, ["voyant_cloud.W001", "voyant_cloud.W002"]),
        ({"TIMEOUT": 0}, []),
        ({"API_KEY": ""}, ["voyant_cloud.E001"]),
    ],
)
def test_deploy_checks(given: dict[str, Any], expected: list[str]) -> None:
    """Unencrypted ways between machines are told of before a deployment."""
    with override_settings(VOYANT_CLOUD={"API_KEY": SECRET, **given}):
        assert [message.id for message in check_transport()] == expected


def test_server_without_checks(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where no management command runs the checks, a start logs what they would say."""

    monkeypatch.setitem(sys.modules, "django.core.wsgi", sys)
    with override_settings(VOYANT_CLOUD={}), caplog.at_level(logging.ERROR, "voyant_cloud"):
        apps.get_app_config("voyant_cloud").ready()
    assert caplog.messages == [
        'VOYANT_CLOUD["API_KEY"] is not set, and neither is VOYANT_CLOUD_API_KEY in the environment. '
        "Set one of them to an API key of the service."
    ]


def test_one_client() -> None:
    """All threads get the same client; another setting gives another, and closes the first."""
    with override_settings(VOYANT_CLOUD={"API_KEY": SECRET}):
        found: list[VoyantCloudClient] = []
        threads = [threading.Thread(target=lambda: found.append(get_client())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        first = get_client()
        assert {id(client) for client in found} == {id(first)}
        with override_settings(VOYANT_CLOUD={"API_KEY": SECRET, "API_URL": "https://example.com"}):
            assert get_client().base_url == "https://example.com"
        assert get_client() is not first


def test_a_client_of_ones_own(service: VoyantServer) -> None:
    """In a block it takes the place of the process's client, outlasts a change of the setting, and is left open."""
    outer, inner = RecordingClient(), RecordingClient()
    with using_client(outer):
        with using_client(inner), override_settings(VOYANT_CLOUD={}):
            publish_on_commit("orders:eu", event="a")
            assert get_client() is inner
        assert get_client() is outer
    assert get_client().base_url == service.url
    Published(inner)("orders:eu", event="a")
    inner.realtime.publish("orders:eu", event="b")
    assert outer.messages == get_client().realtime.history("orders:eu") == []


def test_fork_while_the_lock_is_held(service: VoyantServer) -> None:
    """A child that is forked while another thread makes the client can make and use its own."""
    with client_module._lock:
        pid = os.fork()
        if pid == 0:
            done = 1
            try:
                get_client().realtime.publish("orders:eu", event="child")
                client_module.close_client()
                done = 0
            finally:
                os._exit(done)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_child_leaves_the_parents_client_open(service: VoyantServer) -> None:
    """What a child closes at its exit is not what it inherited."""
    client = get_client()
    client.realtime.publish("orders:eu", event="parent")
    pid = os.fork()
    if pid == 0:
        client_module.close_client()
        try:
            client.realtime.history("orders:eu")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert len(client.realtime.history("orders:eu")) == 1
