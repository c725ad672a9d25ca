"""The short commands: what they print for people, for programs and for nobody, and how they fail."""

from __future__ import annotations

import re
from typing import NoReturn

import pytest

from tests.cli.commands import Run
from tests.fake_service import FakeService, answer
from tests.waiting import until
from voyant_cloud import RealtimeChannel, VoyantCloudClient
from voyant_cloud.cli.main import cli
from voyant_cloud.testing import VoyantServer

ID = r"rtm_[0-9a-f]+_\d+_\d+"


class TestPublish:
    """One message."""

    def test_prints_the_id(self, run: Run, client: VoyantCloudClient) -> None:
        """On a pipe there is the id alone, so that a script can keep it."""
        done = run("publish", "orders:eu", "order.updated", '{"orderId": "ord_1"}')
        assert (done.code, done.err) == (0, "")
        [stored] = client.realtime.history("orders:eu")
        assert done.out == f"{stored.id}\n"
        assert (stored.event, stored.data) == ("order.updated", {"orderId": "ord_1"})

    def test_json(self, run: Run, client: VoyantCloudClient) -> None:
        """With --json there is the message as stored, on one line."""
        done = run("publish", "orders:eu", "e", "[1, 2]", "--json")
        [message] = done.objects
        assert re.fullmatch(ID, message["id"])
        assert (message["channel"], message["event"], message["data"]) == ("orders:eu", "e", [1, 2])

    def test_quiet(self, run: Run, client: VoyantCloudClient) -> None:
        """With --quiet there is nothing."""
        done = run("publish", "orders:eu", "e", "--quiet")
        assert (done.code, done.out, done.err) == (0, "", "")
        assert client.realtime.history("orders:eu")[0].data is None

    def test_text(self, run: Run, client: VoyantCloudClient) -> None:
        """Text needs no quotes of its own."""
        run("publish", "orders:eu", "e", "--text", "the printer's back")
        assert client.realtime.history("orders:eu")[0].data == "the printer's back"

    def test_numbers_are_carried_exactly(self, run: Run, client: VoyantCloudClient) -> None:
        """An integer that no double holds arrives as it was."""
        run("publish", "orders:eu", "e", "12345678901234567890")
        assert client.realtime.history("orders:eu")[0].data == 12345678901234567890

    def test_idempotency_key(self, run: Run, client: VoyantCloudClient) -> None:
        """The same key publishes once."""
        one = run("publish", "orders:eu", "e", "1", "--idempotency-key", "k1")
        two = run("publish", "orders:eu", "e", "1", "--idempotency-key", "k1")
        assert one.out == two.out
        assert len(client.realtime.history("orders:eu")) == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["orders:eu", "e", "nope"], "DATA: is not JSON"),
            (["orders:eu", "e", "NaN"], "NaN, which is not JSON"),
            (["orders:eu", "e", '{"a":1,"a":2}'], "repeats the key 'a'"),
            (["orders:eu", "", "1"], "event: is 0 characters long"),
            (["..", "e", "1"], "channel: '..' must match"),
            (["orders:eu", "e", '"' + "x" * 70_000 + '"'], "is 70002 bytes of JSON, at most 65536 are allowed"),
            (["orders:eu"], "Missing argument 'EVENT'; see voyant-cloud publish --help"),
            (["orders:eu", "e", "1", "2"], "unexpected extra argument"),
            (["orders:eu", "e", "--nope"], "No such option"),
            (["orders:eu", "e", "--idempotency-key", "a b"], "idempotency_key: must be 1 to 200"),
            (["orders:eu", "e", "--base-url", "ftp://x"], "base_url: must begin with http"),
        ],
    )
    def test_bad_input_is_one_line(self, run: Run, client: VoyantCloudClient, arguments: list[str], words: str) -> None:
        """It names what is wrong, ends with 2, and nothing is sent."""
        done = run("publish", *arguments)
        assert (done.code, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1
        assert words in done.err
        assert client.realtime.history("orders:eu") == []


class TestHistory:
    """What is stored."""

    def test_columns(self, run: Run, client: VoyantCloudClient) -> None:
        """On a pipe there are columns between tabs, and nothing in them can break a line."""
        stored = client.realtime.publish("a", event="tab\there\n\x1b[2J", data={"x": "line\nbreak\x9b"})
        done = run("history", "a")
        [line] = done.out.splitlines()
        at, event, data, message_id = line.split("\t")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at)
        assert event == r"tab\there\n\x1b[2J"
        assert data == r'{"x":"line\nbreak\x9b"}'
        assert message_id == stored.id

    def test_json(self, run: Run, client: VoyantCloudClient) -> None:
        """With --json there is a line for each message, oldest first."""
        for number in range(3):
            client.realtime.publish("a", event="e", data=number)
        done = run("history", "a", "--json")
        assert [message["data"] for message in done.objects] == [0, 1, 2]

    def test_limits(self, run: Run, client: VoyantCloudClient) -> None:
        """The newest few, those after an id, or all that follow."""
        client.realtime.publish_many({"channel": "a", "event": "e", "data": n} for n in range(250))
        newest = run("history", "a", "--limit", "3", "--json").objects
        assert [message["data"] for message in newest] == [247, 248, 249]
        first = client.realtime.history("a", limit=250)[0].id
        assert len(run("history", "a", "--since-id", first, "--json").objects) == 100
        assert len(run("history", "a", "--since-id", first, "--all", "--json").objects) == 249

    def test_nothing(self, run: Run, service: VoyantServer) -> None:
        """An empty channel prints nothing to a pipe."""
        done = run("history", "a")
        assert (done.code, done.out) == (0, "")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["a", "--limit", "0"], "'--limit': 0 is not in the range 1<=x<=1000"),
            (["a", "--limit", "5", "--all"], "--all and --limit exclude each other"),
            (["a/b"], "channel: 'a/b' must match"),
        ],
    )
    def test_bad_input(self, run: Run, service: VoyantServer, arguments: list[str], words: str) -> None:
        """It is refused in one line."""
        done = run("history", *arguments)
        assert done.code == 2
        assert words in done.err


class TestPresence:
    """Who is there."""

    def test_members(self, run: Run, service: VoyantServer, client: VoyantCloudClient) -> None:
        """Each member with when it came and what it says of itself; nobody is no line."""
        assert run("presence", "a").out == ""
        token = client.realtime.tokens.mint(client_id="user\t42", capabilities={"a": ["subscribe", "presence"]})
        with RealtimeChannel(channel="a", token=token.token) as channel:
            channel.enter_presence({"name": "Alice"})
            assert channel.wait_connected(10)
            line = until(lambda: run("presence", "a").out.rstrip("\n"))
            assert line.split("\t")[0::2] == [r"user\t42", '{"name":"Alice"}']
            [member] = run("presence", "a", "--json").objects
            assert (member["clientId"], member["data"]) == ("user\t42", {"name": "Alice"})


class TestMintToken:
    """Tokens."""

    def test_a_token_that_works(self, run: Run, client: VoyantCloudClient, service: VoyantServer) -> None:
        """On a pipe there is the token alone, and it does what was asked for."""
        done = run("mint-token", "user_42", "--allow", "orders:*=subscribe, publish", "--allow", "a=b:eu=subscribe")
        assert done.err == ""
        token = done.out.strip()
        for name in ("orders:eu", "a=b:eu"):
            with RealtimeChannel(channel=name, token=token) as channel:
                assert channel.wait_connected(10)

    def test_json(self, run: Run, service: VoyantServer) -> None:
        """With --json it comes with its end."""
        [minted] = run("mint-token", "u", "--allow", "*=subscribe", "--ttl", "60", "--json").objects
        assert minted["token"].startswith("rtok_")
        assert minted["expiresAt"].endswith("Z")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["u"], "Missing option '--allow'"),
            (["u", "--allow", "orders"], "--allow: must be CHANNEL=VERB,VERB"),
            (["u", "--allow", "orders:*=fly"], "must be one of 'subscribe', 'publish', 'presence', got str 'fly'"),
            (["u", "--allow", "or*=subscribe"], "a capability key is"),
            (["u", "--allow", "a=subscribe", "--ttl", "86401"], "86401 is not in the range 1<=x<=86400"),
            (["", "--allow", "a=subscribe"], "client_id: is 0 characters long"),
        ],
    )
    def test_bad_input(self, run: Run, service: VoyantServer, arguments: list[str], words: str) -> None:
        """It is refused in one line, before anything is sent."""
        done = run("mint-token", *arguments)
        assert (done.code, done.out) == (2, "")
        assert words in done.err


class TestFailures:
    """What every command does when it cannot go on."""

    def test_no_key(self, run: Run, service: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """It says which variable to set."""
        monkeypatch.setenv("VOYANT_CLOUD_API_KEY", "")
        done = run("history", "a")
        assert done.code == 2
        assert "set VOYANT_CLOUD_API_KEY or give --api-key" in done.err

    @pytest.mark.parametrize("debug", [[], ["--debug"]])
    def test_a_wrong_key(self, run: Run, service: VoyantServer, debug: list[str]) -> None:
        """It ends with 3 and says what to check; the key is nowhere, not even in a traceback."""
        done = run("history", "a", "--api-key", "my-very-secret-key", *debug)
        assert done.code == 3
        assert done.err.splitlines()[-1].startswith("voyant-cloud: 401 unauthorized")
        assert "check VOYANT_CLOUD_API_KEY or --api-key" in done.err
        assert "my-very-secret-key" not in done.err
        assert ("Traceback" in done.err) == bool(debug)

    def test_a_missing_scope(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """It ends with 3 and names the scope."""
        with VoyantServer(api_key="vck_0123456789abcdef:realtime:publish") as server:
            monkeypatch.setenv("VOYANT_CLOUD_API_URL", server.url)
            done = run("history", "a", "--api-key", server.api_key)
        assert done.code == 3
        assert "lacks the scope realtime:subscribe" in done.err

    def test_nobody_there(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """It ends with 1 and says what to check."""
        monkeypatch.setenv("VOYANT_CLOUD_API_URL", "http://127.0.0.1:1")
        done = run("publish", "a", "e", "--api-key", "k" * 16)
        assert done.code == 1
        assert "is the service up, and VOYANT_CLOUD_API_URL or --base-url right?" in done.err
        assert len(done.err.splitlines()) == 1

    def test_a_key_in_the_wrong_place(self, run: Run, service: VoyantServer) -> None:
        """A key given where none belongs is not repeated."""
        done = run("publish", "a", "e", "1", "vck_abcdefghijklmnop")
        assert done.code == 2
        assert "vck_abcdefghijklmnop" not in done.err

    def test_a_bug_is_one_line(self, run: Run, service: VoyantServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """What nobody thought of is said in one line as well."""
        monkeypatch.setattr("voyant_cloud.realtime.api.RealtimeApi.history", lambda *_, **__: 1 / 0)
        done = run("history", "a")
        assert done.code == 1
        assert done.err == (
            "voyant-cloud: unexpected failure, ZeroDivisionError: division by zero; "
            "run it again with --debug and report it\n"
        )

    def test_a_hostile_service_cannot_act_on_the_terminal(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a service says in an error is shown as text, with nothing in it that a terminal would obey."""
        body = {"error": "bad\x1b[2J\x9b31m\u202e", "code": "x\x1b]0;y\x07", "requestId": "r\x1b[1m"}
        with FakeService(answer(body, 400)) as service:
            monkeypatch.setenv("VOYANT_CLOUD_API_URL", service.url)
            for options in ([], ["--debug"]):
                done = run("publish", "a", "e", "--api-key", "k" * 16, *options)
                assert not set("\x1b\x07\x9b\u202e") & set(done.err)
                assert "bad" in done.err

    def test_bare(self, run: Run) -> None:
        """Without a command there is the help."""
        done = run()
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Usage: voyant-cloud")

    def test_help_lists_the_commands(self, run: Run) -> None:
        """Every command is there, with a sentence that fits."""
        listed = run("--help").out
        for name in ("publish-batch", "listen", "history", "presence", "mint-token", "serve", "demo", "completion"):
            assert re.search(rf"^  {name} +[A-Z].*\.$", listed, re.MULTILINE), name

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_completion(self, run: Run, shell: str) -> None:
        """There is a script for each shell."""
        done = run("completion", shell)
        assert done.code == 0
        assert "_VOYANT_CLOUD_COMPLETE" in done.out


def test_ctrl_c_before_the_command_runs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the arguments are read, too, it is no failure to report."""

    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "make_context", interrupted)
    done = run("history", "a")
    assert (done.code, done.out, done.err.strip()) == (130, "", "")


def test_an_end_of_input_is_no_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """click has one name for both."""

    def ended(*_: object, **__: object) -> NoReturn:
        raise EOFError

    monkeypatch.setattr(cli, "make_context", ended)
    done = run("history", "a")
    assert done.code == 1
    assert "unexpected failure" in done.err
