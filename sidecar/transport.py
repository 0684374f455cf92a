"""Reaches canonical origins through the sidecar, everything else directly.

A resource is named by its canonical URL and reached by a route. What passes through a sidecar keeps status, headers
and body, and streams in both directions, but for what `_check_path` and `_survivable` are about.
"""

import re
from collections.abc import Mapping
from typing import Final

import httpx2

from sidecar.dapr_http import Address

LIMITS: Final = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=20)

_ALTERED: Final = re.compile(rb"//|/\.{1,2}(?:/|$)|%2f|%5c|%2e|%00|%23|%3f|\\|.+/$", re.IGNORECASE)
_EVENTS: Final = b"text/event-stream"


class SidecarTransport(httpx2.AsyncBaseTransport):
    """Sends a request for a routed origin to the sidecar, for the app-id of `routes`, and any other to where it says.

    A caller's own `dapr-*` headers are dropped: none may choose another app or carry the sidecar's token abroad.
    """

    def __init__(self, address: Address, routes: Mapping[str, str]) -> None:
        self._address = address
        self._routes = {_origin(httpx2.URL(origin)): app_id for origin, app_id in routes.items()}
        self._sidecar = httpx2.AsyncHTTPTransport(limits=LIMITS, trust_env=False)
        self._direct = httpx2.AsyncHTTPTransport(limits=LIMITS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, unread, to one response, unread. Raises httpx2's own errors."""
        app_id = self._routes.get(_origin(request.url))
        if app_id is None:
            return await self._direct.handle_async_request(_copy(request, request.url, _headers(request)))
        return await self._sidecar.handle_async_request(self._routed(request, app_id))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._sidecar.aclose()
        await self._direct.aclose()

    def _routed(self, request: httpx2.Request, app_id: str) -> httpx2.Request:
        """The request as the sidecar wants it: under the invocation path, so that no path reaches its other APIs."""
        path, _, query = request.url.raw_path.partition(b"?")
        _check_path(request, path)
        raw = f"/v1.0/invoke/{app_id}/method".encode() + path + (b"?" + query if query else b"")
        headers = [_survivable(name, value) for name, value in _headers(request)]
        if self._address.token:
            headers.append((b"dapr-api-token", self._address.token.encode()))
        return _copy(request, httpx2.URL(self._address.url).copy_with(raw_path=raw), headers)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port; a scheme's default port is None to httpx2 in either spelling."""
    return url.scheme, url.host, url.port


def _check_path(request: httpx2.Request, path: bytes) -> None:
    """Refuse a path that the sidecar would decode or clean into another one."""
    if _ALTERED.search(path):
        raise httpx2.UnsupportedProtocol("this path would change on its way through the sidecar", request=request)


def _headers(request: httpx2.Request) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in request.headers.raw if not name.lower().startswith(b"dapr-")]


def _survivable(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """For `Accept: text/event-stream`, exactly so, the sidecar makes any refusal a 500 without its challenge."""
    if name.lower() == b"accept" and value.strip().lower() == _EVENTS:
        return name, value + b", */*;q=0.1"
    return name, value


def _copy(request: httpx2.Request, url: httpx2.URL, headers: list[tuple[bytes, bytes]]) -> httpx2.Request:
    """The same request elsewhere, its body still unread."""
    return httpx2.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
