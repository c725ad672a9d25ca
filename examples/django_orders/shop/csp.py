"""A strict Content-Security-Policy: scripts and styles from this site alone, connections to the service as well."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse

from voyant_cloud.integrations.django import channel_url


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Django 6 has a middleware of its own; this one works with older ones, too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy())
        return response

    return middleware


def policy() -> str:
    """Return the header's value."""
    service = urlsplit(channel_url())
    socket = f"{'wss' if service.scheme == 'https' else 'ws'}://{service.netloc}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {socket}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
