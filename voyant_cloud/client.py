"""The client, and the functions that make one from arguments or from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from voyant_cloud.config import (
    DEFAULT_BASE_URL,
    DEFAULT_TIMEOUT,
    DEFAULT_USER_AGENT,
    ClientConfig,
    Timeout,
    settings_from,
)
from voyant_cloud.realtime.api import RealtimeApi
from voyant_cloud.retry import DEFAULT_RETRIES, RetryPolicy
from voyant_cloud.transport import Transport

if TYPE_CHECKING:
    from requests import Session  # noqa: TID251 - the type of an argument

__all__ = [
    "VoyantCloudClient",
    "create_voyant_cloud_client",
    "get_voyant_cloud_client",
    "try_get_voyant_cloud_client",
]


class VoyantCloudClient:
    """A client of Voyant Cloud, for the server side of an application: it holds an API key.

    ::

        with VoyantCloudClient(api_key="…") as client:
            client.realtime.publish("orders:eu", event="order.updated", data={"orderId": "ord_1"})

    One client may be shared by any number of threads, and keeps their connections open. After a fork it can be used in
    both processes; each has connections of its own. The key is in no ``repr``, log or exception.

    Args:
        api_key: visible ASCII, without spaces.
        base_url: ``http`` or ``https``, a host, perhaps a port and a path.
        timeout: seconds to connect and to wait for an answer, above 0: one number for both, or a pair. The whole
            answer must be there within the second after its headers came.
        retries: how many times to try again, 0 to 100, or a ``RetryPolicy``.
        session: a ``requests.Session`` of your own, used as it is and not closed; ``None`` makes one.
        proxies: a proxy's URL by scheme, as in requests; ``None`` takes those that the environment names now.
        verify: ``True`` checks the service's certificate, ``False`` does not, a path names a CA bundle to check it
            with; ``None`` leaves it to the session, which checks.
        user_agent: what the client calls itself to the service, printable ASCII.
        auth_header: the header that carries the key.
        auth_scheme: the word before the key in that header; ``None`` or ``""`` sends the key alone.

    Attributes:
        realtime: the calls.

    Raises:
        VoyantConfigError: an argument is missing or wrong; the message names it.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = DEFAULT_BASE_URL,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retries: int | RetryPolicy = DEFAULT_RETRIES,
        session: Session | None = None,
        proxies: Mapping[str, str] | None = None,
        verify: bool | str | os.PathLike[str] | None = None,
        user_agent: str = DEFAULT_USER_AGENT,
        auth_header: str = "Authorization",
        auth_scheme: str | None = "Bearer",
    ) -> None:
        config = ClientConfig(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout,
            retries=retries,
            proxies=proxies,
            verify=verify,
            user_agent=user_agent,
            auth_header=auth_header,
            auth_scheme=auth_scheme,
        )
        self._transport = self._new_transport(config, session)
        self.realtime = RealtimeApi(self._transport)

    @property
    def base_url(self) -> str:
        """The service's address, without a slash at its end."""
        return self._transport.config.base_url

    def close(self) -> None:
        """Close the connections. Calls that wait to try again fail, later ones are refused. Safe to call twice.

        Channels that this client opened have connections of their own, and are closed by themselves.
        """
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_transport(self, config: ClientConfig, session: Session | None) -> Transport:
        return Transport(config, session)

    def __repr__(self) -> str:
        return f"VoyantCloudClient(base_url={self.base_url!r}, api_key='***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a VoyantCloudClient cannot be pickled or copied: it holds a secret; make one where it is needed"
        )


def create_voyant_cloud_client(**settings: Any) -> VoyantCloudClient:
    """Return a client. The same as ``VoyantCloudClient(…)``, under the name it has in the TypeScript SDK."""
    return VoyantCloudClient(**settings)


def get_voyant_cloud_client(env: Mapping[str, str] = os.environ, **overrides: Any) -> VoyantCloudClient:
    """Return a client that is set up by the environment.

    Args:
        env: holds ``VOYANT_CLOUD_API_KEY``, perhaps ``VOYANT_CLOUD_API_URL`` and ``VOYANT_CLOUD_USER_AGENT``. An empty
            string counts as unset.
        overrides: arguments of ``VoyantCloudClient``, which win over *env*; an empty string or ``None`` for one that
            *env* can give does not.

    Raises:
        VoyantConfigError: there is no API key, or a setting is wrong.
    """
    settings = settings_from(env, overrides)
    return VoyantCloudClient(**{"api_key": "", **settings})


def try_get_voyant_cloud_client(env: Mapping[str, str] = os.environ, **overrides: Any) -> VoyantCloudClient | None:
    """Return a client as ``get_voyant_cloud_client`` does, or ``None`` if there is no API key.

    Raises:
        VoyantConfigError: there is an API key, and a setting is wrong.
    """
    settings = settings_from(env, overrides)
    return VoyantCloudClient(**settings) if "api_key" in settings else None
