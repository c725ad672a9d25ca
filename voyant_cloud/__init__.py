"""Realtime channels for Python: publish, subscribe, history and presence."""

import importlib
from typing import TYPE_CHECKING, Any

from voyant_cloud._version import __version__
from voyant_cloud.client import (
    VoyantCloudClient,
    create_voyant_cloud_client,
    get_voyant_cloud_client,
    try_get_voyant_cloud_client,
)
from voyant_cloud.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PublishManyError,
    PublishOutcomeUnknown,
    RateLimitedError,
    RealtimeAuthError,
    RealtimeClosedError,
    RealtimeError,
    RealtimeGapError,
    RealtimeNotConnectedError,
    ServiceUnavailableError,
    UnauthorizedError,
    VoyantApiError,
    VoyantConfigError,
    VoyantDecodeError,
    VoyantError,
    VoyantTimeoutError,
    VoyantTransportError,
    VoyantValidationError,
)
from voyant_cloud.models import (
    MintRealtimeTokenInput,
    PublishRealtimeBatchInput,
    PublishRealtimeMessageInput,
    RealtimeBatchMessage,
    RealtimeCapability,
    RealtimeChannelConnectedEvent,
    RealtimeChannelError,
    RealtimeChannelPresenceEvent,
    RealtimeChannelTarget,
    RealtimeChannelTokenExpiringEvent,
    RealtimeConnectQuery,
    RealtimeErrorCode,
    RealtimeHistoryQuery,
    RealtimeMessageSummary,
    RealtimePresenceAction,
    RealtimePresenceInput,
    RealtimePresenceIntent,
    RealtimePresenceMember,
    RealtimeTokenSummary,
)
from voyant_cloud.realtime.bulk import PublishReport
from voyant_cloud.retry import RetryPolicy

if TYPE_CHECKING:
    from voyant_cloud.realtime.channel import ChannelState, RealtimeChannel, RealtimeChannelOptions
    from voyant_cloud.realtime.events import RealtimeChannelDisconnectedEvent, RealtimeChannelGapEvent
    from voyant_cloud.realtime.shared_threads import SharedThreads

__all__ = [
    "ChannelState",
    "ConflictError",
    "ForbiddenError",
    "InternalError",
    "InvalidRequestError",
    "MintRealtimeTokenInput",
    "NotFoundError",
    "PayloadTooLargeError",
    "PublishManyError",
    "PublishOutcomeUnknown",
    "PublishRealtimeBatchInput",
    "PublishRealtimeMessageInput",
    "PublishReport",
    "RateLimitedError",
    "RealtimeAuthError",
    "RealtimeBatchMessage",
    "RealtimeCapability",
    "RealtimeChannel",
    "RealtimeChannelConnectedEvent",
    "RealtimeChannelDisconnectedEvent",
    "RealtimeChannelError",
    "RealtimeChannelGapEvent",
    "RealtimeChannelOptions",
    "RealtimeChannelPresenceEvent",
    "RealtimeChannelTarget",
    "RealtimeChannelTokenExpiringEvent",
    "RealtimeClosedError",
    "RealtimeConnectQuery",
    "RealtimeError",
    "RealtimeErrorCode",
    "RealtimeGapError",
    "RealtimeHistoryQuery",
    "RealtimeMessageSummary",
    "RealtimeNotConnectedError",
    "RealtimePresenceAction",
    "RealtimePresenceInput",
    "RealtimePresenceIntent",
    "RealtimePresenceMember",
    "RealtimeTokenSummary",
    "RetryPolicy",
    "ServiceUnavailableError",
    "SharedThreads",
    "UnauthorizedError",
    "VoyantApiError",
    "VoyantCloudClient",
    "VoyantConfigError",
    "VoyantDecodeError",
    "VoyantError",
    "VoyantTimeoutError",
    "VoyantTransportError",
    "VoyantValidationError",
    "__version__",
    "create_voyant_cloud_client",
    "get_voyant_cloud_client",
    "try_get_voyant_cloud_client",
]

_OF_CHANNELS = {
    "ChannelState": "voyant_cloud.realtime.channel",
    "RealtimeChannel": "voyant_cloud.realtime.channel",
    "RealtimeChannelDisconnectedEvent": "voyant_cloud.realtime.events",
    "RealtimeChannelGapEvent": "voyant_cloud.realtime.events",
    "RealtimeChannelOptions": "voyant_cloud.realtime.channel",
    "SharedThreads": "voyant_cloud.realtime.shared_threads",
}

# A type checker reads the imports above. It would take any name for one of this module if it saw __getattr__.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load what belongs to channels when it is asked for: a process that only publishes does without."""
        if name not in _OF_CHANNELS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(importlib.import_module(_OF_CHANNELS[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
