"""What is seen of a process from outside while it runs: its traces and, where settings ask for them, its metrics."""

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from sidecar.audit import Listener
from sidecar.connect import Sidecar
from sidecar.trace import Traced

if TYPE_CHECKING:
    from sidecar.metrics import Metrics

App: TypeAlias = Callable[..., Awaitable[None]]

_LAST_PORT: Final = 65535


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The way into an app, and the ears for its decisions."""

    metrics: "Metrics | None" = None

    @property
    def listeners(self) -> Sequence[Listener]:
        """Who hears the audit events."""
        return () if self.metrics is None else (self.metrics.hear,)

    def around(self, app: App, sidecar: Sidecar) -> App:
        """The app as its requests reach it."""
        if self.metrics is not None:
            self.metrics.tell_dropped(lambda: sidecar.audit.dropped)
            app = self.metrics.measured(app)
        return Traced(app)


@contextmanager
def watching(environ: Mapping[str, str], app_id: str) -> Generator[Watch]:
    """As long as the process runs. Raises ValueError for a port that is none, OSError for one that is taken."""
    port = environ.get("DACA_METRICS_PORT", "")
    if not port:
        yield Watch()
        return
    # What nobody asked for is not loaded either: it takes time at each start, and memory.
    from sidecar.metrics import Metrics, serving  # noqa: PLC0415  see above

    metrics = Metrics(app_id)
    with serving(metrics, host=environ.get("DACA_METRICS_HOST") or "127.0.0.1", port=_port(port)):
        yield Watch(metrics=metrics)


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise ValueError(f"DACA_METRICS_PORT is {text!r}, and must be a port: 1 to {_LAST_PORT}")
    return int(text)
