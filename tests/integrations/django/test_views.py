"""The token view through Django's own stack: login, CSRF, mixins, and tokens that the service takes."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid

import django
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from tests.integrations.django.project.urls import OwnTokenView
from voyant_cloud import InvalidRequestError, RealtimeChannel
from voyant_cloud.integrations.capabilities import owned_objects
from voyant_cloud.integrations.django import channel_url, using_client
from voyant_cloud.testing import RecordingClient, VoyantServer


@pytest.fixture
def browser() -> Client:
    """A browser that is logged in as the user 1."""
    client = Client()
    client.force_login(User.objects.create(pk=1, username="alice"))
    return client


def test_token(service: VoyantServer, browser: Client) -> None:
    """The body is what a front end needs: with it the user's own channel opens, and no other."""
    answer = browser.post("/token/")
    body = answer.json()
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert list(body) == ["token", "expiresAt", "channelUrl"]
    assert body["channelUrl"] == service.url
    left = dt.datetime.fromisoformat(body["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=59) < left <= dt.timedelta(hours=1)
    with RealtimeChannel(channel="user:1", token=body["token"], base_url=body["channelUrl"]) as channel:
        assert channel.wait_connected(10)


def test_channel_url(service: VoyantServer, browser: Client) -> None:
    """Browsers may be sent to another address than the servers."""
    with override_settings(VOYANT_CLOUD={**settings.VOYANT_CLOUD, "CHANNEL_URL": "https://rt.example.com/"}):
        assert browser.post("/token/").json()["channelUrl"] == channel_url() == "https://rt.example.com"
    with override_settings(VOYANT_CLOUD={**settings.VOYANT_CLOUD, "CHANNEL_URL": "rt.example.com"}):
        with (
            using_client(RecordingClient()),
            pytest.raises(ImproperlyConfigured, match=r'\["CHANNEL_URL"\]: .* must begin'),
        ):
            channel_url()


@pytest.mark.parametrize("path", ["/token/", "/token/login/", "/token/staff/"])
def test_nobody(path: str) -> None:
    """Who is not logged in gets a 403 as JSON, behind Django's mixins, too."""
    answer = Client().post(path)
    assert answer.status_code == 403
    assert answer.json() == {"error": "log in first", "code": "unauthorized"}
    assert answer["Cache-Control"] == "no-store"


def test_nothing_granted(browser: Client) -> None:
    """Who may do nothing gets a 403 as well."""
    User.objects.filter(pk=1).update(username="guest")
    for path in ("/token/", "/token/staff/"):
        answer = browser.post(path)
        assert answer.status_code == 403
        assert answer.json()["code"] == "forbidden"


def test_csrf(service: VoyantServer) -> None:
    """A POST needs Django's CSRF token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create(pk=1, username="alice"))
    assert client.post("/token/").status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    assert client.post("/token/", headers={"x-csrftoken": "a" * 32}).status_code == 200


def test_methods(service: VoyantServer, browser: Client) -> None:
    """GET only where a view says so."""
    refused = browser.get("/token/")
    assert (refused.status_code, refused["Cache-Control"]) == (405, "no-store")
    body = browser.get("/token/read/").json()
    left = dt.datetime.fromisoformat(body["expiresAt"]) - dt.datetime.now(dt.UTC)
    assert left <= dt.timedelta(seconds=60)


@pytest.mark.skipif(django.VERSION < (5, 1), reason="Django 5.1 brought the middleware")
def test_login_required_middleware(service: VoyantServer, browser: Client) -> None:
    """It does not send a front end to a page to log in either."""
    middleware = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    with override_settings(MIDDLEWARE=middleware):
        assert Client().post("/token/").json()["code"] == "unauthorized"
        assert browser.post("/token/").status_code == 200


def test_too_much_granted(service: VoyantServer, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grants that make too long a token are the project's own fault, not an outage that a browser should outlast."""
    granted = owned_objects("orders", [uuid.uuid4() for _ in range(100)])
    monkeypatch.setattr(OwnTokenView, "get_capabilities", lambda *_: granted)
    with pytest.raises(InvalidRequestError, match="at most 4096 are allowed"):
        browser.post("/token/")


def test_undefined(browser: Client) -> None:
    """A view without capabilities says what is missing."""
    with pytest.raises(ImproperlyConfigured, match=r"TokenView must define get_capabilities\(request\)"):
        browser.post("/token/undefined/")


def test_bad_settings(browser: Client) -> None:
    """Bad settings are the project's own fault, and loud."""
    with override_settings(VOYANT_CLOUD={}), pytest.raises(ImproperlyConfigured, match="API_KEY"):
        browser.post("/token/")


def test_service_out_of_order(service: VoyantServer, browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    """The browser is told no more than that; the log has the reason."""
    service.stop()
    answer = browser.post("/token/")
    assert answer.status_code == 503
    assert answer.json() == {"error": "realtime is not available now", "code": "service_unavailable"}
    assert "no realtime token for client '1': VoyantTransportError: POST /realtime/v1/tokens" in caplog.text


def test_token_is_not_logged(service: VoyantServer, browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    """No line of any logger holds the token."""
    with caplog.at_level(logging.DEBUG):
        token = browser.post("/token/").json()["token"]
    assert token not in caplog.text
    assert "rtok_" not in json.dumps(caplog.messages)
