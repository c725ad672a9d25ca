"""``publish-batch`` in the test's own process: formats, defaults, bad records, and going on after a stop."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import Run
from voyant_cloud import RetryPolicy, VoyantCloudClient
from voyant_cloud.testing import VoyantServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "input.jsonl"


def line(number: int, channel: str = "a", **others: Any) -> str:
    return json.dumps({"channel": channel, "event": "e", "data": number, **others})


def write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n")


def stored(client: VoyantCloudClient, channel: str = "a") -> list[Any]:
    return [message.data for message in client.realtime.history(channel, limit=1000)]


class TestGoodInput:
    """What is published, and what is said of it."""

    def test_lines(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Every line is published, each channel in order; the report says how many."""
        write(file, [line(number, f"c:{number % 7}") for number in range(730)])
        done = run("publish-batch", str(file))
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Published 730 messages in ")
        for channel in range(7):
            assert stored(client, f"c:{channel}") == list(range(channel, 730, 7))

    def test_report(self, run: Run, service: VoyantServer, file: Path) -> None:
        """With --json the report is one object; with --quiet there is none."""
        write(file, [line(number) for number in range(250)])
        [report] = run("publish-batch", str(file), "--json", "--concurrency", "1").objects
        assert {name: report[name] for name in ("published", "publishedBefore", "rejected", "batches", "complete")} == {
            "published": 250,
            "publishedBefore": 0,
            "rejected": 0,
            "batches": 3,
            "complete": True,
        }
        quiet = run("publish-batch", str(file), "--quiet")
        assert (quiet.code, quiet.out, quiet.err) == (0, "", "")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.jsonl", '{"data": 1}\n{"data": 2, "channel": "b", "event": "f"}\n'),
            ("a.json", '[{"data": 1}, {"data": 2, "channel": "b", "event": "f"}]'),
            ("a.csv", "channel,event,data\n,,1\nb,f,2\n"),
        ],
    )
    def test_defaults(self, run: Run, client: VoyantCloudClient, tmp_path: Path, name: str, content: str) -> None:
        """What a record does not name is taken from the options, in every format."""
        (tmp_path / name).write_text(content)
        assert run("publish-batch", str(tmp_path / name), "--channel", "a", "--event", "e").code == 0
        [one], [two] = client.realtime.history("a"), client.realtime.history("b")
        assert (one.event, one.data, two.event, two.data) == ("e", 1, "f", 2)

    def test_text_in_csv(self, run: Run, client: VoyantCloudClient, tmp_path: Path) -> None:
        """With --text the column is what it says."""
        (tmp_path / "a.csv").write_text('data\n"say ""hi"""\n5\n')
        assert run("publish-batch", str(tmp_path / "a.csv"), "--channel", "a", "--event", "e", "--text").code == 0
        assert stored(client) == ['say "hi"', "5"]

    def test_nothing(self, run: Run, service: VoyantServer, file: Path) -> None:
        """An empty input is done at once."""
        file.write_text("")
        assert run("publish-batch", str(file)).code == 0

    def test_rate(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """It takes as long as the rate says."""
        write(file, [line(number) for number in range(100)])
        [report] = run("publish-batch", str(file), "--rate", "100", "--json").objects
        assert report["published"] == 100
        assert report["seconds"] >= 0.49
        assert report["batches"] >= 2


class TestBadRecords:
    """Records that cannot be published."""

    BAD = (
        ("nope", "is not JSON"),
        ('{"channel": "a", "data": 1}', "line 3.event: must be a string, got None"),
        ('{"event": "e"}', "line 3.channel: must be a string, got None"),
        ('{"channel": "..", "event": "e"}', "line 3.channel: '..' must match"),
        ('{"channel": "a", "event": "e", "dta": 1}', "has the unknown key 'dta'; it takes channel, event, data"),
        ("[1]", "must be an object with channel, event and data, got list"),
        ('{"channel": "a", "event": "e", "data": "' + "x" * 66_000 + '"}', "is 66002 bytes of JSON, at most 65536"),
    )

    @pytest.mark.parametrize(("bad", "words"), BAD)
    def test_stop(self, run: Run, client: VoyantCloudClient, file: Path, bad: str, words: str) -> None:
        """It stops there, names the line and the reason, has published all before, and goes on once it is mended."""
        write(file, [line(1), line(2), bad, line(4)])
        done = run("publish-batch", str(file))
        assert done.code == 4
        assert words in done.err
        assert "line 3" in done.err
        assert "fix it, or pass over bad ones with --on-error skip; continue with --resume" in done.err
        assert len(done.err.splitlines()) == 1
        assert stored(client) == [1, 2]
        write(file, [line(1), line(2), line(3), line(4)])
        assert run("publish-batch", str(file), "--resume").code == 0
        assert stored(client) == [1, 2, 3, 4]

    def test_stop_without_a_checkpoint(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Nobody is told to continue what cannot be continued: that would publish all of it again."""
        write(file, [line(1), "nope"])
        done = run("publish-batch", str(file), "--no-checkpoint")
        assert done.code == 4
        assert "--resume" not in done.err
        assert "without a checkpoint nothing says what was published" in done.err
        assert stored(client) == [1]

    def test_stop_at_the_first(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Where nothing was published it is a wrong input, and no unfinished run."""
        write(file, ["nope", line(2)])
        assert run("publish-batch", str(file)).code == 2
        write(file, [line(1), line(2)])
        assert run("publish-batch", str(file)).code == 0
        assert stored(client) == [1, 2]

    def test_skip(self, run: Run, client: VoyantCloudClient, file: Path, tmp_path: Path) -> None:
        """All others are published; the rejected ones are kept with the reason, once."""
        write(file, [line(1), *(bad for bad, _ in self.BAD), line(2)])
        rejects = tmp_path / "rejects.jsonl"
        options = ["--on-error", "skip", "--rejects", str(rejects)]
        done = run("publish-batch", str(file), *options)
        assert done.code == 4
        assert f"Rejected 7; see {rejects}" in done.out
        assert stored(client) == [1, 2]
        kept = [json.loads(text) for text in rejects.read_text().splitlines()]
        assert [each["line"] for each in kept] == list(range(2, 9))
        assert [each["text"] for each in kept] == [bad for bad, _ in self.BAD]
        for each, (_, words) in zip(kept, self.BAD, strict=True):
            assert words.replace("line 3", f"line {each['line']}") in each["error"]
        again = run("publish-batch", str(file), "--resume", *options)
        assert (again.code, stored(client)) == (4, [1, 2])
        assert "Rejected 7" in again.out
        assert len(rejects.read_text().splitlines()) == 7

    def test_what_the_service_refuses(
        self, run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A record that only the service finds bad is named, skipped or stopped at like any other."""
        with (
            VoyantServer(limits={"message_bytes": 100}) as server,
            VoyantCloudClient(api_key=server.api_key, base_url=server.url) as client,
        ):
            monkeypatch.setenv("VOYANT_CLOUD_API_KEY", server.api_key)
            monkeypatch.setenv("VOYANT_CLOUD_API_URL", server.url)
            write(file, [line(number, data="x" * 200 if number == 33 else number) for number in range(1, 51)])
            stopped = run("publish-batch", str(file))
            assert stopped.code == 4
            assert "line 33: 413 payload_too_large" in stopped.err
            assert stored(client) == list(range(1, 33))
            rejects = tmp_path / "rejects"
            options = ["--resume", "--on-error", "skip", "--rejects", str(rejects), "--json"]
            [report] = run("publish-batch", str(file), *options).objects
            assert (report["published"], report["publishedBefore"], report["rejected"]) == (17, 32, 1)
            assert stored(client) == [*range(1, 33), *range(34, 51)]
            assert json.loads(rejects.read_text())["line"] == 33

    def test_rejects_are_kept_for_all(self, run: Run, service: VoyantServer, tmp_path: Path) -> None:
        """Several inputs may share a file of rejected records, and none takes out what another put in."""
        shared = tmp_path / "shared"
        shared.write_text("mine\n")
        options = ["--on-error", "skip", "--rejects", str(shared)]
        for name in ("a.jsonl", "b.jsonl", "a.jsonl"):
            write(tmp_path / name, ["nope " + name, line(1)])
            assert run("publish-batch", str(tmp_path / name), "--resume", *options).code == 4
        lines = shared.read_text().splitlines()
        assert lines[0] == "mine"
        assert [json.loads(each)["text"] for each in lines[1:]] == ["nope a.jsonl", "nope b.jsonl"]

    def test_rejects_into_a_device(self, run: Run, service: VoyantServer, file: Path) -> None:
        """They may be thrown away."""
        write(file, ["nope", line(1)])
        assert run("publish-batch", str(file), "--on-error", "skip", "--rejects", "/dev/null").code == 4

    def test_data_as_deep_as_allowed(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """What publish takes, publish-batch takes."""
        deep = json.loads("[" * 64 + "]" * 64)
        write(file, [line(1), line(2, data=deep)])
        assert run("publish-batch", str(file)).code == 0
        assert stored(client) == [1, deep]

    def test_the_name_says_what_it_is(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """A first line that is bad does not make CSV of a .jsonl file."""
        write(file, ["nope", line(1)])
        assert run("publish-batch", str(file), "--on-error", "skip").code == 4
        assert stored(client) == [1]

    def test_a_broken_array(self, run: Run, client: VoyantCloudClient, tmp_path: Path) -> None:
        """Where no further item can be found, all before is published, whatever was asked for."""
        (tmp_path / "a.json").write_text(f"[{line(1)}, {line(2)}, {line(3)[:-3]}")
        done = run("publish-batch", str(tmp_path / "a.json"), "--on-error", "skip")
        assert done.code == 4
        assert "the input ends inside of item 3" in done.err
        assert stored(client) == [1, 2]


class TestCheckpoint:
    """What may be continued, and what not."""

    def stopped(self, run: Run, file: Path) -> None:
        write(file, [line(number) for number in range(150)] + ["nope"])
        assert run("publish-batch", str(file)).code == 4

    def test_an_unfinished_run(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Neither continued nor forgotten without being told to."""
        self.stopped(run, file)
        refused = run("publish-batch", str(file))
        assert refused.code == 2
        assert f"{file}.checkpoint is of an unfinished run, 150 records in" in refused.err
        assert len(stored(client)) == 150
        assert run("publish-batch", str(file), "--restart").code == 4
        assert len(stored(client)) == 300

    def test_an_input_that_changed(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Other records where some were published already are noticed, and nothing is sent."""
        self.stopped(run, file)
        lines = file.read_text().splitlines()
        for changed in ([line(-1), *lines[1:150], line(150)], [*lines[1:150], line(150)], lines[:100]):
            write(file, changed)
            refused = run("publish-batch", str(file), "--resume")
            assert refused.code == 4
            assert "the input is not what was published before" in refused.err
            assert "--restart" in refused.err
            assert "--resume" not in refused.err
        assert len(stored(client)) == 150

    def test_an_input_that_grew(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """Continued after its end, only what is new is published."""
        write(file, [line(1), line(2)])
        assert run("publish-batch", str(file)).code == 0
        write(file, [line(1), line(2), line(3)])
        assert run("publish-batch", str(file), "--resume").code == 0
        assert stored(client) == [1, 2, 3]

    def test_another_place(self, run: Run, client: VoyantCloudClient, file: Path, tmp_path: Path) -> None:
        """It can lie elsewhere, or not be at all."""
        write(file, [line(1)])
        assert run("publish-batch", str(file), "--no-checkpoint").code == 0
        assert run("publish-batch", str(file), "--checkpoint", str(tmp_path / "c")).code == 0
        assert sorted(each.name for each in tmp_path.iterdir()) == ["c", "input.jsonl"]

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--resume", "--restart"], "--resume and --restart exclude each other"),
            (["--no-checkpoint", "--resume"], "--no-checkpoint goes neither with"),
            (["--rejects", "r"], "--rejects needs --on-error skip"),
            (["--batch-size", "101"], "101 is not in the range 1<=x<=100"),
            (["--concurrency", "0"], "0 is not in the range 1<=x<=64"),
            (["--rate", "0"], "0.0 is not in the range 0.01<=x<=1000000"),
            (["--rate", "nan"], "nan is not in the range 0.01<=x<=1000000"),
            (["--rate", "inf"], "inf is not in the range 0.01<=x<=1000000"),
            (["--format", "xml"], "'xml' is not one of"),
            (["--text"], "--text is for CSV"),
            (["--checkpoint", "missing/c"], "name another file with --checkpoint, or do without"),
            (["--on-error", "skip", "--rejects", "missing/r"], "missing/r: No such file"),
            (["--format", "csv"], "a CSV begins with its columns"),
            (["--on-error", "skip", "--rejects", "input.jsonl"], "--rejects and FILE are the same file"),
            (["--on-error", "skip", "--rejects", "input.jsonl.checkpoint"], "--rejects and --checkpoint are the same"),
            (["--checkpoint", "input.jsonl"], "--checkpoint and FILE are the same file"),
        ],
    )
    def test_bad_options(
        self,
        run: Run,
        client: VoyantCloudClient,
        file: Path,
        options: list[str],
        words: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """They are refused in one line, and nothing is sent."""
        monkeypatch.chdir(file.parent)
        write(file, [line(1)])
        done = run("publish-batch", str(file), *options)
        assert done.code in (1, 2)
        assert words in done.err
        assert len(done.err.splitlines()) == 1
        assert stored(client) == []

    def test_no_such_file(self, run: Run, service: VoyantServer) -> None:
        """It is named."""
        done = run("publish-batch", "nowhere.jsonl")
        assert done.code == 2
        assert "'nowhere.jsonl' does not exist" in done.err

    def test_the_checkpoint_is_another_file(self, run: Run, client: VoyantCloudClient, file: Path) -> None:
        """A file of the user's is never written over."""
        write(file, [line(1)])
        mine = file.with_name("mine.txt")
        mine.write_text("my only copy\n")
        done = run("publish-batch", str(file), "--checkpoint", str(mine), "--restart")
        assert done.code == 2
        assert "is not a checkpoint" in done.err
        assert mine.read_text() == "my only copy\n"
        assert stored(client) == []


class TestRefusals:
    """The service does not take it."""

    def test_a_wrong_key(self, run: Run, service: VoyantServer, file: Path) -> None:
        """It ends with 3, and nothing keeps the next run from starting."""
        write(file, [line(1)])
        done = run("publish-batch", str(file), "--api-key", "vck_wrongwrongwrongwrong")
        assert done.code == 3
        assert "check VOYANT_CLOUD_API_KEY" in done.err
        assert run("publish-batch", str(file)).code == 0

    def test_nobody_there(self, run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It ends with 1 once its patience is over."""
        module = importlib.import_module("voyant_cloud.cli.publish_batch")
        monkeypatch.setattr(module, "PATIENCE", RetryPolicy(retries=1))
        monkeypatch.setenv("VOYANT_CLOUD_API_URL", "http://127.0.0.1:1")
        write(file, [line(1)])
        done = run("publish-batch", str(file), "--api-key", "k" * 16)
        assert done.code == 1
        assert "is the service up" in done.err
