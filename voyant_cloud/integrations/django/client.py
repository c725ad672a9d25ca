"""``get_client()``: one client a process, made when it is first asked for."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.signals import setting_changed
from django.dispatch import receiver

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.integrations.django import conf

__all__ = ["channel_url", "close_client", "get_client", "new_client", "using_client"]

_lock = threading.Lock()
_client: VoyantCloudClient | None = None
_made_in = 0
# Apart from the process's own, which is closed and made anew whenever the setting changes.
_given: VoyantCloudClient | None = None


def get_client() -> VoyantCloudClient:
    """Return the process's client, set up by the setting ``VOYANT_CLOUD``. Do not close it.

    Safe in any thread, and under servers that fork: a worker that inherits the client uses it with connections of its
    own. A test that overrides the setting gets another client.

    Raises:
        ImproperlyConfigured: the setting is missing something or wrong; it says all that is.
    """
    global _client, _made_in
    client = _given or _client
    if client is not None:
        return client
    with _lock:
        if _client is None:
            _client = new_client()
            _made_in = os.getpid()
        return _client


def channel_url() -> str:
    """Return the address at which browsers connect: for a Content-Security-Policy, its ``connect-src``.

    Raises:
        ImproperlyConfigured: as ``get_client``.
    """
    return conf.channel_url(get_client().base_url)


def new_client(**overrides: Any) -> VoyantCloudClient:
    """Return a client of the caller's own, to be closed by the caller.

    Args:
        overrides: arguments of ``VoyantCloudClient`` that win over the setting.

    Raises:
        ImproperlyConfigured: as ``get_client``.
    """
    return VoyantCloudClient(**{**conf.client_settings(), **overrides})


@contextmanager
def using_client(client: VoyantCloudClient) -> Iterator[VoyantCloudClient]:
    """Have ``get_client()`` return a client of the caller's own in the block: in tests, a ``RecordingClient``.

    It is for all threads, and not closed. The setting need not be there meanwhile.
    """
    global _given
    with _lock:
        before, _given = _given, client
    try:
        yield client
    finally:
        with _lock:
            _given = before


def close_client() -> None:
    """Close the process's client; the next ``get_client()`` makes another."""
    global _client
    with _lock:
        client, _client = _client, None
    # One that was inherited is the parent's: its pools may be locked by threads that do not exist here.
    if client is not None and os.getpid() == _made_in:
        client.close()


@receiver(setting_changed)
def _forget_client(*, setting: str, **_: Any) -> None:
    if setting == conf.SETTING:
        close_client()


def _renew_lock() -> None:
    """Let a child go on where a thread of the parent held the lock at the fork."""
    global _lock
    _lock = threading.Lock()


atexit.register(close_client)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
