"""Where the authorization server's keys come from: its metadata, then its JWK Set. Bounded, never redirected."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

import httpx2

from resource_server.errors import KeySourceError, Unparseable
from resource_server.key_set import KeySet, read_key_set
from resource_server.rules.rfc7493_json import read_json
from resource_server.rules.rfc8414_issuer import check_fetchable, check_metadata, metadata_urls

_LARGEST_DOCUMENT = 256 * 1024
_WHOLE_FETCH = 5.0
_OK = 200
_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}


@dataclass(frozen=True, kw_only=True)
class KeySource:
    """The one trusted issuer, or the one configured `jwks_uri`; nothing a token says changes it."""

    issuer: str
    jwks_uri: str | None
    algorithms: Collection[str]
    allow_http: bool

    async def fetch(self, http: httpx2.AsyncClient) -> KeySet:
        """The keys as they are now, within five seconds. Raises KeySourceError."""
        try:
            async with asyncio.timeout(_WHOLE_FETCH):
                jwks_uri = self.jwks_uri or await self._discover(http)
                return read_key_set(await self._get(http, jwks_uri), self.algorithms)
        except TimeoutError as error:
            raise KeySourceError(f"{self.issuer} did not answer within {_WHOLE_FETCH:.0f} s") from error

    async def _discover(self, http: httpx2.AsyncClient) -> str:
        failures: list[str] = []
        for url in metadata_urls(self.issuer):
            try:
                document = await self._get(http, url)
            except KeySourceError as error:
                failures.append(str(error))
            else:
                return check_metadata(document, self.issuer)
        raise KeySourceError("no metadata: " + "; ".join(failures))

    async def _get(self, http: httpx2.AsyncClient, url: str) -> Mapping[str, object]:
        check_fetchable(url, allow_http=self.allow_http)
        try:
            async with http.stream("GET", url, headers=_HEADERS, follow_redirects=False) as response:
                if response.status_code != _OK:
                    raise KeySourceError(f"{url} answered {response.status_code}")
                document = read_json(await _bounded(response))
        except httpx2.HTTPError as error:
            raise KeySourceError(f"{url}: {type(error).__name__} {error}".rstrip()) from error
        except Unparseable as error:
            raise KeySourceError(f"{url} did not answer with sound JSON") from error
        if not isinstance(document, dict):
            raise KeySourceError(f"{url} did not answer with a JSON object")
        return cast("dict[str, object]", document)


async def _bounded(response: httpx2.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise KeySourceError(f"{response.url} is compressed although nobody asked for it")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST_DOCUMENT:
            raise KeySourceError(f"{response.url} is larger than {_LARGEST_DOCUMENT} bytes")
    return bytes(body)
