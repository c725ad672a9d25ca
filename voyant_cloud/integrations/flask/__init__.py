"""Realtime for Flask: ``VoyantCloud(app)``, or ``init_app`` in an application factory. Needs the extra ``[flask]``."""

from __future__ import annotations

from voyant_cloud.integrations.flask.extension import VoyantCloud, current_realtime
from voyant_cloud.integrations.flask.publishing import publish_after_request
from voyant_cloud.integrations.flask.tokens import token_blueprint

__all__ = ["VoyantCloud", "current_realtime", "publish_after_request", "token_blueprint"]
