"""Reaches canonical origins through the sidecar, everything else directly.

A resource is named by its canonical URL and reached by a route. What passes through a sidecar keeps status, headers
and body, and streams in both directions, but for what `_check_path` and `_survivable` are about.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import httpx2

from sidecar.dapr_http import Address
from sidecar.patience import PatientTransport

LIMITS: Final = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=20)

_KEPT: Final = "/!$&'()*+,;=:@[]~"
_LOST: Final = re.compile(r"//|/\.{1,2}(?:/|$)|.+/$|[%?#\\\x00-\x1f\x7f]")
_ESCAPE: Final = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_EVENTS: Final = b"text/event-stream"


class SidecarTransport(httpx2.AsyncBaseTransport):
    """Sends a request for a routed origin to the sidecar, for the app-id of `routes`, and any other to where it says.

    A caller's own `dapr-*` headers are dropped: none may choose another app or carry the sidecar's token abroad.
    """

    def __init__(self, address: Address, routes: Mapping[str, str]) -> None:
        self._address = address
        self._routes = {_origin(httpx2.URL(origin)): app_id for origin, app_id in routes.items()}
        self._sidecar = PatientTransport(httpx2.AsyncHTTPTransport(limits=LIMITS, trust_env=False))
        self._direct = httpx2.AsyncHTTPTransport(limits=LIMITS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request, unread, to one response, unread. Raises httpx2's own errors."""
        app_id = self.app_id_of(request.url)
        if app_id is None:
            return await self._direct.handle_async_request(_copy(request, request.url, _headers(request)))
        return await self._sidecar.handle_async_request(self._routed(request, app_id))

    def app_id_of(self, url: httpx2.URL) -> str | None:
        """The app that has this URL's origin, or None: then the URL is where it says it is."""
        return self._routes.get(_origin(url))

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
    """Refuse a path that would name something else behind the sidecar, which decodes, cleans and encodes it anew."""
    if not _passes(path):
        raise httpx2.UnsupportedProtocol("this path would change on its way through the sidecar", request=request)


def _passes(path: bytes) -> bool:
    """Whether decoding and encoding gives the same path, with nothing in it that is decoded twice or cut off."""
    try:
        decoded, given = unquote_to_bytes(path).decode(), path.decode()
    except UnicodeDecodeError:
        return False
    same = quote(decoded, safe=_KEPT) == _ESCAPE.sub(lambda escape: escape[0].upper(), given)
    return same and not _LOST.search(decoded)


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
