"""The checkpoint: what it says after a crash at any byte, who may use it, and when it refuses to write."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from voyant_cloud.about_to_wait import telling
from voyant_cloud.cli import files
from voyant_cloud.cli.batch import checkpoint as checkpoint_module
from voyant_cloud.cli.batch.checkpoint import Checkpoint
from voyant_cloud.cli.batch.sending import Sending
from voyant_cloud.cli.exits import CommandError, ExitCode

TEXTS = ['{"channel":"a","event":"e","data":{"n":1}}', '{"channel":"a","event":"e"}']


def digests(*numbers: int) -> dict[int, int]:
    return {number: number * 1000 for number in numbers}


def begun(path: Path | None) -> Checkpoint:
    checkpoint = Checkpoint(path, clock=lambda: 1000.0)
    checkpoint.open(resume=False, restart=False)
    return checkpoint


def resumed(path: Path) -> Checkpoint:
    checkpoint = Checkpoint(path)
    checkpoint.open(resume=True, restart=False)
    return checkpoint


def ranges(checkpoint: Checkpoint) -> list[list[int]]:
    return [[first, last] for first, last, _ in checkpoint.settled.ranges]


def ranges_in(path: Path) -> list[list[int]]:
    """Return what another run finds settled."""
    checkpoint = resumed(path)
    checkpoint.close()
    return ranges(checkpoint)


def eventful(path: Path) -> Sending:
    """Write one of everything; return the batch that is left without an end."""
    checkpoint = begun(path)
    one = checkpoint.sending(digests(1, 2), {}, TEXTS)
    checkpoint.was_published(one)
    two = checkpoint.sending(digests(3, 5), {"a": "rtm_2"}, TEXTS)
    checkpoint.was_rejected(4, 4000)
    three = checkpoint.sending(digests(6, 7), {}, TEXTS)
    checkpoint.was_refused(three)
    checkpoint.close()
    return two


def test_what_happened_is_read_back(tmp_path: Path) -> None:
    """Another run finds what is published, rejected, and without an end, with all that sending it again needs."""
    unfinished = eventful(tmp_path / "c")
    checkpoint = resumed(tmp_path / "c")
    assert ranges(checkpoint) == [[1, 2], [4, 4]]
    assert (checkpoint.published, checkpoint.rejected) == (2, 1)
    assert checkpoint.unfinished == [unfinished]
    assert unfinished.at == 1000.0
    checkpoint.close()


def test_a_crash_at_any_byte_leaves_it_readable(tmp_path: Path) -> None:
    """Cut anywhere behind its first line, it says what happened up to there, and never less than before."""
    path = tmp_path / "c"
    eventful(path)
    content = path.read_bytes()
    first = content.index(b"\n") + 1
    before: tuple[int, int] = (0, 0)
    for end in range(first, len(content) + 1):
        path.write_bytes(content[:end])
        checkpoint = resumed(path)
        known = len(checkpoint.settled), checkpoint.published
        assert known >= before
        assert len(checkpoint.unfinished) + checkpoint.published / 2 <= 3
        before = known
        checkpoint.close()
    assert before == (3, 2)


def test_it_goes_on_behind_a_line_cut_short(tmp_path: Path) -> None:
    """What follows a crash is read back as well as what was before it."""
    path = tmp_path / "c"
    eventful(path)
    path.write_bytes(path.read_bytes()[:-5])
    checkpoint = resumed(path)
    for sending in checkpoint.unfinished:
        checkpoint.was_published(sending)
    checkpoint.close()
    checkpoint = resumed(path)
    assert ranges(checkpoint) == [[1, 7]]
    assert checkpoint.unfinished == []
    checkpoint.close()


def test_it_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is published, the file holds little more than what is under way."""
    monkeypatch.setattr(checkpoint_module, "_COMPACT_ABOVE", 5_000)
    checkpoint = begun(tmp_path / "c")
    open_end = checkpoint.sending(digests(1), {}, TEXTS)
    for number in range(2, 1000):
        checkpoint.was_published(checkpoint.sending(digests(number), {}, TEXTS))
        assert (tmp_path / "c").stat().st_size < 6_000
    checkpoint.close()
    checkpoint = resumed(tmp_path / "c")
    assert ranges(checkpoint) == [[2, 999]]
    assert checkpoint.unfinished == [open_end]
    checkpoint.close()
    assert os.listdir(tmp_path) == ["c"], "no draft is left"


class TestOpening:
    """Which run may go on with which file."""

    def test_an_unfinished_run_is_not_forgotten(self, tmp_path: Path) -> None:
        """Neither continued nor begun anew without being told to."""
        eventful(tmp_path / "c")
        with pytest.raises(CommandError, match="3 records in; continue it with --resume") as caught:
            begun(tmp_path / "c")
        assert caught.value.code is ExitCode.USAGE
        assert ranges_in(tmp_path / "c") == [[1, 2], [4, 4]]

    def test_restart(self, tmp_path: Path) -> None:
        """Begun anew, nothing is left of the run before."""
        eventful(tmp_path / "c")
        checkpoint = Checkpoint(tmp_path / "c")
        checkpoint.open(resume=False, restart=True)
        assert (len(checkpoint.settled), checkpoint.published, checkpoint.unfinished) == (0, 0, [])
        checkpoint.close()

    def test_a_finished_run(self, tmp_path: Path) -> None:
        """Continued it has nothing to do; without that the next run is a new one."""
        checkpoint = begun(tmp_path / "c")
        checkpoint.was_published(checkpoint.sending(digests(1, 2), {}, TEXTS))
        checkpoint.finish()
        checkpoint.close()
        again = resumed(tmp_path / "c")
        assert len(again.settled) == 2
        again.finish()
        again.close()
        anew = begun(tmp_path / "c")
        assert len(anew.settled) == 0
        anew.close()

    def test_nothing_to_resume_is_a_beginning(self, tmp_path: Path) -> None:
        """A script can always say --resume."""
        checkpoint = resumed(tmp_path / "c")
        assert len(checkpoint.settled) == 0
        checkpoint.close()

    @pytest.mark.parametrize(
        "content",
        [
            b"my only copy\n",
            b'{"some": "json"}\n',
            b"{}\n",
            b"[]\n",
            b'{"checkpoint": 2}\n',
            b"no end of line",
            b"\xff\n",
        ],
    )
    @pytest.mark.parametrize("restart", [True, False])
    def test_another_file_is_left_alone(self, tmp_path: Path, content: bytes, restart: bool) -> None:
        """What is no checkpoint is not written over, whatever was asked for."""
        (tmp_path / "c").write_bytes(content)
        with pytest.raises(CommandError, match="is not a checkpoint, or damaged"):
            Checkpoint(tmp_path / "c").open(resume=not restart, restart=restart)
        assert (tmp_path / "c").read_bytes() == content

    def test_damage_in_the_middle_is_refused(self, tmp_path: Path) -> None:
        """A line that is none, before others, is no crash."""
        path = tmp_path / "c"
        eventful(path)
        lines = path.read_bytes().split(b"\n")
        lines[2] = lines[2][:-3]
        path.write_bytes(b"\n".join(lines))
        with pytest.raises(CommandError, match="damaged"):
            resumed(path)

    def test_one_run_at_a_time(self, tmp_path: Path) -> None:
        """Another process that wants the same file is refused, also after the file was replaced."""
        checkpoint = begun(tmp_path / "c")
        checkpoint.was_published(checkpoint.sending(digests(1), {}, TEXTS))
        code = (
            "import pathlib, sys\n"
            "from voyant_cloud.cli.batch.checkpoint import Checkpoint\n"
            "try:\n"
            "    Checkpoint(pathlib.Path(sys.argv[1])).open(resume=True, restart=False)\n"
            "except Exception as error:\n"
            "    print(error)\n"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "c")]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        assert "is in use by another run" in said
        checkpoint.close()
        assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout == ""

    def test_only_a_file_is_written(self, tmp_path: Path) -> None:
        """A device, a folder or a pipe is refused rather than replaced or waited for; a link stays one."""
        os.mkfifo(tmp_path / "fifo")
        for path in (Path("/dev/null"), tmp_path, tmp_path / "fifo"):
            with pytest.raises(CommandError, match="is no regular file"):
                begun(path)
        (tmp_path / "link").symlink_to(tmp_path / "real")
        begun(tmp_path / "link").close()
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes().startswith(b'{"checkpoint"')

    def test_it_is_private(self, tmp_path: Path) -> None:
        """It holds messages, so others than its owner cannot read it."""
        begun(tmp_path / "c").close()
        assert (tmp_path / "c").stat().st_mode & 0o077 == 0

    def test_without_a_file(self) -> None:
        """It counts all the same."""
        checkpoint = begun(None)
        checkpoint.was_published(checkpoint.sending(digests(1), {}, TEXTS))
        checkpoint.finish()
        assert checkpoint.published == 1
        checkpoint.close()


def test_a_full_disk_stops_before_anything_is_sent(tmp_path: Path) -> None:
    """A batch that cannot be noted raises; what was noted before is still there, and the rest can be noted later."""
    path = tmp_path / "c"
    checkpoint = begun(path)
    one = checkpoint.sending(digests(1), {}, TEXTS)
    with limited_to(path.stat().st_size + 40):
        with pytest.raises(OSError, match="large"):
            checkpoint.sending(digests(2), {}, TEXTS)
    checkpoint.was_published(one)
    checkpoint.close()
    assert ranges_in(path) == [[1, 1]]
    for line in path.read_bytes().splitlines():
        json.loads(line)


class limited_to:
    """Lets no file of this process become longer, which fails as a full disk does."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._before: tuple[int, int] = (0, 0)

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def test_threads(tmp_path: Path) -> None:
    """Batches that are sent together are all noted."""
    checkpoint = begun(tmp_path / "c")

    def publish(first: int) -> None:
        for number in range(first, first + 50):
            checkpoint.was_published(checkpoint.sending(digests(number), {}, TEXTS))

    run_together(publish, [1, 101, 201, 301])
    checkpoint.close()
    assert ranges_in(tmp_path / "c") == [[1, 50], [101, 150], [201, 250], [301, 350]]


class Disk:
    """Stands before the disk, so that it can be busy, or lose what was written.

    Attributes:
        busy: is set while somebody waits for the disk.
        times: how often that was so.
        go_on: lets it have what was written.
        loss: what it says the next time instead, once.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.busy, self.go_on = threading.Event(), threading.Event()
        self.times = 0
        self.loss: OSError | None = None
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._wait)

    def _wait(self, handle: int) -> None:
        self.times += 1
        self.busy.set()
        assert self.go_on.wait(10)
        loss, self.loss = self.loss, None
        if loss is not None:
            raise loss
        self._sync(handle)


def noting(checkpoint: Checkpoint, disk: Disk, numbers: list[int]) -> list[Any]:
    """Note a batch for each number, all but the first while the disk is busy with that; return what became of each."""
    results: list[Any] = []

    def note(number: int) -> None:
        try:
            results.append(checkpoint.sending(digests(number), {}, TEXTS))
        except OSError as error:
            results.append(error)

    threads = [threading.Thread(target=note, args=(number,)) for number in numbers]
    threads[0].start()
    assert disk.busy.wait(10)
    for thread in threads[1:]:
        thread.start()
    until(lambda: len(checkpoint.unfinished) == len(numbers))
    assert results == []
    disk.go_on.set()
    for thread in threads:
        thread.join()
    return results


def test_threads_wait_for_the_disk_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is noted while the disk is busy is there after one more wait, however much it is."""
    checkpoint = begun(tmp_path / "c")
    disk = Disk(monkeypatch)
    results = noting(checkpoint, disk, [1, 2, 3, 4, 5])
    assert disk.times == 2
    assert all(isinstance(result, Sending) for result in results)
    checkpoint.close()
    checkpoint = resumed(tmp_path / "c")
    assert len(checkpoint.unfinished) == 5
    checkpoint.close()


def test_a_disk_that_loses_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so to one who waits; no other takes what was noted by then for safe."""
    checkpoint = begun(tmp_path / "c")
    disk = Disk(monkeypatch)
    disk.loss = OSError(5, "Input/output error")
    results = noting(checkpoint, disk, [1, 2, 3])
    assert [str(result) for result in results] == ["[Errno 5] Input/output error"] * 3
    assert checkpoint.unfinished == []
    checkpoint.close()


def test_whoever_has_something_else_to_do_is_told(tmp_path: Path) -> None:
    """That the disk is waited for is told before, where another batch is on its way that keeps the service busy."""
    told: list[str] = []
    checkpoint = begun(tmp_path / "c")
    with telling(lambda: told.append("waits")):
        one = checkpoint.sending(digests(1), {}, TEXTS)
        assert told == []
        checkpoint.sending(digests(2), {}, TEXTS)
        assert told == ["waits"]
        checkpoint.was_published(one)
    assert told == ["waits"]
    checkpoint.close()


def test_a_new_file_that_may_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not known which file is in place, nothing more is noted, in either: what is refused is not sent."""
    monkeypatch.setattr(checkpoint_module, "_COMPACT_ABOVE", 1)
    checkpoint = begun(tmp_path / "c")

    def fail(_: Path) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(files, "_sync_folder", fail)
        with pytest.raises(OSError, match="Input/output error"):
            checkpoint.sending(digests(1), {}, TEXTS)
    monkeypatch.setattr(checkpoint_module, "_COMPACT_ABOVE", 1_000_000)
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.sending(digests(2), {}, TEXTS)
    assert checkpoint.unfinished == []
    checkpoint.close()
    assert ranges_in(tmp_path / "c") == []


def run_together(work: Callable[[Any], None], arguments: list[Any]) -> None:
    threads = [threading.Thread(target=work, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
