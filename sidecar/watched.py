"""What is seen of a process from outside while it runs: traces and, where settings ask for them, spans and metrics."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx2

from sidecar.audit import Listener
from sidecar.connect import Sidecar
from sidecar.trace import Traced, TracedTransport

if TYPE_CHECKING:
    from sidecar.metrics import Metrics
    from sidecar.spans import Spans

App: TypeAlias = Callable[..., Awaitable[None]]

_LAST_PORT: Final = 65535
_EXPORT_SECONDS: Final = 3.0
_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
_COLLECTORS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The way into an app and out of it, and the ears for its decisions."""

    metrics: "Metrics | None" = None
    spans: "Spans | None" = None

    @property
    def listeners(self) -> Sequence[Listener]:
        """Who hears the audit events."""
        return [listener.hear for listener in (self.metrics, self.spans) if listener is not None]

    def around(self, app: App, sidecar: Sidecar) -> App:
        """The app as its requests reach it."""
        if self.metrics is not None:
            self.metrics.tell_dropped(lambda: sidecar.audit.dropped)
            app = self.metrics.measured(app)
        return Traced(app) if self.spans is None else self.spans.around(app)

    def outgoing(self, transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """The transport as the app's calls leave it."""
        return TracedTransport(transport) if self.spans is None else self.spans.outgoing(transport)


@contextmanager
def watching(environ: Mapping[str, str], app_id: str) -> Generator[Watch]:
    """As long as the process runs. Raises ValueError for a port that is none, OSError for one that is taken."""
    with ExitStack() as stack:
        yield Watch(metrics=_metrics(environ, app_id, stack), spans=_spans(environ, app_id, stack))


# What nobody asked for is not loaded either: it takes time at each start, and memory.


def _metrics(environ: Mapping[str, str], app_id: str, stack: ExitStack) -> "Metrics | None":
    port = environ.get("DACA_METRICS_PORT", "")
    if not port:
        return None
    from sidecar.metrics import Metrics, serving  # noqa: PLC0415  see above

    metrics = Metrics(app_id)
    stack.enter_context(serving(metrics, host=environ.get("DACA_METRICS_HOST") or "127.0.0.1", port=_port(port)))
    return metrics


def _spans(environ: Mapping[str, str], app_id: str, stack: ExitStack) -> "Spans | None":
    if not any(environ.get(name) for name in _COLLECTORS):
        return None
    from sidecar.spans import Spans  # noqa: PLC0415  see above

    timeout = None if any(environ.get(name) for name in _TIMEOUTS) else _EXPORT_SECONDS
    spans = Spans(environ.get("OTEL_SERVICE_NAME") or app_id, timeout=timeout)
    stack.callback(spans.end)
    return spans


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise ValueError(f"DACA_METRICS_PORT is {text!r}, and must be a port: 1 to {_LAST_PORT}")
    return int(text)
