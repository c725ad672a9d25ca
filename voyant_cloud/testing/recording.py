"""A client for tests that keeps what it is given: no server, no network, nothing beyond the SDK itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from voyant_cloud.client import VoyantCloudClient
from voyant_cloud.config import ClientConfig, read_timeout
from voyant_cloud.envelope import Answer
from voyant_cloud.errors import VoyantConfigError
from voyant_cloud.models import RealtimeMessageSummary, RealtimePresenceMember
from voyant_cloud.realtime.api import RealtimeApi
from voyant_cloud.testing.arguments import read_times
from voyant_cloud.testing.recorded_service import IDEMPOTENCY_SECONDS, RecordedService
from voyant_cloud.transport import Call, Transport

if TYPE_CHECKING:
    from requests import Session  # noqa: TID251 - the type of an argument

__all__ = ["RecordingClient"]


class RecordingClient(VoyantCloudClient):
    """A ``VoyantCloudClient`` whose service is a list in memory.

    ::

        client = RecordingClient()
        notify(client, order)
        Published(client)("orders:eu", event="order.updated")

    Arguments are checked, messages get ids, history and idempotency keys work as with a server in its defaults: a
    channel's history is its newest 1,000 messages. Not so are tokens, which are made up, however much they grant.
    Nothing can be subscribed to: ``realtime.channel`` raises and says that it takes a ``VoyantServer``. Nobody is
    present but who is put into *members*.

    Args:
        settings: as for ``VoyantCloudClient``; none is needed, not even a key.

    Attributes:
        members: who ``presence.get`` finds, by channel.
    """

    def __init__(self, **settings: Any) -> None:
        self._service = RecordedService()
        self.members: dict[str, list[RealtimePresenceMember]] = self._service.members
        super().__init__(**{"api_key": "recording", "base_url": "http://recording.invalid", **settings})
        self.realtime: RealtimeApi = _RecordingRealtimeApi(self._transport)

    @property
    def messages(self) -> list[RealtimeMessageSummary]:
        """Every message that was published, oldest first."""
        return self._service.messages

    def fail_with(self, error: Exception, *, times: int | None = 1) -> None:
        """Have the next calls raise an error; they store nothing.

        The error stands for what the client gives up with, so nothing is tried again. Arguments that break a limit are
        still refused first, and do not count.

        Args:
            error: such as ``ServiceUnavailableError("away", status=503, code="service_unavailable")``.
            times: how many calls, 1 or more; ``None`` for all until ``clear()`` or another ``fail_with``.

        Raises:
            VoyantConfigError: *error* is none that can be raised, or *times* is out of range.
        """
        if not isinstance(error, Exception):
            raise VoyantConfigError(f"fail_with: error must be an exception, got {error!r}")
        self._service.fail_with(error, read_times("fail_with", times))

    def clear(self) -> None:
        """Forget all messages and members, and fail no more."""
        self._service.clear()

    def _new_transport(self, config: ClientConfig, session: Session | None) -> Transport:
        return _RecordingTransport(config, session, self._service)


class _RecordingTransport(Transport):
    """A transport that asks the service in memory."""

    def __init__(self, config: ClientConfig, session: Session | None, service: RecordedService) -> None:
        super().__init__(config, session)
        self._service = service

    def answer_to(self, call: Call) -> Answer:
        """Answer from memory."""
        if call.timeout is not None:
            read_timeout(call.timeout)
        content = self._service.answer(call)
        self.key_lifetime = IDEMPOTENCY_SECONDS
        return Answer(200, {}, content, str(call))


class _RecordingRealtimeApi(RealtimeApi):
    """The calls, without what takes a connection."""

    def channel(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to subscribe."""
        raise VoyantConfigError(
            "channel: a RecordingClient has nothing to connect to; use voyant_cloud.testing.VoyantServer"
        )
