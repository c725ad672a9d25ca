"""``listen`` in the test's own process: when it ends, and with what."""

from __future__ import annotations

import pytest

from tests.cli.commands import Run
from voyant_cloud import VoyantCloudClient
from voyant_cloud.testing import VoyantServer

CHANNEL = "orders:eu"


@pytest.fixture
def first(client: VoyantCloudClient) -> str:
    """The id of the first of two messages."""
    ids = [client.realtime.publish(CHANNEL, event="e", data=number).id for number in range(2)]
    return ids[0]


@pytest.mark.parametrize(
    ("options", "code"), [([], 0), (["--count", "1"], 0), (["--count", "2"], 4), (["--count", "2", "--event", "x"], 1)]
)
def test_the_time_is_up(run: Run, first: str, options: list[str], code: int) -> None:
    """It ends well where all came that was asked for, with 4 for a part of it, with 1 for nothing."""
    done = run("listen", CHANNEL, "--since-id", first, "--timeout", "0.4", "--json", *options)
    assert (done.code, done.err) == (code, "Connected to orders:eu.\n")
    assert [message["data"] for message in done.objects] == ([] if code == 1 else [1])


def test_a_token_of_ones_own(run: Run, first: str, client: VoyantCloudClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --token no API key is needed."""
    token = client.realtime.tokens.mint(client_id="u", capabilities={CHANNEL: ["subscribe"]}).token
    monkeypatch.delenv("VOYANT_CLOUD_API_KEY")
    done = run("listen", CHANNEL, "--token", token, "--since-id", first, "--count", "1", "--json")
    assert (done.code, done.objects[0]["data"]) == (0, 1)


@pytest.mark.parametrize(("token", "channel"), [("rtok_bad", CHANNEL), (None, "other")])
def test_a_token_that_is_refused(run: Run, client: VoyantCloudClient, token: str | None, channel: str) -> None:
    """It ends with 3 and says what to do; the token is not shown."""
    given = token or client.realtime.tokens.mint(client_id="u", capabilities={CHANNEL: ["subscribe"]}).token
    done = run("listen", channel, "--token", given)
    assert done.code == 3
    assert "give another, or leave --token out" in done.err
    assert given not in done.err
    assert len(done.err.splitlines()) == 1


def test_a_key_that_may_not_mint(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without the scope ends it with 3, and the scope is named."""
    with VoyantServer(api_key="vck_0123456789abcdef:realtime:publish") as server:
        monkeypatch.setenv("VOYANT_CLOUD_API_URL", server.url)
        done = run("listen", CHANNEL, "--api-key", server.api_key)
    assert done.code == 3
    assert "realtime:tokens" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["a/b"], "channel: 'a/b' must match"),
        ([CHANNEL, "--count", "0"], "0 is not in the range x>=1"),
        ([CHANNEL, "--timeout", "0"], "0.0 is not in the range 0.001<=x<=31536000"),
        ([CHANNEL, "--client-id", ""], "client_id: is 0 characters long"),
        ([CHANNEL, "--since-id", "x" * 1001], "since_id: is 1001 characters long"),
    ],
)
def test_bad_options(run: Run, service: VoyantServer, options: list[str], words: str) -> None:
    """They are refused at once, in one line."""
    done = run("listen", *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def test_a_gap_is_told(run: Run, client: VoyantCloudClient) -> None:
    """Where history no longer reaches back, there is an object and a notice."""
    client.realtime.publish(CHANNEL, event="e", data=1)
    done = run(
        "listen", CHANNEL, "--since-id", "rtm_0000000000000000_000000000000001_000000000001", "--count", "1", "--json"
    )
    gap, message = done.objects
    assert (gap["type"], gap["reason"], gap["resumedFrom"]) == ("gap", "history_gap", message["id"])
    assert "may be missing (history_gap)" in done.err


def test_nobody_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time that is up before it was ever connected is a failure."""
    monkeypatch.setenv("VOYANT_CLOUD_API_URL", "http://127.0.0.1:1")
    done = run("listen", CHANNEL, "--api-key", "k" * 16, "--timeout", "0.5")
    assert done.code == 1
    assert "could not be reached in time" in done.err


def test_a_wrong_key(run: Run, service: VoyantServer) -> None:
    """It ends with 3, in the service's own words."""
    done = run("listen", CHANNEL, "--api-key", "vck_wrongwrongwrongwrong")
    assert done.code == 3
    assert "no token: 401 unauthorized" in done.err
