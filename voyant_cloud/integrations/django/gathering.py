"""One transaction's messages, gathered: how several calls become one request, and savepoints still count.

Each call registers two hooks with Django: a *part*, which hands over its messages, and a *flush*, which sends what was
handed over. At the commit the hooks run in order, and only the newest flush sends. Django itself drops the parts whose
savepoint was undone. The newest flush has to outlive them for as long as any part does, so it is bound to those
savepoints alone that all parts have in common.

The hooks are the only state: it is Django's own list, per connection, which empties it on commit and rollback.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from voyant_cloud.models import RealtimeBatchMessage

__all__ = ["gather"]

Send = Callable[[Sequence[RealtimeBatchMessage], bool], None]


class _Gathering:
    """What the parts of one transaction have handed over.

    Attributes:
        last: the newest flush.
        messages: what is to be sent.
        robust: whether all who handed something over bear a failure.
    """

    def __init__(self) -> None:
        self.last: _Flush | None = None
        self.messages: list[RealtimeBatchMessage] = []
        self.robust = True


class _Part:
    """Hands over the messages of one call."""

    def __init__(self, gathering: _Gathering, messages: Sequence[RealtimeBatchMessage], robust: bool) -> None:
        self.gathering = gathering
        self._messages = messages
        self._robust = robust

    def __call__(self) -> None:
        self.gathering.messages.extend(self._messages)
        self.gathering.robust = self.gathering.robust and self._robust


class _Flush:
    """Sends what was handed over, unless a newer flush will."""

    def __init__(self, gathering: _Gathering, send: Send) -> None:
        self._gathering = gathering
        self._send = send
        gathering.last = self

    def __call__(self) -> None:
        gathering = self._gathering
        if gathering.last is not self or not gathering.messages:
            return
        messages, robust = gathering.messages, gathering.robust
        # Emptied first: a test may run the hooks of a transaction that goes on.
        gathering.messages, gathering.robust = [], True
        self._send(messages, robust)


def gather(messages: Sequence[RealtimeBatchMessage], *, robust: bool, send: Send, using: str | None) -> None:
    """Have *messages* sent at the commit, together with all others of the transaction.

    Args:
        messages: one or more.
        robust: whether their failure is borne.
        send: sends messages; told whether all of them are robust. The newest one of the transaction is called.
        using: the database's alias; ``None`` takes the default one.
    """
    hooks = connections[using or DEFAULT_DB_ALIAS].run_on_commit
    gathering = next((hook.gathering for hook in map(_function, hooks) if isinstance(hook, _Part)), None)
    gathering = gathering or _Gathering()
    transaction.on_commit(_Part(gathering, messages, robust), using=using)
    transaction.on_commit(_Flush(gathering, send), using=using)
    _bind_last(connections[using or DEFAULT_DB_ALIAS].run_on_commit, gathering)


def _bind_last(hooks: list[tuple[Any, ...]], gathering: _Gathering) -> None:
    """Bind the newest flush to the savepoints that all parts have in common."""
    # Outside a transaction the hooks have run by now.
    if hooks and _function(hooks[-1]) is gathering.last:
        parts = [savepoints for savepoints, hook, *_ in hooks if isinstance(hook, _Part)]
        hooks[-1] = (set.intersection(*parts), *hooks[-1][1:])


def _function(hook: tuple[Any, ...]) -> Any:
    return hook[1]
