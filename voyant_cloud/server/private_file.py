"""Files that hold secrets: refused where others than their owner can read them."""

from __future__ import annotations

import os
import stat

from voyant_cloud.errors import VoyantConfigError

__all__ = ["require_private"]


def require_private(mode: int, subject: str) -> None:
    """Check that a file is its owner's alone, where the system knows owners.

    Args:
        mode: as ``os.stat`` tells it.
        subject: what errors begin with: the file, and what it holds.

    Raises:
        VoyantConfigError: its group or others have rights to it.
    """
    permissions = stat.S_IMODE(mode)
    if os.name == "posix" and permissions & 0o077:
        raise VoyantConfigError(f"{subject}: others can read it (mode {permissions:04o}); run chmod 600 on it")
