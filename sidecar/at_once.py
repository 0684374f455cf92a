"""HTTP/1.1 by uvicorn, with a short cut: what an app can answer at once, from memory, needs no task and no waiting.

An app that has `at_once` is offered each request that came whole. When it declines, the request goes the whole way as
if nothing had been asked. How far this leans on uvicorn's own workings: docs/decisions/0018.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, cast

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

Scope: TypeAlias = MutableMapping[str, Any]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Reply: TypeAlias = tuple[int, Headers, bytes]
"""Status, headers but for the length, body."""


AtOnce: TypeAlias = Callable[[Scope, bytes], Reply | None]
"""The whole answer to a request and its body; or None, when nothing has happened and it is to go the whole way.

Never an answer to HEAD, and headers that are the same for many answers: they are joined once.
"""


def at_once_of(app: object) -> AtOnce | None:
    """How an app answers at once, if it can."""
    return getattr(app, "at_once", None)


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    """An app around another, by both ways."""

    app: Callable[..., Awaitable[None]]
    at_once: AtOnce | None

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """ASGI."""
        await self.app(scope, receive, send)


class HttpAtOnce(HttpToolsProtocol):
    """uvicorn's protocol, one a connection. Only a request that came in one piece, none before it, is offered."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._app = cast("object", self.config.loaded_app)  # pyright: ignore[reportUnknownMemberType]  see __init__
        self._ask = at_once_of(self._app)
        self._reading = False
        self._held: tuple[RequestResponseCycle, Any] | None = None
        self._answered_at: float | None = None
        self._quiet_since = 0.0
        self._defaults: object = None
        self._head = b""

    def data_received(self, data: bytes) -> None:
        """What came. A timer that would end a quiet connection is kept when this was all answered at once."""
        if self._ask is None:
            super().data_received(data)
            return
        timer, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        self._reading, self._answered_at = True, None
        super().data_received(data)
        self._reading = False
        if self._held is not None:  # the rest of its body is still to come
            held, self._held = self._held, None
            super()._start_asgi_task(*held)
        if self._answered_at is not None and self.cycle.response_complete and not self.transport.is_closing():
            self._quiet_since = self._answered_at
            self.timeout_keep_alive_task = timer or self._timer(self.timeout_keep_alive)
        elif timer is not None:
            timer.cancel()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._reading and app is self._app and cycle is self.cycle and cycle.more_body:
            self._held = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """All of a request is there."""
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            if not self._answered(held[0]):
                super()._start_asgi_task(*held)

    def _answered(self, cycle: RequestResponseCycle) -> bool:
        if self._ask is None or not cycle.keep_alive or cycle.access_log or self.flow.write_paused:
            return False
        try:
            reply = self._ask(cast("Scope", cycle.scope), bytes(cycle.body))
            whole = None if reply is None else self._whole(*reply)
        except Exception:  # noqa: BLE001  what fails here fails the whole way too, where it is told
            return False
        if whole is None:
            return False
        self.transport.write(whole)
        cycle.response_started = cycle.response_complete = True
        cycle.on_response = _nothing
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._answered_at = self.loop.time()
        return True

    def _whole(self, status: int, headers: Headers, body: bytes) -> bytes:
        """Head and body, for one write."""
        if self._defaults is not self.server_state.default_headers:  # a new list for each second's date
            self._defaults = self.server_state.default_headers
            self._head = _block(tuple(self.server_state.default_headers))
        length = b"content-length: %d\r\n\r\n" % len(body)
        return b"".join((STATUS_LINE[status], self._head, _block(headers), length, body))

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has been quiet for long enough; one timer sees many requests go by."""
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0 or self.transport.is_closing():
            super().timeout_keep_alive_handler()
        else:
            self.timeout_keep_alive_task = self._timer(left)

    def _timer(self, seconds: float) -> Any:
        return self.loop.call_later(seconds, self.timeout_keep_alive_handler)


@lru_cache(maxsize=128)
def _block(headers: Headers) -> bytes:
    """The lines of these headers. Raises ValueError for what would be more than a header."""
    for name, value in headers:
        if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
            raise ValueError("a header is malformed")
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _nothing() -> None: ...
