"""OpenTelemetry spans of one app: each request that it answers and each call that it makes, sent by OTLP over HTTP.

Names and attributes are those of the semantic conventions for HTTP, and `daca.*` for decisions. No header, body or
query is in them.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import httpx2
from opentelemetry import context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    get_current_span,
    set_span_in_context,
    use_span,
)

from sidecar.at_once import AtOnce, Reply, Wrapped, at_once_of
from sidecar.probes import PROBES
from sidecar.redaction import redact_text
from sidecar.trace import Trace, enter, leave, trace_of

if TYPE_CHECKING:
    from collections.abc import Generator

App: TypeAlias = Callable[..., Awaitable[None]]

_SERVER_ERROR: Final = 500
_CLIENT_ERROR: Final = 400
_NOT_FOUND: Final = 404
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Spans:
    """The spans of one app. Where they go, and which are kept, is said by OpenTelemetry's own settings (`OTEL_…`).

    `timeout` bounds one export in seconds, and with it how long the end of the app waits for a collector that is away.
    """

    def __init__(self, name: str, *, timeout: float | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=timeout)))
        self._tracer = self._provider.get_tracer("daca")

    def end(self) -> None:
        """Send what waits, and no more."""
        self._provider.shutdown()

    def hear(self, event: str, said: Mapping[str, str]) -> None:
        """A listener of `sidecar.audit.Audit`: a decision stands on the span of the request that it is about."""
        told = {f"daca.{name}": redact_text(value) for name, value in said.items() if name != "trace_id"}
        get_current_span().set_attributes({"daca.event": event, **told})

    def around(self, app: App) -> App:
        """The app, each of its requests in a span of the caller's trace, or of one that begins here."""

        async def spanned(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["path"] in PROBES:
                return await app(scope, receive, send)
            with _answering(self._tracer, scope) as span:

                async def noting(message: MutableMapping[str, Any]) -> None:
                    if message["type"] == "http.response.start":
                        _answered(span, scope, message["status"])
                    await send(message)

                try:
                    return await app(scope, receive, noting)
                except Exception as error:  # told by its type alone: its words may be anybody's
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(StatusCode.ERROR)
                    raise
                finally:
                    span.end()

        ask = at_once_of(app)
        return spanned if ask is None else Wrapped(app=spanned, at_once=self._spanned_at_once(ask))

    def _spanned_at_once(self, ask: AtOnce) -> AtOnce:
        """The short cut, which stays one; a request that it declines has its span on the whole way."""

        def spanned(scope: MutableMapping[str, Any], body: bytes) -> Reply | None:
            with _answering(self._tracer, scope) as span:
                reply = ask(scope, body)
                if reply is not None:
                    _answered(span, scope, reply[0])
                    span.end()
                return reply

        return spanned

    def outgoing(self, inner: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """The way to others, each call in a span that they continue."""
        return SpanTransport(inner, self._tracer)


class SpanTransport(httpx2.AsyncBaseTransport):
    """Each call in a span of its own, which ends when the answer begins."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One call. Raises what the transport underneath raises."""
        method, url = _method(request.method), request.url
        told = {
            "http.request.method": method,
            "server.address": url.host,
            "server.port": url.port or (443 if url.scheme == "https" else 80),
            "url.full": redact_text(str(url.copy_with(query=None, fragment=None, username=None, password=None))),
        }
        with self._tracer.start_as_current_span(
            method, kind=SpanKind.CLIENT, attributes=told, record_exception=False, set_status_on_exception=False
        ) as span:
            request.headers.update(trace_in(span).headers)
            try:
                answer = await self._inner.handle_async_request(request)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            _noted(span, answer.status_code, wrong=_CLIENT_ERROR)
            return answer

    async def aclose(self) -> None:
        """Close the transport underneath."""
        await self._inner.aclose()


@contextmanager
def _answering(tracer: Tracer, scope: Mapping[str, Any]) -> "Generator[Span]":
    """A span and its trace while the block runs. It is told of when it is ended, and not at all when it never is."""
    came = trace_of(scope["headers"])
    parent = None if came is None else set_span_in_context(NonRecordingSpan(context_of(came)), context.Context())
    method = _method(scope["method"])
    told = {
        "http.request.method": method,
        "url.path": redact_text(scope["path"]),
        "url.scheme": scope.get("scheme", "http"),
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    span = tracer.start_span(method, context=parent or context.Context(), kind=SpanKind.SERVER, attributes=told)
    with use_span(span, record_exception=False, set_status_on_exception=False):
        reset = enter(trace_in(span))
        try:
            yield span
        finally:
            leave(reset)


def _answered(span: Span, scope: Mapping[str, Any], status: int) -> None:
    _noted(span, status, wrong=_SERVER_ERROR)
    if status != _NOT_FOUND:  # else anybody could name spans
        span.update_name(f"{_method(scope['method'])} /{scope['path'].split('/')[1]}")


def _noted(span: Span, status: int, *, wrong: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= wrong:
        span.set_attribute("error.type", str(status))
        span.set_status(StatusCode.ERROR)


def _method(method: str) -> str:
    return method if method in _METHODS else "_OTHER"


def trace_in(span: Span) -> Trace:
    """The trace of a span, as others are told of it."""
    told = span.get_span_context()
    flags = f"{int(told.trace_flags):02x}"
    return Trace(f"{told.trace_id:032x}", f"{told.span_id:016x}", flags, told.trace_state.to_header())


def context_of(trace: Trace) -> SpanContext:
    """A trace that came with a request, as OpenTelemetry knows it."""
    return SpanContext(
        trace_id=int(trace.trace_id, 16),
        span_id=int(trace.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(trace.flags, 16)),
        trace_state=TraceState.from_header([trace.state]) if trace.state else TraceState(),
    )
