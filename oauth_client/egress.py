"""The connection itself: a name is resolved once, judged, and connected to as the address that was judged."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

import httpx2

from oauth_client.rules.rfc9728_egress import check_place, is_loopback_host, place_of

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolve_here(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Refuses names that lead to private places, and keeps a name from leading elsewhere a moment later.

    Loopback written as such has been judged by `check_url`; a public name that leads to loopback is refused.
    Raises AddressRefused. RFC 9728 §7.7.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, *, allow_private: bool = False, resolve: Resolve = resolve_here
    ) -> None:
        self._inner = inner
        self._allow_private = allow_private
        self._resolve = resolve

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Connect to the first judged address, with the name kept in Host and in the TLS handshake."""
        host = request.url.host
        if is_loopback_host(host):
            return await self._inner.handle_async_request(request)
        address = await self._address(request, host)
        pinned = httpx2.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Close the connections underneath."""
        await self._inner.aclose()

    async def _address(self, request: httpx2.Request, host: str) -> str:
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            raise httpx2.ConnectError(f"{host} cannot be resolved", request=request) from error
        for address in addresses:
            place = place_of(ip_address(address.partition("%")[0]))
            check_place(str(request.url), place, loopback=False, private=self._allow_private)
        return addresses[0]


def guarded_client(*, allow_private: bool) -> httpx2.AsyncClient:
    """A client of the library's own, which judges the addresses that names lead to."""
    transport = GuardedTransport(httpx2.AsyncHTTPTransport(), allow_private=allow_private)
    return httpx2.AsyncClient(transport=transport)
