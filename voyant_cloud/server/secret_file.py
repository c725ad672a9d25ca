"""The signing keys' file: beside the data, readable by its owner alone."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.server.private_file import require_private
from voyant_cloud.server.tokens import KeyRing, SigningKey, new_signing_key

__all__ = ["create_key_ring", "load_key_ring", "load_or_create_key_ring"]


def load_or_create_key_ring(path: Path) -> KeyRing:
    """Read the key ring, or make one with a single new key.

    Raises:
        VoyantConfigError: as ``load_key_ring`` and ``create_key_ring``.
    """
    if path.exists():
        return load_key_ring(path)
    try:
        return create_key_ring(path)
    except FileExistsError:
        # Another server was faster.
        return load_key_ring(path)


def load_key_ring(path: Path) -> KeyRing:
    """Read the key ring.

    The file is JSON, ``{"keys": [{"kid": "…", "secret": "<hex>"}]}``; the first key signs, all verify.

    Raises:
        VoyantConfigError: the file cannot be read, others than its owner can read it, or it is damaged. The message
            names the file and never shows a key.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        raise VoyantConfigError(
            f"signing keys {path}: there is no such file; make it once with voyant-cloud new-secret {path}, and give"
            " each node a copy"
        ) from None
    except OSError as error:
        raise VoyantConfigError(f"signing keys {path}: cannot be read: {error.strerror}") from None


def create_key_ring(path: Path) -> KeyRing:
    """Write a file with a single new key.

    Raises:
        FileExistsError: there is such a file already; it stays as it is.
        VoyantConfigError: it cannot be written.
    """
    ring = KeyRing((new_signing_key(),))
    text = json.dumps({"keys": [{"kid": key.kid, "secret": key.secret.hex()} for key in ring.keys]})
    # A reader never sees half a file: it is written whole under a name of its own, which nobody else can read either,
    # and linked into place. The link fails where another server was faster.
    draft: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        draft = Path(name)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise VoyantConfigError(f"signing keys {path}: cannot be written: {error.strerror}") from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    return ring


def _read(path: Path) -> KeyRing:
    with path.open("rb") as file:
        require_private(os.fstat(file.fileno()).st_mode, f"signing keys {path}")
        data = file.read()
    try:
        first, *others = (_key(entry) for entry in json.loads(data)["keys"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        if isinstance(error, VoyantConfigError):
            raise
        raise VoyantConfigError(f"signing keys {path}: the file is damaged; restore it, or remove it") from None
    ids = [key.kid for key in (first, *others)]
    for kid in ids:
        if ids.count(kid) > 1:
            # Tokens name their key by it, so the second one would verify nothing.
            raise VoyantConfigError(f"signing keys {path}: the id {kid[:80]!r} is there more than once")
    return KeyRing((first, *others))


def _key(entry: dict[str, Any]) -> SigningKey:
    return SigningKey(str(entry["kid"]), bytes.fromhex(entry["secret"]))
