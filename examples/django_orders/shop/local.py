"""What this project keeps on the machine it runs on: its databases, and secrets that are made at the first start."""

import os
import secrets
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ORDERS_DATA") or BASE / "data")


def secret(name: str) -> str:
    """Return a secret of this machine's own; the first call makes it."""
    DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = DATA / name
    if not path.exists():
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(9 if name == "demo-password" else 48))
        draft.replace(path)
    return path.read_text()
