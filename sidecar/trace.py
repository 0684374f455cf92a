"""W3C Trace Context: which trace a request belongs to, handed on with every call that is made for it."""

import random
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeAlias

import httpx2

from sidecar.at_once import AtOnce, Reply, Scope, at_once_of

App: TypeAlias = Callable[..., Awaitable[None]]

# A later version may add fields after another dash; this one may not.
_PARENT: Final = re.compile(
    rb"(?:00(?=.{53}\Z)|(?!ff|00)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_LONGEST_STATE: Final = 512


class Trace(NamedTuple):  # made for every request, and a tuple is made in a third of the time of a dataclass
    """A trace, and the span in it that is the parent of whatever comes next. §3.2, §3.3."""

    trace_id: str
    span_id: str
    flags: str = "00"
    state: str = ""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """How a call says that it belongs to the trace."""
        parent = ("traceparent", f"00-{self.trace_id}-{self.span_id}-{self.flags}")
        return (parent, ("tracestate", self.state)) if self.state else (parent,)


_current: ContextVar[Trace | None] = ContextVar("sidecar.trace", default=None)
current = _current.get
enter = _current.set
leave = _current.reset


def begun() -> Trace:
    """A trace that begins here; nobody records it yet, so its flags are zero."""
    # It joins lines of logs and nothing else, so it need not be hard to guess.
    digits = f"{random.getrandbits(192):048x}"
    return Trace(digits[:32], digits[32:])


def trace_of(headers: Iterable[tuple[bytes, bytes]]) -> Trace | None:
    """The trace that a request belongs to; None for none, or for one that is malformed. §4.3."""
    parent = state = b""
    for name, value in headers:
        if name == b"traceparent":
            parent = value
        elif name == b"tracestate" and len(value) <= _LONGEST_STATE:
            state = value
    found = _PARENT.fullmatch(parent)
    if found is None:
        return None
    trace_id, span_id, flags = found.groups()
    return Trace(trace_id.decode(), span_id.decode(), flags.decode(), state.decode("latin-1"))


class Traced:
    """An ASGI app whose requests each belong to a trace: the caller's, or one that begins here."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._ask = at_once_of(app)
        self.at_once: AtOnce | None = None if self._ask is None else self._answer_at_once

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        reset = enter(trace_of(scope["headers"]) or begun())
        try:
            return await self._app(scope, receive, send)
        finally:
            leave(reset)

    def _answer_at_once(self, scope: Scope, body: bytes) -> Reply | None:
        if self._ask is None:
            return None
        reset = enter(trace_of(scope["headers"]) or begun())
        try:
            return self._ask(scope, body)
        finally:
            leave(reset)


class TracedTransport(httpx2.AsyncBaseTransport):
    """Sends with each call the trace that it is made for, unless the caller has named one."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One call. Raises what the transport underneath raises."""
        trace = current()
        if trace is not None and "traceparent" not in request.headers:
            request.headers.update(trace.headers)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the transport underneath."""
        await self._inner.aclose()
