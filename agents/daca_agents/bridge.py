"""Lets a client of httpx speak over one of httpx2, which has our tokens and routes: the A2A SDK knows only httpx."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import httpx
import httpx2

# What the one raises, and what the other's users expect; the first that fits counts.
_ERRORS: tuple[tuple[type[httpx2.TransportError], type[httpx.TransportError]], ...] = (
    (httpx2.ConnectTimeout, httpx.ConnectTimeout),
    (httpx2.PoolTimeout, httpx.PoolTimeout),
    (httpx2.WriteTimeout, httpx.WriteTimeout),
    (httpx2.TimeoutException, httpx.ReadTimeout),
    (httpx2.ConnectError, httpx.ConnectError),
    (httpx2.RemoteProtocolError, httpx.RemoteProtocolError),
    (httpx2.TransportError, httpx.ReadError),
)


class Bridge(httpx.AsyncBaseTransport):
    """Sends every request by `http`, whose it stays. Bodies stream, both ways; what `http.auth` raises passes."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request to one response, unread. Raises httpx's errors, and those of the client's authorization."""
        try:
            answer = await self._http.send(self._translated(request), stream=True)
        except httpx2.TransportError as error:
            raise _translated(error, request) from error
        return httpx.Response(answer.status_code, headers=answer.headers.raw, stream=_Body(answer, request))

    def _translated(self, request: httpx.Request) -> httpx2.Request:
        # The bytes of a body that is here already can be sent again with a better token; a stream can not.
        stream = request.stream
        body: Any = request.content if isinstance(stream, httpx.ByteStream) else stream
        timeout = cast("Mapping[str, float | None] | None", request.extensions.get("timeout"))
        return self._http.build_request(
            request.method,
            str(request.url),
            headers=[(name, value) for name, value in request.headers.raw if name.lower() != b"host"],
            content=body,
            timeout=httpx2.USE_CLIENT_DEFAULT if timeout is None else httpx2.Timeout(**timeout),
        )


class _Body(httpx.AsyncByteStream):
    """The answer's body as it comes, still encoded as it was sent."""

    def __init__(self, answer: httpx2.Response, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._answer.aiter_raw():
                yield piece
        except httpx2.TransportError as error:
            raise _translated(error, self._request) from error

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._answer.aclose()


def _translated(error: httpx2.TransportError, request: httpx.Request) -> httpx.TransportError:
    kind = next(theirs for ours, theirs in _ERRORS if isinstance(error, ours))
    return kind(str(error), request=request)
