"""Prometheus metrics of one app, on a port of their own: its decisions by reason, and how long its requests take."""

import time
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sidecar.at_once import AtOnce, Reply, Wrapped, at_once_of
from sidecar.probes import PROBES

App: TypeAlias = Callable[..., Awaitable[None]]

_RESOURCES_MOST: Final = 50
_REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("replayed", "replayed jti", "reuse"), "replayed"),
    **dict.fromkeys(("wrong secret", "unknown client", "no proof", "disabled", "may_act"), ""),
}
"""Reasons that are a label of their own, under which name (none: as they are). What strangers write is no label."""

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one app. Every label has a bounded number of values: nothing of them is what a caller sends."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._resources: set[str] = set()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._decisions = Counter(
            "daca_decisions",
            "Decisions by what was decided on, how, and why",
            ("app", "event", "outcome", "reason", "resource"),
            registry=self.registry,
        )
        self._requests = Histogram(
            "daca_request_duration_seconds",
            "Time from a request's arrival to the end of its answer",
            ("app", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def hear(self, event: str, said: Mapping[str, str]) -> None:
        """A listener of `sidecar.audit.Audit`."""
        reason = said.get("reason", "")
        known = _REASONS.get(reason)
        reason = "" if known is None else known or reason
        self._decisions.labels(self._app_id, event, said.get("outcome", ""), reason, self._resource(said)).inc()

    def tell_dropped(self, dropped: Callable[[], int]) -> None:
        """Give also how many audit events could not be published."""
        self.registry.register(_Dropped(self._app_id, dropped))

    def measured(self, app: App) -> App:
        """The app, each of its requests measured, but for how it is."""

        async def measuring(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] in PROBES:
                return await app(scope, receive, send)
            status, began = "none", time.perf_counter()

            async def noting(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            try:
                return await app(scope, receive, noting)
            finally:
                self._requests.labels(self._app_id, status).observe(time.perf_counter() - began)

        ask = at_once_of(app)
        return measuring if ask is None else Wrapped(app=measuring, at_once=self._measured_at_once(ask))

    def _measured_at_once(self, ask: AtOnce) -> AtOnce:
        def measuring(scope: MutableMapping[str, Any], body: bytes) -> Reply | None:
            began, reply = time.perf_counter(), ask(scope, body)
            if reply is not None:
                self._requests.labels(self._app_id, str(reply[0])).observe(time.perf_counter() - began)
            return reply

        return measuring

    def _resource(self, said: Mapping[str, str]) -> str:
        resource = said.get("resource", "")
        if resource and len(self._resources) < _RESOURCES_MOST:
            self._resources.add(resource)
        return resource if not resource or resource in self._resources else "other"


class _Dropped(Collector):
    def __init__(self, app_id: str, dropped: Callable[[], int]) -> None:
        self._app_id = app_id
        self._dropped = dropped

    def collect(self) -> Iterator[CounterMetricFamily]:
        """One number, as it is now."""
        told = "Audit events that could not be published"
        family = CounterMetricFamily("daca_audit_events_dropped", told, labels=("app",))
        family.add_metric((self._app_id,), self._dropped())
        yield family


@contextmanager
def serving(metrics: Metrics, *, host: str, port: int) -> Generator[None]:
    """Give the metrics to whoever asks there. Raises OSError when the place is taken."""
    server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
