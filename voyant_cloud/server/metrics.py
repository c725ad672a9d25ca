"""The route ``/metrics``: what a server counts, in the text format of Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client import generate_latest as write_text
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from voyant_cloud._version import __version__
from voyant_cloud.server.answers import LOG_LEVEL
from voyant_cloud.server.context import Context
from voyant_cloud.server.tally import Histogram, Labels

__all__ = ["METRICS", "Metrics", "routes"]

routes = web.RouteTableDef()


class Metrics:
    """The metrics of one server, in a registry of its own, since several servers may run in one process."""

    def __init__(self, context: Context) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Collector(context))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all of them; to be called on the event loop, where the counts are at rest."""
        return write_text(self._registry)


METRICS: Final = web.AppKey("metrics", Metrics)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """Tell what the server counts. It holds no secret, and takes no key."""
    # A scraper comes every few seconds, which would bury the rest of the access log.
    request[LOG_LEVEL] = logging.DEBUG
    return web.Response(body=request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Collector(Collector):
    """Reads a server's counts when they are asked for, so that counting costs no more than an addition."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def collect(self) -> Iterable[Metric]:
        """Give every metric of ours; see ``docs/metrics.md``."""
        yield InfoMetricFamily("voyant_build", "The version that runs.", value={"version": __version__})
        yield from self._connections()
        yield from self._messages()
        yield from self._replays()
        yield from self._engine()
        lag = "How late the event loop was, looked at once a second."
        yield _histograms("voyant_loop_lag_seconds", lag, {(): self._context.tally.loop_lag})

    def _connections(self) -> Iterable[Metric]:
        context, tally = self._context, self._context.tally
        queued = present = 0
        for connection in context.connections:
            queued += connection.queued_bytes
            present += connection.entered
        most = context.config.limits.connections
        waiting = len(context.connections) - tally.open
        yield _gauge("voyant_connections", "WebSockets that are open.", tally.open)
        yield _gauge("voyant_connections_waiting", "Upgrades and ended WebSockets that wait for the store.", waiting)
        yield _gauge("voyant_connections_limit", "WebSockets that may be open or wait.", most)
        yield _gauge("voyant_presence_connections", "WebSockets that have entered presence.", present)
        yield _gauge(
            "voyant_channels", "Channels that are followed, or were within the last half minute.", context.hub.size
        )
        yield _gauge("voyant_queue_bytes", "Bytes that wait to be taken by all peers together.", queued)
        yield _gauge("voyant_draining", "1 once the server is on its way out.", int(context.draining))
        yield CounterMetricFamily("voyant_connections_opened", "WebSockets that were opened.", value=tally.opened)
        yield _counters("voyant_closes", "WebSockets that ended, by close code.", ["code"], _single(tally.closes))
        refused = "Requests and frames that were refused, by error code."
        yield _counters("voyant_refusals", refused, ["transport", "code"], tally.refusals)

    def _messages(self) -> Iterable[Metric]:
        tally = self._context.tally
        by = ["transport"]
        yield _counters("voyant_publishes", "Publishes that were stored.", by, _single(tally.publishes))
        yield _counters("voyant_published_messages", "Messages in them.", by, _single(tally.messages))
        handed = "Messages handed to sockets, one for each subscriber: as they came, or to catch up."
        deliveries: dict[Labels, int] = {("live",): tally.live, ("replay",): tally.replayed}
        yield _counters("voyant_deliveries", handed, ["path"], deliveries)
        took = (
            "From a message's commit until every live subscriber's socket had it, once for what was committed together."
        )
        yield _histograms("voyant_delivery_latency_seconds", took, {(): tally.delivery})

    def _replays(self) -> Iterable[Metric]:
        tally = self._context.tally
        began = "Subscriptions by how they began: all that was missed, some of it, or nothing asked for."
        yield _counters("voyant_replays", began, ["outcome"], _single(tally.replays))
        yield CounterMetricFamily("voyant_gaps", "Gaps that subscribers were told of.", value=tally.gaps)
        behind = "How often a subscriber was too slow for live messages, or missed one, and had to catch up."
        yield CounterMetricFamily("voyant_fell_behind", behind, value=tally.fell_behind)

    def _engine(self) -> Iterable[Metric]:
        tally = self._context.tally
        times: dict[Labels, Histogram] = {(operation,): histogram for operation, histogram in tally.engine.items()}
        by = ["operation"]
        yield _histograms("voyant_engine_latency_seconds", "What the engine's operations took.", times, by)
        failures = "Operations that the engine could not do."
        yield _counters("voyant_engine_failures", failures, by, _single(tally.engine_failures))


def _single(values: Mapping[str, int]) -> dict[Labels, int]:
    return {(label,): value for label, value in values.items()}


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counters(name: str, text: str, labels: list[str], values: Mapping[Labels, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for label, value in values.items():
        family.add_metric(label, value)
    return family


def _histograms(
    name: str, text: str, histograms: Mapping[Labels, Histogram], labels: list[str] | None = None
) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels or [])
    for label, histogram in histograms.items():
        family.add_metric(label, histogram.buckets(), histogram.sum)
    return family
