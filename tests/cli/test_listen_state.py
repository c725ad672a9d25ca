"""The file that ``listen --state`` keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyant_cloud.cli.exits import CommandError
from voyant_cloud.cli.listen_state import ListenState


def test_what_was_saved_is_found(tmp_path: Path) -> None:
    """The next run begins where this one saved; before that there is nothing."""
    path = tmp_path / "s"
    state = ListenState(path, "a")
    assert state.last_message_id is None
    state.save(None)
    assert not path.exists()
    state.save("rtm_1")
    state.save("rtm_2")
    assert ListenState(path, "a").last_message_id == "rtm_2"
    assert [each.name for each in tmp_path.iterdir()] == ["s"]


def test_no_news_is_not_written(tmp_path: Path) -> None:
    """The same id again leaves the file alone."""
    path = tmp_path / "s"
    state = ListenState(path, "a")
    state.save("rtm_1")
    before = path.stat().st_ino
    state.save("rtm_1")
    assert path.stat().st_ino == before


def test_another_channel_is_refused(tmp_path: Path) -> None:
    """An id of one channel says nothing in another."""
    ListenState(tmp_path / "s", "a").save("rtm_1")
    with pytest.raises(CommandError, match="is of the channel a, not b; name another file"):
        ListenState(tmp_path / "s", "b")


@pytest.mark.parametrize("content", ["", "x", "[]", "{}", '{"channel": "a"}', '{"channel": "a", "lastMessageId": ""}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    """What is no state is not written over."""
    (tmp_path / "s").write_text(content)
    with pytest.raises(CommandError, match="is not a state of listen; remove it to begin with live messages"):
        ListenState(tmp_path / "s", "a")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """It is refused before anything is listened to; where it goes later, the error names the file, not the draft."""
    with pytest.raises(CommandError, match="gone is no folder that can be written to"):
        ListenState(tmp_path / "gone" / "s", "a")
    (tmp_path / "there").mkdir()
    state = ListenState(tmp_path / "there" / "s", "a")
    (tmp_path / "there").rmdir()
    with pytest.raises(OSError, match="No such file") as caught:
        state.save("rtm_1")
    assert caught.value.filename == str(tmp_path / "there" / "s")
