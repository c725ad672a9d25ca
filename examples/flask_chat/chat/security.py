"""What a browser is told about this site, and who may send something to it."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, abort, request

from voyant_cloud.integrations.flask import VoyantCloud

__all__ = ["init_app"]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def init_app(app: Flask, voyant: VoyantCloud) -> None:
    """Add the checks and the headers to an application, after ``voyant.init_app``."""
    with app.app_context():
        policy = _policy(voyant.channel_url)

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response

    # Another site cannot act for somebody who is in a chat here: its browser keeps the cookie back (SameSite=Lax), and
    # messages have to be JSON, which no form can send. This is for what needs no cookie, such as taking a name, and for
    # pages on another port of the same host, which to SameSite are the same site.
    @app.before_request
    def same_origin() -> None:
        origin = request.headers.get("Origin")
        if request.method not in SAFE_METHODS and origin is not None and urlsplit(origin).netloc != request.host:
            abort(403, "This came from another site.")


def _policy(channel_url: str) -> str:
    service = urlsplit(channel_url)
    socket = f"{'wss' if service.scheme == 'https' else 'ws'}://{service.netloc}"
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self' {socket}",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
