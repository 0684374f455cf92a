"""GET of a URL that a stranger named: checked, pinned, bounded in size and time. CIMD §6.5, §6.6.

The name is resolved once, every address is checked, and the connection goes to a checked address, not to the name:
an answer of the DNS that changes in between changes nothing. Certificates are still checked against the name.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from socket import SOCK_STREAM
from typing import TypeAlias

import httpx2

from auth_server.fetch.location import FetchRefused, Location, locate
from auth_server.rules.rfc6890_special_use import is_loopback_address, is_public

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
LARGEST = 5 * 1024
SECONDS = 3.0
_CONNECT_SECONDS = 1.0
_MOST_ADDRESSES = 4
_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """The body of a 200, and the header fields, names in lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """What the operating system makes of a host name, odd forms of an address included. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Fetches; `loopback` lets URLs on this machine's own names through, for development and tests."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self.loopback = loopback
        self._resolve = resolve
        self._given_tls = tls
        self._seconds = seconds
        self._room = asyncio.Semaphore(_AT_ONCE)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    async def get(self, url: str) -> Fetched:
        """The answer, if it is a 200 of at most 5 KB within 3 s, name look-up included. Raises FetchRefused."""
        location = locate(url, loopback=self.loopback)
        try:
            async with asyncio.timeout(self._seconds), self._room:
                return await self._get(location, await self._addresses(location))
        except TimeoutError:
            raise FetchRefused("took too long") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            raise FetchRefused(f"{type(error).__name__}: {error}") from error

    async def _addresses(self, location: Location) -> Sequence[str]:
        """All of them must be fit: one that is not says enough about the others."""
        addresses = await self._resolve(location.host, location.port)
        fit = is_loopback_address if self.loopback and location.loopback else is_public
        if not addresses or not all(map(fit, addresses)):
            raise FetchRefused("the name leads to an address that is not public")
        return addresses[:_MOST_ADDRESSES]

    async def _get(self, location: Location, addresses: Sequence[str]) -> Fetched:
        for address in addresses[:-1]:
            try:
                return await self._get_from(location, address)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._get_from(location, addresses[-1])

    async def _get_from(self, location: Location, address: str) -> Fetched:
        literal = f"[{address}]" if ":" in address else address
        request = httpx2.Request(
            "GET",
            f"{location.scheme}://{literal}:{location.port}{location.target}",
            headers={"Host": location.authority, "Accept": "application/json", "Accept-Encoding": "identity"},
            extensions={
                "sni_hostname": location.host,
                "timeout": {"connect": _CONNECT_SECONDS, "read": self._seconds, "write": self._seconds, "pool": 1.0},
            },
        )
        # The transport itself: no redirects, no proxies of the environment, no cookies, no decoding.
        async with httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False) as transport:
            return await _read(await transport.handle_async_request(request))


async def _read(response: httpx2.Response) -> Fetched:
    if response.status_code != HTTPStatus.OK:
        raise FetchRefused(f"answered {response.status_code}")
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchRefused("the body is encoded, which was not asked for")
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > LARGEST:
            raise FetchRefused(f"the body has more than {LARGEST} bytes")
    return Fetched(body=body, headers={name.lower(): value for name, value in response.headers.items()})
