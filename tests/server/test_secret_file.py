"""The signing keys' file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.secret_file import load_or_create_key_ring


def test_it_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    """The first start makes the file for its owner alone; the next reads the same key."""
    path = tmp_path / "voyant.db.secret"
    first = load_or_create_key_ring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key_ring(path) == first
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_several_keys_keep_their_order(tmp_path: Path) -> None:
    """The first key of the file signs."""
    path = tmp_path / "keys"
    path.write_text(json.dumps({"keys": [{"kid": "new", "secret": "11" * 32}, {"kid": "old", "secret": "22" * 32}]}))
    path.chmod(0o600)
    ring = load_or_create_key_ring(path)
    assert ring.signing.kid == "new"
    assert ring.find("old") is not None


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Loose permissions stop the start and say what to run."""
    path = tmp_path / "keys"
    load_or_create_key_ring(path)
    path.chmod(0o640)
    with pytest.raises(VoyantConfigError, match=r"mode 0640.*chmod 600"):
        load_or_create_key_ring(path)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "{}",
            '{"keys": []}',
            '{"keys": [{"kid": "a"}]}',
            '{"keys": [{"kid": "a", "secret": "zz"}]}',
            '{"keys": 5}',
        ),
        *("\xff", "[" * 100_000),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is no key ring is named, and its content is not."""
    path = tmp_path / "keys"
    path.write_text(text, "latin-1")
    path.chmod(0o600)
    with pytest.raises(VoyantConfigError, match="the file is damaged"):
        load_or_create_key_ring(path)


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    """A key of fewer than 32 bytes does not start a server."""
    path = tmp_path / "keys"
    path.write_text('{"keys": [{"kid": "a", "secret": "aabb"}]}')
    path.chmod(0o600)
    with pytest.raises(VoyantConfigError, match="is 2 bytes, at least 32"):
        load_or_create_key_ring(path)


def test_an_id_that_is_there_twice(tmp_path: Path) -> None:
    """Two keys of one id are refused, since only the first could be found."""
    path = tmp_path / "keys"
    path.write_text(json.dumps({"keys": [{"kid": "a", "secret": digit * 64} for digit in "12"]}))
    path.chmod(0o600)
    with pytest.raises(VoyantConfigError, match="the id 'a' is there more than once"):
        load_or_create_key_ring(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A path that cannot be written says so."""
    with pytest.raises(VoyantConfigError, match="cannot be written: No such file"):
        load_or_create_key_ring(tmp_path / "missing" / "keys")
